"""Whether a principal may use a sender address."""

from enum import Enum


class Standing(Enum):
    """The directory's answer to the question whether a principal may use a sender."""

    ALLOWED = "allowed"
    DOMAIN_NOT_LINKED = "domain_not_linked"
    SENDER_NOT_REGISTERED = "sender_not_registered"
    NOT_SIGNED_IN = "not_signed_in"
    """The principal no longer exists, or has lost its role."""
