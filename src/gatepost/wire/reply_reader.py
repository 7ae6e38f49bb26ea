"""Parses a server's replies from octets in any pieces (RFC 5321 4.2).

What real servers send is accepted if it is unambiguous: a bare ``250``, a bare LF as line end, a
different code on a continuation line (the last line decides, except for a success after an error).
Excessive text is left out, because an accepted message must not count as refused because of it. The
conversation assigns replies to commands.
"""

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from gatepost.errors import RemoteProtocolError
from gatepost.model.reply import EnhancedStatus, Reply

MAX_LINE: Final = 16_384
"""Maximum octets of a reply line: RFC 5321 4.5.3.1.5 says 512, but a SASL challenge may have
12,288."""
MAX_LINES: Final = 512
"""Maximum lines of a reply."""
MAX_TEXT: Final = 65_536
"""Maximum octets of a reply that are kept; of further lines only the code is."""
MAX_LEFT_OUT: Final = 1_048_576
"""Maximum octets of overlong lines in one reply."""

_SHORT: Final = 120
"""Maximum octets of a reply line whose parsed form is cached, because it will come again."""

_LONG: Final = re.compile(rb"(?!334)[2-5]\d\d[ -]")
"""The beginning of a line that may be too long: any except a challenge, which is useless without
its end."""
_LEFT_OUT: Final = b"[more than %d octets]" % MAX_LINE
_LINE: Final = re.compile(r"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STATUS: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |$)")


class ReplyReader:
    """Splits what a server sends into replies."""

    __slots__ = ("_came", "_is_cut", "_left_out", "_lines", "_rest", "_size", "redact", "text")

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        self.redact = redact
        """Returns what an error may show of a line: without secrets."""
        self._came: deque[bytes] = deque()
        """Complete lines that were not processed yet."""
        self._rest = b""
        """The beginning of the next line."""
        self._lines: list[str] = []
        self._size = self._left_out = 0
        self._is_cut = False
        """The line in ``_rest`` is too long, and only its code is kept."""
        self.text = ""
        """The lines of the last reply as they were received, with their codes, separated by LF."""

    @property
    def has_unread(self) -> bool:
        """Whether something was received after the last reply."""
        return bool(self._came or self._rest or self._lines)

    @property
    def next_code(self) -> str:
        """The code of what was received after the last reply; empty if it has none."""
        return (self._came[0] if self._came else self._rest)[:3].decode("ascii", "replace")

    def feed(self, chunk: bytes) -> None:
        """Take octets from the server."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self._came.extend(whole)

    def next_reply(self) -> Reply | None:
        """Return the next complete reply; None if more is needed.

        Raises RemoteProtocolError if the server does not speak SMTP, or sends too much.
        """
        while self._came:
            raw = self._came.popleft().removesuffix(b"\r")
            if len(raw) > MAX_LINE or self._is_cut:
                raw, self._is_cut = self._head(raw) + _LEFT_OUT, False
            elif not self._lines and len(raw) <= _SHORT and (parsed := _parse_line(raw)):
                self.text, reply = parsed
                self._left_out = 0
                return reply
            line = raw.decode("utf-8", "surrogateescape")
            match = _LINE.fullmatch(line)
            if match is None:
                raise self._no_reply("not an SMTP reply", line)
            self._size += len(raw)
            self._lines.append(line if self._size <= MAX_TEXT else line[:4])
            if match[2] != "-":
                return self._whole(line)
            if len(self._lines) >= MAX_LINES:
                raise self._no_reply(f"a reply of more than {MAX_LINES} lines", line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._is_cut = self._head(self._rest), True
        return None

    def _head(self, raw: bytes) -> bytes:
        """Return the code of a line that is too long. Its text is not shown: it may contain an
        incomplete secret, which would not be recognised."""
        self._left_out += len(raw)
        if not _LONG.match(raw) or self._left_out > MAX_LEFT_OUT:
            raise RemoteProtocolError(f"a reply line of more than {MAX_LINE} octets")
        return raw[:4]

    def _whole(self, last: str) -> Reply:
        """Return the complete reply."""
        lines, self._lines = tuple(self._lines), []
        self.text = "\n".join(lines)
        self._size = self._left_out = 0
        if last[0] in "23" and any(line[0] in "45" for line in lines):
            raise self._no_reply("a reply that says no, then yes", "\n".join(lines[-2:]))
        return parse_reply(lines)

    def _no_reply(self, what: str, line: str) -> RemoteProtocolError:
        line = self.redact(line)[:MAX_LINE]
        return RemoteProtocolError(f"{what}: {line[:80]!r}", line)


@lru_cache(maxsize=512)
def _parse_line(raw: bytes) -> tuple[str, Reply] | None:
    """Return the text and the parsed form of a reply with one line; None if it is not a
    complete one."""
    line = raw.decode("utf-8", "surrogateescape")
    match = _LINE.fullmatch(line)
    return (line, parse_reply((line,))) if match is not None and match[2] != "-" else None


def parse_reply(lines: tuple[str, ...]) -> Reply:
    """Return the reply that consists of these lines, with their codes; the last code decides.

    The enhanced status is removed from every line that has it (RFC 2034 4).
    """
    code = int(lines[-1][:3])
    texts = [line[4:] for line in lines]
    match = _STATUS.match(texts[-1])
    if match is None or int(match[1]) != code // 100:
        return Reply(code, "\n".join(texts))
    status = EnhancedStatus(*map(int, match.groups()))
    carries = re.compile(re.escape(match[0].rstrip(" ")) + r"(?: |$)")
    stripped = (
        text[len(status_text[0]) :] if (status_text := carries.match(text)) else text
        for text in texts
    )
    return Reply(code, "\n".join(stripped), status)
