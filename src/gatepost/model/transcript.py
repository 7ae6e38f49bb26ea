"""What was said on the wire, with the secrets struck out before anything can see them."""

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
"""Characters of what is looked for across lines; what is shorter comes about by chance."""
_BREAK: Final = re.compile(r"(?<!\s)\s*\n(?:[2-5]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3} )?\s*")
"""Between two lines of a reply: the end, and what the next one begins with."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: who said it, under TLS or not, without its CRLF."""

    speaker: Speaker
    text: str
    tls: bool


class Transcript:
    """Grows line by line; the only object that sees lines as they were sent.

    Announce secrets with ``hide`` before they can appear: they are struck out
    of every later line, in each encoding that ``secret_encodings`` knows.
    """

    __slots__ = ("_harmless", "_hidden", "_said", "_secrets", "tls")

    def __init__(self) -> None:
        self._said: list[tuple[Speaker, str, bool]] = []
        """Texts of one line or more, redacted; cut into lines when somebody looks at them."""
        self._secrets: frozenset[bytes] = frozenset()
        self._hidden: list[str] = []
        """What is struck out: the secrets, in all encodings, the longest first."""
        self._harmless: set[str] = set()
        """Texts that hold nothing of it: most replies are like one before."""
        self.tls = False

    def hide(self, secret: str | bytes) -> None:
        """Strike ``secret`` out of every line from here on, also encoded."""
        raw = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
        if raw and raw not in self._secrets:
            self._secrets |= {raw}
            self._hidden = sorted({*self._hidden, *encodings_of(raw)}, key=len, reverse=True)
            self._harmless = set()

    def copy(self) -> "Transcript":
        """Return one that goes on from here by itself, with the same secrets."""
        copied = Transcript()
        copied._said, copied._hidden, copied.tls = self._said[:], self._hidden, self.tls
        copied._harmless, copied._secrets = self._harmless, self._secrets
        return copied

    def client(self, text: str) -> None:
        """Record what we sent."""
        if len(self._said) < MAX_LINES:
            self._said.append(("C", self._strike(text), self.tls))

    def server(self, text: str) -> None:
        """Record what came, one reply line or several."""
        if len(self._said) < MAX_LINES:
            self._said.append(("S", self.redact(text), self.tls))

    def redact(self, text: str) -> str:
        """Return what came from the server without the secrets that were announced; nothing of a
        text that has one across its lines."""
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
        """Everything so far."""
        lines = [
            Line(speaker, line[:MAX_LINE], tls)
            for speaker, text, tls in self._said
            for line in text.splitlines() or [""]
        ]
        return tuple(lines[:MAX_LINES])

    def __str__(self) -> str:
        return "\n".join(f"{line.speaker}: {line.text}" for line in self.lines)
