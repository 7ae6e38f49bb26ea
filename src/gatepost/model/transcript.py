"""What was sent and received, with secrets removed before anything else can see them."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from gatepost.model.secret_encodings import encodings_of

Speaker = Literal["C", "S"]

REDACTED: Final = "[redacted]"
MAX_LINES: Final = 2_000
MAX_LINE: Final = 4_096
MAX_HARMLESS: Final = 64
ACROSS: Final = 8
"""Minimum characters of a secret that is searched for across lines; shorter ones occur by
chance."""
_BREAK: Final = re.compile(r"(?<!\s)\s*\n(?:[2-5]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3} )?\s*")
"""What may separate two lines of a reply: the line end, code and status."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: who sent it, whether under TLS, and its text without CRLF."""

    speaker: Speaker
    text: str
    tls: bool


class Transcript:
    """Records lines; the only object that sees them as they were sent.

    Announce secrets with ``hide`` before they can appear: they are removed from every later line,
    in each encoding that ``secret_encodings`` knows.
    """

    __slots__ = ("_harmless", "_hidden", "_said", "_secrets", "tls")

    def __init__(self) -> None:
        self._said: list[tuple[Speaker, str, bool]] = []
        """Redacted texts of one or more lines, split only when they are read."""
        self._secrets: frozenset[bytes] = frozenset()
        self._hidden: list[str] = []
        """The texts to remove: the secrets in all encodings, the longest first."""
        self._harmless: set[str] = set()
        """Texts that have no secret: most replies are the same as an earlier one."""
        self.tls = False

    def hide(self, secret: str | bytes) -> None:
        """Remove ``secret`` from every line from now on, in all encodings."""
        raw = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
        if raw and raw not in self._secrets:
            self._secrets |= {raw}
            self._hidden = sorted({*self._hidden, *encodings_of(raw)}, key=len, reverse=True)
            self._harmless = set()

    def copy(self) -> "Transcript":
        """Return a transcript that continues separately from here, with the same secrets."""
        copied = Transcript()
        copied._said, copied._hidden, copied.tls = self._said[:], self._hidden, self.tls
        copied._harmless, copied._secrets = self._harmless, self._secrets
        return copied

    def client(self, text: str) -> None:
        """Record what the client sent."""
        if len(self._said) < MAX_LINES:
            self._said.append(("C", self._strike(text), self.tls))

    def server(self, text: str) -> None:
        """Record what the server sent: one or more lines."""
        if len(self._said) < MAX_LINES:
            self._said.append(("S", self.redact(text), self.tls))

    def redact(self, text: str) -> str:
        """Return a text of the server without the announced secrets; REDACTED if one spans its
        lines."""
        if not self._hidden or text in self._harmless:
            return text
        struck = self._strike(text)
        if "\n" in struck:
            joined = _BREAK.sub("", struck)
            if any(len(each) >= ACROSS and each in joined for each in self._hidden):
                return REDACTED
        if struck == text and len(self._harmless) < MAX_HARMLESS:
            self._harmless.add(text)
        return struck

    def _strike(self, text: str) -> str:
        for each in self._hidden:
            text = text.replace(each, REDACTED)
        return text

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines so far."""
        lines = [
            Line(speaker, line[:MAX_LINE], tls)
            for speaker, text, tls in self._said
            for line in text.splitlines() or [""]
        ]
        return tuple(lines[:MAX_LINES])

    def __str__(self) -> str:
        return "\n".join(f"{line.speaker}: {line.text}" for line in self.lines)
