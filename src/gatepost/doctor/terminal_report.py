"""A diagnosis for the terminal: 80 columns, without secrets."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from gatepost.diagnosis.order_findings import is_tie
from gatepost.doctor.evidence_sentences import facts, hello_lines, printable, title
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Diagnosis, DiagnosisVerdict, Finding, Remedy

WIDTH: Final = 80
COLUMN: Final = 38
"""Width of each of two columns, with a bar between them."""
_SECOND: Final = "\ue000"
"""Represents a wide character's second column; no printable text contains it."""
_TAB: Final = 4
_STYLES: Final = {"bold": "1", "red": "1;31", "green": "1;32", "yellow": "1;33", "dim": "2"}
_COLOURS: Final[dict[DiagnosisVerdict, str]] = {
    "healthy": "green", "finding": "red", "unreachable": "red", "unknown": "yellow",
}  # fmt: skip
_VERDICTS: Final[dict[DiagnosisVerdict, str]] = {
    "healthy": "healthy: everything that was tried works",
    "finding": "the cause was found",
    "unreachable": "the server cannot be reached from here",
    "unknown": "something fails, and no known cause fits",
}

_OF_LOGS: Final[dict[DiagnosisVerdict, str]] = {
    "healthy": "healthy: everything in it went well",
    "finding": "the cause was found",
    "unknown": "no known cause fits what it shows",
}
_OF_SETTINGS: Final[dict[DiagnosisVerdict, str]] = {
    "healthy": "healthy: no mistake was found in these settings",
    "finding": "a mistake was found in these settings",
    "unknown": "no settings for sending mail were found",
}  # fmt: skip

HEADINGS: Final[dict[Confidence, str]] = {
    "certain": "Cause", "likely": "Likely cause", "possible": "Possible cause",
}  # fmt: skip
"""The heading of the first finding: only a proven cause is called the cause."""


def render(diagnosis: Diagnosis, *, colour: bool = False) -> str:
    """Return the report; ``colour`` adds ANSI escapes for a terminal."""
    return "\n".join(_TextReport(colour).report(diagnosis)) + "\n"


def _head(number: int, findings: Sequence[Finding]) -> str:
    """Return the heading of a finding: causes that fit equally well are shown as equals."""
    if number == 0:
        return HEADINGS[findings[0].confidence]
    return "Just as well" if is_tie(findings[0], findings[number]) else "Also"


class _TextReport:
    """Formats text in lines."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def report(self, diagnosis: Diagnosis) -> Iterator[str]:
        seen = diagnosis.evidence
        target = title(seen, diagnosis.target)
        yield from self._wrapped_lines(f"{target}: {_verdict(diagnosis)}", "", "", "bold")
        lines = [*facts(seen)]
        if lines:
            yield ""
        for fact in lines:
            yield from self._wrapped_lines(fact, "  ", "    ")
        yield from self._hellos(seen)
        for number, finding in enumerate(diagnosis.findings):
            yield from self._finding(finding, _head(number, diagnosis.findings))
        if diagnosis.notes:
            yield from ("", self._style("Notes", "bold"))
            for note in diagnosis.notes:
                yield from self._wrapped_lines(note, "  - ", "    ")
        if diagnosis.next_probe:
            yield from ("", self._style("What would tell more", "bold"))
            yield from self._wrapped_lines(diagnosis.next_probe, "  ", "  ")
        yield from self._transcript(seen)
        yield ""
        colour = _COLOURS[diagnosis.verdict]
        ids = ", ".join(finding.id for finding in diagnosis.findings)
        yield from self._wrapped_lines(
            f"{diagnosis.verdict}{': ' + ids if ids else ''}", "", "  ", colour
        )

    def _hellos(self, seen: Evidence) -> Iterator[str]:
        """EHLO before and after TLS in two columns, because the two are often confused."""
        if seen.in_clear.value is None and seen.over_tls.value is None:
            return
        yield ""
        left = _column(hello_lines(seen.in_clear.value, "(TLS comes first here)"))
        right = _column(hello_lines(seen.over_tls.value, "(no TLS)"))
        yield self._style(f"{'EHLO in clear':<{COLUMN}} | EHLO over TLS", "bold")
        yield f"{'-' * COLUMN}-+-{'-' * COLUMN}"
        for before, after in zip_longest(left, right, fillvalue=""):
            yield f"{_pad(before, COLUMN)} | {after}".rstrip()

    def _finding(self, finding: Finding, title: str) -> Iterator[str]:
        yield ""
        yield self._style(f"{title}: {finding.id}", "red") + f" ({finding.confidence})"
        yield from self._wrapped_lines(finding.summary, "  ", "  ", "bold")
        yield "  Proof"
        for line in finding.proof:
            yield from self._wrapped_lines(line, "    - ", "      ")
        yield "  Fix"
        yield from self._wrapped_lines(finding.fix, "    ", "    ")
        if len(finding.remedies) == 1:
            yield from self._remedy(finding.remedies[0])
        elif finding.remedies:
            libraries = ", ".join(remedy.library for remedy in finding.remedies)
            yield from self._wrapped_lines(f"code with --as LIBRARY: {libraries}", "    ", "      ")
        yield from self._wrapped_lines(
            f"more: gatepost doctor --explain {finding.id}", "    ", "      ", "dim"
        )

    def _remedy(self, remedy: Remedy) -> Iterator[str]:
        yield f"  In {remedy.library}"
        yield from self._wrapped_lines(remedy.text, "    ", "    ")
        if remedy.code:
            yield ""
            for line in remedy.code.expandtabs(_TAB).splitlines():
                yield f"    {printable(line)}".rstrip()

    def _transcript(self, seen: Evidence) -> Iterator[str]:
        if not seen.transcript:
            return
        yield from ("", self._style("Transcript (secrets removed)", "bold"))
        tls = False
        for line in seen.transcript:
            if line.tls != tls:
                tls = line.tls
                yield f"  {'-- TLS --' if tls else '-- in clear --'}"
            yield from self._wrapped_lines(line.text, f"  {line.speaker}: ", "     ")

    def _wrapped_lines(self, text: str, first: str, then: str, style: str = "") -> Iterator[str]:
        lines = _wrap(printable(text), WIDTH, first, then)
        for line in lines or [first.rstrip()]:
            yield self._style(line, style)

    def _style(self, text: str, style: str) -> str:
        if not self._colour or not style:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _verdict(diagnosis: Diagnosis) -> str:
    seen = diagnosis.evidence
    if seen.source == "log" and not (seen.transcript or seen.remarks or seen.strays):
        return "there is no text to examine"
    findings = diagnosis.findings if diagnosis.verdict == "finding" else ()
    if findings and findings[0].confidence != "certain":
        return _unproven(findings)
    if seen.source == "config":
        return _OF_SETTINGS.get(diagnosis.verdict, _VERDICTS[diagnosis.verdict])
    if seen.source == "log":
        return _OF_LOGS[diagnosis.verdict]
    if seen.source == "token" and diagnosis.verdict == "healthy":
        return "healthy: no mistake was found in the token"
    return _VERDICTS[diagnosis.verdict]


def _unproven(findings: tuple[Finding, ...]) -> str:
    """Return the verdict if the first cause is not proven; one that fits less may be."""
    proven = any(each.confidence == "certain" for each in findings)
    if findings[0].confidence == "likely":
        return "one cause is likely" if proven else "one cause is likely, none is proven"
    return "these causes fit best" if proven else "no cause is proven; these fit best"


def _column(lines: tuple[str, ...]) -> list[str]:
    return [part for line in lines for part in _wrap(printable(line), COLUMN, then="    ")]


def _wrap(text: str, width: int, first: str = "", then: str = "") -> list[str]:
    """Return printable ``text`` in lines that begin with ``first`` and ``then``; most East Asian
    characters take two columns (UAX 11)."""
    columns = _one_per_column(text)
    if columns != text:
        width -= 1  # a line may end between a character's two columns
    lines = textwrap.wrap(
        columns, width, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    )
    return [line.replace(_SECOND, "") for line in lines]


def _pad(text: str, width: int) -> str:
    """Return ``text`` followed by blanks, up to ``width`` columns."""
    return text + " " * (width - len(_one_per_column(text)))


def _one_per_column(text: str) -> str:
    """Return ``text`` with one character per column."""
    if text.isascii():
        return text
    from unicodedata import east_asian_width  # noqa: PLC0415 - most text is ASCII

    return "".join(
        f"{each}{_SECOND}" if east_asian_width(each) in ("W", "F") else each for each in text
    )
