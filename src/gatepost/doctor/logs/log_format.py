"""A log's format as a table: which lines are the client's, which the server's."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Speaker = Literal["C", "S"]

MAX_LINE: Final = 6_000
"""Maximum characters of a log's line that are read; the longest response is a token in base64."""

VERB: Final = re.compile(
    r"(?i)(?:EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA|BDAT|RSET|NOOP|QUIT|VRFY|HELP)\b"
)
COMMAND: Final = (
    r"(?i:EHLO|HELO|LHLO) \S+\s*$|AUTH [A-Z][\w-]+(?: \[redacted#\d+\])?\s*$|(?i:MAIL FROM):.*|"
    r"(?i:RCPT TO):.*|(?:STARTTLS|DATA|RSET|NOOP|QUIT|HELP|EHLO|HELO)\s*$|BDAT \d+.*|VRFY \S+$"
)
"""A complete command, for logs in which only its form distinguishes it from a sentence."""
CODE: Final = re.compile(r"[2-5]\d\d(?:[ -]|$)")


@dataclass(frozen=True, slots=True)
class Format:
    """How one library or program prints its sessions and its errors."""

    name: str
    title: str
    as_of: str
    """When this was last compared with what it prints (ISO 8601)."""
    source: str
    """What prints it, with which setting."""
    library: str = ""
    """The library that writes it, by its name in ``diagnosis.remedies``; empty if several do."""
    client_line: str = ""
    """A regular expression for a line that the client sent; ``text`` is what it sent."""
    server_line: str = ""
    """The same for what the server sent."""
    hints: tuple[str, ...] = ()
    """Each log of this format contains one of these; lower case."""
    is_shared: bool = False
    """Other libraries print sessions in the same way: only its messages identify the library."""
    is_quoted: bool = False
    """The dialogue is in quotes, with escapes."""
    is_joined: bool = False
    """Only the first line of a reply has a direction marker and a code."""
    tls_begins: tuple[str, ...] = ()
    """TLS is up after a line with one of these; lower case."""
    signed_in: str = ""
    """A regular expression, lower case, for a line that replaces the reply of success to AUTH."""
    messages: tuple[str, ...] = ()
    """Texts of exceptions that only this library has; lower case."""
    version: str = ""
    """A regular expression with the version as its group."""

    @property
    def has_dialogue(self) -> bool:
        """Whether sessions are printed, not only errors."""
        return bool(self.client_line or self.server_line)

    def parse_line(self, line: str) -> tuple[Speaker, str] | None:
        """Return the side and the text of ``line``; None if it is not part of the dialogue."""
        sides: tuple[tuple[Speaker, str], ...] = ("S", self.server_line), ("C", self.client_line)
        for speaker, pattern in sides:
            match = _compiled(pattern).match(line) if pattern else None
            if match is not None:
                text = next(filter(None, match.groups()), "")
                return speaker, _unquoted(text) if self.is_quoted else text.rstrip()
        return None

    def count_dialogue(self, lines: list[str]) -> int:
        """Return how many lines are certainly of this format: replies and commands."""
        parsed = filter(None, map(self.parse_line, lines))
        return sum((CODE if speaker == "S" else VERB).match(text) is not None
                   for speaker, text in parsed)  # fmt: skip

    def split_replies(self, lines: list[str]) -> list[str]:
        """Return ``lines`` in which each line of a reply has the marker and the code."""
        if not self.is_joined:
            return lines
        whole: list[str] = []
        head = ""
        for line in lines:
            parsed = self.parse_line(line)
            if parsed is not None and parsed[0] == "S" and CODE.match(parsed[1]):
                head = line[: line.index(parsed[1]) + 3]
            elif parsed is None and head and _FURTHER.match(line):
                whole[-1] = f"{head}-{whole[-1][len(head) + 1 :]}"
                whole.append(f"{head} {line.strip()}")
                continue
            else:
                head = ""
            whole.append(line)
        return whole


_FURTHER: Final = re.compile(r"\s*(?:[A-Z0-9][A-Z0-9=-]{2,30}(?: .*)?|[245]\.\d{1,3}\.\d{1,3} .*)$")
"""Further lines of a reply, without markers: a capability, or an enhanced status."""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


_ESCAPES: Final = {"\\r": "", "\\n": "\n", "\\t": "\t", "\\'": "'", '\\"': '"', "\\\\": "\\"}
_ESCAPE: Final = re.compile(r"\\[rnt'\"\\]")


def _unquoted(text: str) -> str:
    """Remove the quotes and escapes of Python's or Ruby's repr."""
    text = text.strip().removeprefix("b")
    if text[:1] in "'\"" and text:
        text = text[1:].removesuffix(text[0])
    return _ESCAPE.sub(lambda match: _ESCAPES[match[0]], text).rstrip()
