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
    library: str = ""
    """Our name for the library that writes it; empty if several do."""
    client: str = ""
    """A regular expression for a line that the client sent; ``text`` is what it sent."""
    server: str = ""
    """The same for what the server sent."""
    hints: tuple[str, ...] = ()
    """Each log of this format contains one of these; lower case."""
    shared: bool = False
    """Other libraries print sessions in the same way: only its messages identify the library."""
    quoted: bool = False
    """The dialogue is in quotes, with escapes."""
    joined: bool = False
    """Only the first line of a reply has mark and code."""
    tls: tuple[str, ...] = ()
    """TLS is up after a line with one of these; lower case."""
    signed_in: str = ""
    """A regular expression, lower case, for a line that replaces the reply of success to AUTH."""
    errors: tuple[str, ...] = ()
    """Texts of exceptions that only this library has; lower case."""
    version: str = ""
    """A regular expression with the version as its group."""

    def speaks(self, line: str) -> tuple[Speaker, str] | None:
        """Return the side and the text of ``line``; None if it is not part of the dialogue."""
        for speaker, pattern in (("S", self.server), ("C", self.client)):
            match = _compiled(pattern).match(line) if pattern else None
            if match is not None:
                text = next(filter(None, match.groups()), "")
                said = _unquoted(text) if self.quoted else text.rstrip()
                return ("S" if speaker == "S" else "C"), said
        return None

    def fits(self, lines: list[str]) -> int:
        """Return how many lines are certainly of this format: replies and commands."""
        count = 0
        for line in lines:
            said = self.speaks(line)
            if said is not None:
                speaker, text = said
                good = CODE.match(text) if speaker == "S" else VERB.match(text)
                count += good is not None
        return count

    def spelled_out(self, lines: list[str]) -> list[str]:
        """Return ``lines`` in which each line of a reply has mark and code."""
        if not self.joined:
            return lines
        found: list[str] = []
        head = ""
        for line in lines:
            said = self.speaks(line)
            if said is not None and said[0] == "S" and CODE.match(said[1]):
                head = line[: line.index(said[1]) + 3]
            elif said is None and head and _FURTHER.match(line):
                found[-1] = f"{head}-{found[-1][len(head) + 1 :]}"
                found.append(f"{head} {line.strip()}")
                continue
            else:
                head = ""
            found.append(line)
        return found


_FURTHER: Final = re.compile(r"\s*(?:[A-Z0-9][A-Z0-9=-]{2,30}(?: .*)?|[245]\.\d{1,3}\.\d{1,3} .*)$")
"""The further lines of a reply without marks: a capability, or an enhanced status."""


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
