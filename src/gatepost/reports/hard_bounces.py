"""Which refusals are hard bounces: the address does not exist, and gets no mail for a while.

Source: Microsoft Learn, "Understanding suppression lists and email bounces" of Azure Communication
Services (sender-reputation-managed-suppression-list), its two tables of SMTP codes.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

Bounce = Literal["hard", "soft", "none"]


def _table(*rows: str) -> frozenset[tuple[int, str]]:
    """Read rows ``CODE PREFIX: LAST LAST-LAST ...``."""
    replies: set[tuple[int, str]] = set()
    for row in rows:
        head, _, lasts = row.partition(":")
        code, prefix = head.split()
        for last in lasts.split():
            first, _, end = last.partition("-")
            numbers = range(int(first), int(end or first) + 1)
            replies.update((int(code), f"{prefix}.{number}") for number in numbers)
    return frozenset(replies)


HARD: Final = _table(
    "521 5.2: 1",
    "525 5.7: 13",
    "550 5.1: 1-4 6 9-10",
    "550 5.2: 1",
    "550 5.3: 2",
    "550 5.4: 1 4 6 310",
    "553 5.1: 3",
)
_REPLY: Final = re.compile(
    r"(?P<code>[245][0-9]{2})(?:[ -](?P<enhanced>[245]\.[0-9]{1,3}\.[0-9]{1,3}))?"
    r"(?:[ -](?P<text>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ServerReply:
    """The reply of the recipient's server."""

    code: int
    enhanced: str = ""
    text: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))

    @property
    def bounce(self) -> Bounce:
        """Whether the address enters the managed list (``hard``).

        What the provider does not document as hard is soft: its table of soft bounces, and
        everything else.
        """
        if self.code < 300:
            return "none"
        return "hard" if (self.code, self.enhanced) in HARD else "soft"


def parse_server_reply(text: str) -> ServerReply:
    """Return the reply in ``550 5.1.1 User unknown`` or a part of it. Raises ValueError."""
    match = _REPLY.fullmatch(text.strip())
    if match is None or (match["enhanced"] and match["enhanced"][0] != match["code"][0]):
        raise ValueError(f"not an SMTP reply such as '550 5.1.1 User unknown': {text[:80]!r}")
    return ServerReply(int(match["code"]), match["enhanced"] or "", (match["text"] or "").strip())
