"""The part of Azure Resource Manager that is needed to send mail."""

from starlette.routing import BaseRoute

from gatepost.rest.arm.dispatch import Face
from gatepost.rest.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of this API."""
    return [Face(site)]
