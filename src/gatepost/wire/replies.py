"""The client's side of a reply: octets in any pieces in, replies out (RFC 5321 4.2).

What servers really send is accepted, if it is unambiguous: a bare ``250``, a bare LF as line end,
another code on a continuation line (the last line decides, except for a success after an error).
Too much text is left out, because an accepted message must not count as refused because of it.
Which command a reply belongs to is decided by the conversation.
"""

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from gatepost.errors import RemoteProtocolError
from gatepost.model.reply import EnhancedStatus, Reply

MAX_LINE: Final = 16_384
"""Octets of one reply line; RFC 5321 4.5.3.1.5 says 512, a SASL challenge may take 12,288."""
MAX_LINES: Final = 512
"""Lines of one reply."""
MAX_TEXT: Final = 65_536
"""Octets of one reply that are kept; of the lines behind them only the code."""
MAX_LEFT_OUT: Final = 1_048_576
"""Octets of lines that are too long, in one reply."""

_SHORT: Final = 120
"""Octets of a reply line of which the like will come again, so that what it says is remembered."""

_LONG: Final = re.compile(rb"(?!334)[2-5]\d\d[ -]")
"""How a line begins that may be longer: all but a challenge, which is of no use without its end."""
_LEFT_OUT: Final = b"[more than %d octets]" % MAX_LINE
_LINE: Final = re.compile(r"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STATUS: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |$)")


class ReplyReader:
    """Divides what a server sends into replies."""

    __slots__ = ("_came", "_is_cut", "_kept", "_left_out", "_lines", "_rest", "said", "shown")

    def __init__(self, shown: Callable[[str], str] = str) -> None:
        self.shown = shown
        """Returns what an error may show of a line: secrets struck out."""
        self._came: deque[bytes] = deque()
        """Whole lines that were not looked at yet."""
        self._rest = b""
        """The beginning of the next one."""
        self._lines: list[str] = []
        self._kept = self._left_out = 0
        self._is_cut = False
        """The line of ``_rest`` is too long, and only its code is kept."""
        self.said: tuple[str, ...] = ()
        """The lines of the last reply as they came, codes included."""

    @property
    def pending(self) -> bool:
        """True if something was received after the last reply."""
        return bool(self._came or self._rest or self._lines)

    @property
    def next_code(self) -> str:
        """How what came behind the last reply begins: with its code, if it is one."""
        return (self._came[0] if self._came else self._rest)[:3].decode("ascii", "replace")

    def feed(self, chunk: bytes) -> None:
        """Take octets from the server."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self._came.extend(whole)

    def next_reply(self) -> Reply | None:
        """Return the next complete reply; None when more is needed.

        Raises RemoteProtocolError when the server does not speak SMTP or does not stop.
        """
        while self._came:
            raw = self._came.popleft().removesuffix(b"\r")
            if self._is_cut or len(raw) > MAX_LINE:
                raw, self._is_cut = self._head(raw) + _LEFT_OUT, False
            if not self._lines and len(raw) <= _SHORT and (known := _known_reply(raw)) is not None:
                self.said, reply = known
                self._left_out = 0
                return reply
            line = raw.decode("utf-8", "surrogateescape")
            match = _LINE.fullmatch(line)
            if match is None:
                raise self._no_reply("not an SMTP reply", line)
            self._kept += len(raw)
            self._lines.append(line if self._kept <= MAX_TEXT else line[:4])
            if match[2] != "-":
                return self._whole(line)
            if len(self._lines) >= MAX_LINES:
                raise self._no_reply(f"a reply of more than {MAX_LINES} lines", line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._is_cut = self._head(self._rest), True
        return None

    def _head(self, raw: bytes) -> bytes:
        """Return the code of a line that is too long. Nothing of its text is shown: a secret may be
        in it, and not whole."""
        self._left_out += len(raw)
        if not _LONG.match(raw) or self._left_out > MAX_LEFT_OUT:
            raise RemoteProtocolError(f"a reply line of more than {MAX_LINE} octets")
        return raw[:4]

    def _whole(self, last: str) -> Reply:
        """Return the reply that has come to its end."""
        self.said, self._lines = tuple(self._lines), []
        self._kept = self._left_out = 0
        if last[0] in "23" and any(line[0] in "45" for line in self.said):
            raise self._no_reply("a reply that says no, then yes", "\n".join(self.said[-2:]))
        return parse_reply(self.said)

    def _no_reply(self, what: str, line: str) -> RemoteProtocolError:
        line = self.shown(line)[:MAX_LINE]
        return RemoteProtocolError(f"{what}: {line[:80]!r}", line)


@lru_cache(maxsize=512)
def _known_reply(raw: bytes) -> tuple[tuple[str, ...], Reply] | None:
    """Return a reply of one line, as it came and read; None: it is none, or goes on."""
    line = raw.decode("utf-8", "surrogateescape")
    match = _LINE.fullmatch(line)
    return ((line,), parse_reply((line,))) if match is not None and match[2] != "-" else None


def parse_reply(lines: tuple[str, ...]) -> Reply:
    """Return the reply that these lines (codes included) are; the last one's code decides.

    The enhanced status is taken off every line that carries it (RFC 2034 4).
    """
    code = int(lines[-1][:3])
    texts = [line[4:] for line in lines]
    match = _STATUS.match(texts[-1])
    if match is None or int(match[1]) != code // 100:
        return Reply(code, "\n".join(texts))
    status = EnhancedStatus(*map(int, match.groups()))
    carries = re.compile(re.escape(match[0].rstrip(" ")) + r"(?: |$)")
    stripped = (text[len(found[0]) :] if (found := carries.match(text)) else text for text in texts)
    return Reply(code, "\n".join(stripped), status)
