"""What was sent and received, with secrets removed before anything else can see them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from gatepost.model.secret_search import SecretSearch

Speaker = Literal["C", "S"]

REDACTED: Final = "[redacted]"
MAX_LINES: Final = 2_000
MAX_LINE: Final = 4_096
MAX_HARMLESS: Final = 64
ACROSS: Final = 8
"""Minimum characters of a secret that is searched for across lines; shorter ones occur by
chance."""
LONG: Final = 4_096
"""Characters of a text in which secrets are found one by one. Servers do not say more; to look for
the spans of many secrets takes long, and the server decides how many there are."""
MANY: Final = 65_536
"""Characters that a long text may mean, decoded, until it is taken for one with a secret."""
_BREAK: Final = re.compile(r"(?<!\s)\s*\n(?:[2-5]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3} )?\s*")
"""What may separate two lines of a reply: the line end, code and status."""
_NO_SECRETS: Final = SecretSearch()


@dataclass(frozen=True, slots=True)
class Line:
    """One line: who sent it, whether under TLS, and its text without CRLF."""

    speaker: Speaker
    text: str
    tls: bool


class Transcript:
    """Records lines; the only object that sees them as they were sent.

    Announce secrets with ``hide`` before they can appear: they are removed from every later line,
    in each form that ``secret_search`` finds.
    """

    __slots__ = (
        "_across",
        "_entries",
        "_harmless",
        "_last",
        "_search",
        "_secrets",
        "_wholes",
        "tls",
    )

    def __init__(self) -> None:
        self._entries: list[tuple[Speaker, str, bool, SecretSearch]] = []
        """Texts of one or more lines, and what to remove from them. They are split, and those of
        the client redacted, only when they are read: most are not, and each message has some."""
        self._secrets: tuple[str, ...] = ()
        self._wholes: tuple[str, ...] = ()
        self._search = self._across = _NO_SECRETS
        self._harmless: set[str] = set()
        """Texts that have no secret: most replies are the same as an earlier one."""
        self._last = ""
        """The last text without a secret; the words at its end have none either."""
        self.tls = False

    def hide(self, secret: str | bytes) -> None:
        """Remove ``secret``, and parts of it, from every line from now on, in any form."""
        text = _text(secret)
        if text and text not in self._secrets:
            self._secrets += (text,)
            self._prepare()

    def hide_whole(self, text: str | bytes) -> None:
        """Remove a text, in any form, but no parts of it: it contains more than a secret."""
        whole = _text(text)
        if whole and whole not in self._wholes:
            self._wholes += (whole,)
            self._prepare()

    def _prepare(self) -> None:
        self._search = _search_for(self._secrets, self._wholes)
        self._across = _search_for(_long(self._secrets), _long(self._wholes))
        self._harmless, self._last = set(), ""

    def copy(self) -> "Transcript":
        """Return a transcript that continues separately from here, with the same secrets."""
        copied = Transcript()
        copied._entries, copied.tls = self._entries[:], self.tls
        copied._secrets, copied._wholes = self._secrets, self._wholes
        copied._search, copied._across = self._search, self._across
        copied._harmless = self._harmless
        return copied

    def client(self, text: str) -> None:
        """Record what the client sent."""
        if len(self._entries) < MAX_LINES:
            self._entries.append(("C", text, self.tls, self._search))

    def server(self, text: str) -> str:
        """Record what the server sent: one or more lines. Return it as ``redact`` does."""
        is_harmless = self._search is _NO_SECRETS or text in self._harmless  # most are
        redacted = text if is_harmless else self.redact(text)
        if len(self._entries) < MAX_LINES:
            self._entries.append(("S", redacted, self.tls, _NO_SECRETS))
        return redacted

    def redact(self, text: str) -> str:
        """Return a text of the server without the announced secrets; REDACTED if one spans its
        lines, or is in a text longer than LONG."""
        if not (self._secrets or self._wholes) or text in self._harmless:
            return text
        if self._last.endswith(f" {text}"):  # the text of a reply, behind its code
            return text
        if len(text) > LONG:
            struck = REDACTED if self._can_be_in_long(text) else text
        else:
            struck = self._search.replace(text, REDACTED)
            if "\n" in struck and self._across.is_in(_BREAK.sub("", struck)):
                return REDACTED
        if struck == text:
            self._last = text
            if len(self._harmless) < MAX_HARMLESS:
                self._harmless.add(text)
        return struck

    def _can_be_in_long(self, text: str) -> bool:
        if self._search.can_be_in(text, MANY):
            return True
        return "\n" in text and self._across.can_be_in(_BREAK.sub("", text), MANY)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines so far."""
        lines = [
            Line(speaker, line[:MAX_LINE], tls)
            for speaker, text, tls, search in self._entries
            for line in search.replace(text, REDACTED).splitlines() or [""]
        ]
        return tuple(lines[:MAX_LINES])

    def __str__(self) -> str:
        return "\n".join(f"{line.speaker}: {line.text}" for line in self.lines)


@lru_cache(maxsize=64)
def _search_for(secrets: Sequence[str], wholes: Sequence[str]) -> SecretSearch:
    """Return the search; cached, because many sessions have the same secrets."""
    return SecretSearch(secrets, wholes)


def _long(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple([each for each in texts if len(each) >= ACROSS])


def _text(secret: str | bytes) -> str:
    return secret if isinstance(secret, str) else secret.decode("utf-8", "surrogateescape")
