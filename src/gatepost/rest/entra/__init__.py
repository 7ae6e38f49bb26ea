"""The Entra token endpoint: discovery, tokens, signing keys."""

from gatepost.rest.entra.dispatch import routes

__all__ = ["routes"]
