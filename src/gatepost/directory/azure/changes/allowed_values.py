"""Permitted values of properties that several kinds of objects have: locations, tags, counts."""

from collections.abc import Mapping
from typing import Final

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.entries import Tags

DATA_LOCATIONS: Final = (
    "Africa", "Asia Pacific", "Australia", "Brazil", "Canada", "Europe", "France", "Germany",
    "India", "Japan", "Korea", "Norway", "Switzerland", "UAE", "UK", "United States", "usgov",
)  # fmt: skip
"""Permitted locations of data at rest (Terraform's azurerm_communication_service, 2025)."""

MOST_TAGS: Final = 50
_TAG_NAME: Final = 512
_TAG_VALUE: Final = 256

_BY_NAME: Final = {each.replace(" ", "").lower(): each for each in DATA_LOCATIONS}


def data_location(text: str) -> str:
    """Return a data location in Azure's spelling. Raises Rejected."""
    location = _BY_NAME.get(text.replace(" ", "").lower())
    if location is None:
        raise Rejected(
            "InvalidDataLocation",
            f"The data location '{text}' is not one of {', '.join(DATA_LOCATIONS)}.",
        )
    return location


def require_unchanged(name: str, before: str, after: str) -> None:
    """Raise Rejected for a change of a property that cannot be changed."""
    if before.lower() != after.lower():
        raise Rejected(
            "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", 409
        )


def checked_tags(tags: Mapping[str, str] | None) -> Tags:
    """Return the tags ("Use tags to organize your Azure resources", limitations).

    Raises Rejected if there are too many, or one is too long.
    """
    tags = dict(tags or {})
    if len(tags) > MOST_TAGS:
        raise Rejected("InvalidTags", f"A resource has {MOST_TAGS} tags at most.")
    if len({name.lower() for name in tags}) < len(tags):
        raise Rejected("InvalidTags", "Two tags have the same name.")
    for name, value in tags.items():
        if not 0 < len(name) <= _TAG_NAME or set(name) & set("<>%&\\?/") or len(value) > _TAG_VALUE:
            raise Rejected(
                "InvalidTagNameCharacters",
                f"A tag's name has 1 to {_TAG_NAME} characters, none of <>%&\\?/ among them; "
                f"its value {_TAG_VALUE} at most.",
            )
    return tags


def at_most(limit: int, count: int, what: str) -> None:
    """Raise Rejected if there were more than ``limit``."""
    if count > limit:
        raise Rejected("QuotaExceeded", f"There can be at most {limit} {what}.")
