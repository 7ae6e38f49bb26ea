"""Delivery reports to webhooks, in Event Grid's schema."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from gatepost.rest.site import Site

__all__ = ["VALIDATE", "routes"]

VALIDATE = "/eventsubscriptions/{name}/validate"
"""The path of validation URLs."""


def routes(site: "Site") -> "list[BaseRoute]":
    """Return the routes of this API."""
    from starlette.routing import Route  # noqa: PLC0415 - the path alone needs no HTTP

    from gatepost.rest.events.endpoints import EventGridFace, confirming  # noqa: PLC0415 - see Site

    if site.events is None:
        return []
    return [
        Route(VALIDATE, confirming(site.events), methods=["GET"]),
        EventGridFace(site, site.events),
    ]
