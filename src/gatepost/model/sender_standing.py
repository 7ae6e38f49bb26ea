"""How a sender address stands to who signed in."""

from enum import Enum


class Standing(Enum):
    """The directory's answer to "may this principal use this sender?"."""

    ALLOWED = "allowed"
    DOMAIN_NOT_LINKED = "domain_not_linked"
    SENDER_NOT_REGISTERED = "sender_not_registered"
    NOT_SIGNED_IN = "not_signed_in"
    """The principal exists no more, or lost its role."""
