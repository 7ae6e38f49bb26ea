"""A diagnosis in Markdown, to paste into an issue: text of a server is inside code fences."""

import re
from collections.abc import Iterable, Iterator

from gatepost.doctor.evidence_sentences import facts, hello_lines, printable, title
from gatepost.model.finding import Diagnosis, Finding


def render_markdown(diagnosis: Diagnosis) -> str:
    """Return the report in Markdown."""
    return "\n".join(_report(diagnosis)) + "\n"


def _report(diagnosis: Diagnosis) -> Iterator[str]:
    seen = diagnosis.evidence
    about = printable(title(seen, diagnosis.target)).replace("`", "")
    yield f"# `{about}`: {diagnosis.verdict}"
    yield ""
    yield from _fence(printable(line) for line in facts(seen))
    for when, hello in (("in clear", seen.in_clear.value), ("over TLS", seen.over_tls.value)):
        if hello is not None:
            yield from ("", f"EHLO {when}:", "")
            yield from _fence(printable(line) for line in hello_lines(hello, ""))
    for finding in diagnosis.findings:
        yield from _finding(finding)
    if diagnosis.notes:
        yield from ("", "## Notes", "")
        yield from _fence(printable(note) for note in diagnosis.notes)
    if diagnosis.next_probe:
        yield from ("", f"What would tell more: {diagnosis.next_probe}")
    if seen.transcript:
        yield from ("", "## Transcript (secrets removed)", "")
        yield from _fence(
            f"{line.speaker}{' (TLS)' if line.tls else ''}: {printable(line.text)}"
            for line in seen.transcript
        )


def _finding(finding: Finding) -> Iterator[str]:
    yield from ("", f"## {finding.id} ({finding.confidence})", "")
    proof = (f"- {printable(line)}" for line in finding.proof)
    yield from _fence((printable(finding.summary), *proof))
    yield from ("", finding.fix)
    for remedy in finding.remedies if len(finding.remedies) == 1 else ():
        yield from ("", f"**{remedy.library}**: {remedy.text}")
        if remedy.code:
            yield ""
            yield from _fence(remedy.code.splitlines())
    if len(finding.remedies) > 1:
        names = ", ".join(remedy.library for remedy in finding.remedies)
        yield from ("", f"Code with `--as LIBRARY`: {names}")


def _fence(lines: Iterable[str]) -> Iterator[str]:
    """Enclose lines in a fence longer than any inside them."""
    inside = list(lines)
    longest = max((len(run) for line in inside for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from inside
    yield fence
