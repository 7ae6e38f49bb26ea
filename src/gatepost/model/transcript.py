"""What was said on the wire, with the secrets struck out before anything can see them."""

import base64
from dataclasses import dataclass
from typing import Final, Literal

Speaker = Literal["C", "S"]

STRUCK_OUT: Final = "[redacted]"
MAX_LINES: Final = 2_000
MAX_LINE: Final = 4_096


@dataclass(frozen=True, slots=True)
class Line:
    """One line: who said it, under TLS or not, without its CRLF."""

    speaker: Speaker
    text: str
    tls: bool


class Transcript:
    """Grows line by line; the only object that sees lines as they were sent.

    Announce secrets with ``hide`` before they can appear: they are struck out
    of every later line, in clear and in base64 (alone or as a part of a longer
    response that is announced as a whole).
    """

    __slots__ = ("_hidden", "_said", "tls")

    def __init__(self) -> None:
        self._said: list[tuple[Speaker, str, bool]] = []
        """Texts of one line or more, redacted; cut into lines when somebody looks at them."""
        self._hidden: list[str] = []
        self.tls = False

    def hide(self, secret: str | bytes) -> None:
        """Strike ``secret`` and its base64 form out of every line from here on."""
        raw = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
        if not raw:
            return
        encoded = base64.b64encode(raw).decode()
        forms = {raw.decode("utf-8", "surrogateescape"), encoded, encoded.rstrip("=")}
        self._hidden = sorted({*self._hidden, *forms}, key=len, reverse=True)

    def copy(self) -> "Transcript":
        """Return one that goes on from here by itself, with the same secrets."""
        copied = Transcript()
        copied._said, copied._hidden, copied.tls = self._said[:], self._hidden, self.tls
        return copied

    def client(self, text: str) -> None:
        """Record what we sent."""
        self._add("C", text)

    def server(self, text: str) -> None:
        """Record what came, one reply line or several."""
        self._add("S", text)

    def redact(self, text: str) -> str:
        """Return ``text`` without the secrets that were announced."""
        for hidden in self._hidden:
            text = text.replace(hidden, STRUCK_OUT)
        return text

    def _add(self, speaker: Speaker, text: str) -> None:
        if len(self._said) < MAX_LINES:
            self._said.append((speaker, self.redact(text) if self._hidden else text, self.tls))

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
