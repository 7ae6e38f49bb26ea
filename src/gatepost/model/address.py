"""Mailboxes and paths: our own grammar, because it must be the same on every Python.

RFC 5321 4.1.2 (Mailbox, Path), 4.1.3 (address literals), RFC 6531 3.3 (UTF-8).
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_PATH: Final = 256
"""Octets of a path with its brackets (RFC 5321 4.5.3.1.3)."""

# What RFC 6531 adds, less what is no character (halves of surrogate pairs, from octets that are
# not UTF-8) and what ends a line for somebody (the C1 controls, U+2028, U+2029).
_WIDE: Final = r"\u00a0-\u2027\u202a-\ud7ff\ue000-\U0010ffff"
_ATOM: Final = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~\-{_WIDE}]+"
_QUOTED: Final = rf'"(?:\\[\x20-\x7e]|[\x20\x21\x23-\x5b\x5d-\x7e{_WIDE}])*"'
_LABEL: Final = rf"[A-Za-z0-9{_WIDE}](?:[A-Za-z0-9\-{_WIDE}]*[A-Za-z0-9{_WIDE}])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL: Final = r"\[(?:IPv6:[0-9A-Fa-f:.]+|[0-9]{1,3}(?:\.[0-9]{1,3}){3})\]"
_MAILBOX: Final = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL})", re.ASCII
)
_PATH: Final = re.compile(
    rf"<(?:(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL}))?>",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox, spelled as it came: ``local`` keeps its quotes, ``domain`` its case.

    Compare with ``key``, which folds the domain (RFC 5321 2.4).
    """

    local: str
    domain: str

    @property
    def key(self) -> str:
        """The form under which equal mailboxes are equal: local part as is, domain folded."""
        return f"{self.local}@{self.domain.lower()}"

    @property
    def is_ascii(self) -> bool:
        """False when the address needs SMTPUTF8 (RFC 6531)."""
        return self.local.isascii() and self.domain.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


def parse_address(text: str) -> Address:
    """Return the mailbox that ``text`` is.

    Raises ValueError when it is none, or longer than a path may be.
    """
    match = _MAILBOX.fullmatch(text)
    if match is None or len(text.encode("utf-8", "surrogateescape")) > MAX_PATH - 2:
        raise ValueError(f"not a mailbox: {text[:MAX_PATH]!r}")
    return Address(match["local"], match["domain"])


def parse_path(text: str) -> tuple[Address | None, str]:
    """Return the path at the head of ``text`` (None for ``<>``) and what follows it.

    A source route is dropped, as RFC 5321 4.1.2 and appendix C ask. Raises ValueError.
    """
    match = _PATH.match(text)
    if match is None or len(match[0].encode("utf-8", "surrogateescape")) > MAX_PATH:
        raise ValueError(f"not a path: {text[:MAX_PATH]!r}")
    local = match["local"]
    return (Address(local, match["domain"]) if local is not None else None), text[match.end() :]
