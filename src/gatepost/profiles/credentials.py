"""User names, passwords and tokens in the form that a provider gives them."""

import re
import secrets
import string
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_HEX: Final = "0123456789abcdef"
_ALPHABETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase + string.digits,
        "digits": string.digits,
        "hex": _HEX,
        "alnum": string.ascii_letters + string.digits,
        "base64": string.ascii_letters + string.digits + "+/",
        "base64url": string.ascii_letters + string.digits + "-_",
    }
)
MAX_LENGTH: Final = 4_096
"""Maximum random characters in one place of a template."""
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_CHANCE: Final = re.compile(rf"({'|'.join(_ALPHABETS)}):([1-9]\d{{0,3}})")


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Return ``template`` with ``values`` by name, and random characters of requested
    kinds.

    Raises ValueError for a place that is neither.
    """

    def fill(match: re.Match[str]) -> str:
        place = match[1]
        if place in values:
            return values[place]
        if place == "guid":
            return str(uuid.uuid4())
        chance = _CHANCE.fullmatch(place)
        if chance is None or int(chance[2]) > MAX_LENGTH:
            raise ValueError(f"{{{place}}} is not a known placeholder here")
        return "".join([secrets.choice(_ALPHABETS[chance[1]]) for _ in range(int(chance[2]))])

    return _PLACE.sub(fill, template)
