"""Actions that roles grant: those that sending needs, and patterns of actions."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

SEND_ACTIONS: Final = (
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/Write",
)
"""Actions for sending by SMTP (Microsoft Learn, SMTP authentication, custom role; 2025)."""


@lru_cache(maxsize=1024)
def _pattern(action: str) -> re.Pattern[str]:
    return re.compile(re.escape(action).replace(r"\*", ".*"), re.IGNORECASE | re.DOTALL)


def action_matches(pattern: str, action: str) -> bool:
    """Tell whether ``pattern`` matches ``action``; case does not matter."""
    return _pattern(pattern).fullmatch(action) is not None


def grants(actions: Iterable[str], not_actions: Iterable[str], action: str) -> bool:
    """Tell whether ``actions`` without ``not_actions`` contain ``action``."""
    return _any_matches(actions, action) and not _any_matches(not_actions, action)


def _any_matches(patterns: Iterable[str], action: str) -> bool:
    return any(action_matches(pattern, action) for pattern in patterns)
