"""The e-mail API: sending messages, and their operations."""

from starlette.routing import BaseRoute

from gatepost.rest.email.handlers import Endpoints
from gatepost.rest.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of this API."""
    return Endpoints(site, site.store.operations).routes
