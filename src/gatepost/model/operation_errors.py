"""Why an operation of a relay is not run, besides a wrong request."""

from typing import Final

NO_RELEASE: Final = "this server sends nothing on: [console] has no release_route"


class NotConfigured(ValueError):
    """This relay does not have what the operation is about."""


class NotAllowed(NotConfigured):
    """The configuration does not allow it."""


class TooManyRequests(Exception):
    """More is asked for at the same time than may be."""
