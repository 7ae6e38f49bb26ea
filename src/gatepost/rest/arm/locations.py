"""Permitted locations of resources."""

from typing import Final

from gatepost.rest.errors import ApiError

GLOBAL: Final = "global"


def check_global(location: str | None, kind: str) -> None:
    """Raise ApiError unless the location of a resource of ``kind`` is ``global``."""
    if location is None or not location.strip():
        raise ApiError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    if location.replace(" ", "").lower() != GLOBAL:
        raise ApiError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{kind}'. "
            f"List of available regions for the resource type is '{GLOBAL}'.",
        )
