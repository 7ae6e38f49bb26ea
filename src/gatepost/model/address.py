"""Mailboxes and paths: our own grammar, so that it is the same on every Python version.

RFC 5321 4.1.2 (Mailbox, Path), 4.1.3 (address literals), RFC 6531 3.3 (UTF-8). In addition, an
underscore is permitted in a domain wherever a letter is: some hosts have such names, and Postfix
and OpenSMTPD accept mail for them.
"""

import re
from typing import Final

from gatepost.model.fast_dataclass import dataclass

MAX_PATH: Final = 256
"""Maximum octets of a path with its brackets (RFC 5321 4.5.3.1.3)."""

# A class of what is excluded compiles in no time; one that spells out most of Unicode takes 5 ms,
# and stands here a dozen times. What _NO_CHARACTER finds is excluded beforehand.
_ATOM: Final = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]+'
_QUOTED: Final = r'"(?:\\[\x20-\x7e]|[^\x00-\x1f"\\\x7f-\x9f])*"'
_LABEL: Final = r"[^\x00-/:-@\[-^`{-\x9f](?:[^\x00-,./:-@\[-^`{-\x9f]*[^\x00-/:-@\[-^`{-\x9f])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL: Final = r"\[(?:IPv6:[0-9A-Fa-f:.]+|[0-9]{1,3}(?:\.[0-9]{1,3}){3})\]"
_MAILBOX: Final = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL})"
)
_PATH: Final = re.compile(
    rf"<(?:(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL}))?>"
)
_NO_CHARACTER: Final = re.compile(r"[\u2028\u2029\ud800-\udfff]")
"""Line separators of Unicode, and surrogates, which stand for octets that were not UTF-8."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as it was written: ``local`` with its quotes, ``domain`` in its case.

    Compare by ``key``, in which the domain is folded (RFC 5321 2.4).
    """

    local: str
    domain: str

    @property
    def key(self) -> str:
        """The form in which equal mailboxes are equal: local part as it is, domain folded."""
        return f"{self.local}@{self.domain.lower()}"

    @property
    def is_ascii(self) -> bool:
        """Whether the address is ASCII; otherwise it needs SMTPUTF8 (RFC 6531)."""
        return self.local.isascii() and self.domain.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


def parse_address(text: str) -> Address:
    """Return ``text`` as a mailbox. Raises ValueError if it is none, or longer than a path may
    be."""
    match = _MAILBOX.fullmatch(text)
    if (
        match is None
        or _is_broken(match[0])
        or len(text.encode("utf-8", "surrogateescape")) > MAX_PATH - 2
    ):
        raise ValueError(f"not a mailbox: {text[:MAX_PATH]!r}")
    return Address(match["local"], match["domain"])


def parse_typed_address(text: str) -> Address:
    """Return the address that somebody has entered. Raises ValueError with a short sentence."""
    try:
        return parse_address(text.strip())
    except ValueError:
        raise ValueError(f"{text[:80]} is no address") from None


def parse_path(text: str) -> tuple[Address | None, str]:
    """Return the path at the beginning of ``text`` (None for ``<>``), and the rest of the text.

    A source route is ignored, as RFC 5321 4.1.2 and appendix C require. Raises ValueError.
    """
    match = _PATH.match(text)
    if (
        match is None
        or _is_broken(match[0])
        or len(match[0].encode("utf-8", "surrogateescape")) > MAX_PATH
    ):
        bare = "" if text.startswith("<") else ", which must be in < and >"
        raise ValueError(f"not a path{bare}: {text[:MAX_PATH]!r}")
    local = match["local"]
    return (Address(local, match["domain"]) if local is not None else None), text[match.end() :]


def _is_broken(matched: str) -> bool:
    return not matched.isascii() and _NO_CHARACTER.search(matched) is not None
