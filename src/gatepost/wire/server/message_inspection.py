"""A server that inspects the format of a message, and refuses what it does not accept.

It inspects octets as they pass and keeps no more than the header, so it costs nothing elsewhere.
"""

import re
from collections.abc import Callable
from typing import Final

from gatepost.model.reply import Reply
from gatepost.model.server_behaviour import ContentRules
from gatepost.wire.content import Newlines
from gatepost.wire.server.replies import Replies

CRLF: Final = b"\r\n"
MOST_HEADER: Final = 262_144
"""Maximum octets of a header that are inspected."""
_FROM: Final = re.compile(rb"^From[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


class Inspected(Newlines):
    """Converts line ends, and calls ``refuse`` if the content violates a rule."""

    __slots__ = ("_header", "_in_line", "_refuse", "_replies", "_rules", "_utf8")

    def __init__(
        self, rules: ContentRules, replies: Replies, refuse: Callable[[Reply], None], *, utf8: bool
    ) -> None:
        super().__init__()
        self._rules = rules
        self._replies = replies
        self._refuse = refuse
        self._utf8 = utf8
        """The header may contain UTF-8 (RFC 6532)."""
        self._header: bytearray | None = bytearray()
        """None after it was inspected."""
        self._in_line = 0
        """Octets of the incomplete line."""

    def convert(self, raw: bytes, *, last: bool) -> bytes:
        """Return ``raw`` with every line end as CRLF, after inspection."""
        octets = super().convert(raw, last=last)
        if self._rules.longest_line:
            self._measure(octets)
        if self._header is not None:
            self._collect(self._header, octets, last=last)
        return octets

    def _measure(self, octets: bytes) -> None:
        first, *rest = octets.split(CRLF)
        lengths = [self._in_line + len(first), *(len(line) for line in rest)]
        self._in_line = lengths[-1]
        if max(lengths) > self._rules.longest_line:
            self._refuse(self._replies.CONTENT_LINE_TOO_LONG)

    def _collect(self, header: bytearray, octets: bytes, *, last: bool) -> None:
        header += octets
        end = 0 if header.startswith(CRLF) else header.find(CRLF + CRLF)
        if end >= 0 or last or len(header) > MOST_HEADER:
            self._header = None
            self._judge(bytes(header[:end] if end >= 0 else header))

    def _judge(self, header: bytes) -> None:
        if self._rules.wants_ascii_headers and not self._utf8 and not header.isascii():
            self._refuse(self._replies.HEADER_NOT_ASCII)
        if self._rules.wants_from and not any(b"@" in value for value in _FROM.findall(header)):
            self._refuse(self._replies.FROM_MISSING)
