"""The Entra token endpoint: discovery, tokens, signing keys."""

from starlette.routing import BaseRoute

from gatepost.rest.context import Site

__all__ = ["routes"]


def routes(_site: Site) -> list[BaseRoute]:
    """Return the routes of this API."""
    return []
