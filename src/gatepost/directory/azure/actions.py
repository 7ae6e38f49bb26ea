"""Actions that roles grant: those that sending needs, and patterns of actions."""

from collections.abc import Iterable
from typing import Final

from gatepost.model.wildcards import matches_parts

SEND_ACTIONS: Final = (
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/Write",
)
"""Actions for sending by SMTP (Microsoft Learn, SMTP authentication, custom role; 2025)."""


def matches_action(pattern: str, action: str) -> bool:
    """Tell whether ``pattern`` matches ``action``; case does not matter."""
    return matches_parts(pattern.lower().split("*"), action.lower())


def allows_action(actions: Iterable[str], not_actions: Iterable[str], action: str) -> bool:
    """Tell whether ``actions`` without ``not_actions`` contain ``action``."""
    return _matches_any(actions, action) and not _matches_any(not_actions, action)


def _matches_any(patterns: Iterable[str], action: str) -> bool:
    return any(matches_action(pattern, action) for pattern in patterns)
