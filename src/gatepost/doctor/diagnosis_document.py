"""A diagnosis as a JSON document for scripts, and the document's schema."""

import json
import re
from dataclasses import asdict
from typing import Any, Final, Literal

import msgspec

from gatepost.doctor.evidence_document import INWARD, outward, to_document
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Diagnosis, DiagnosisVerdict, Finding

SCHEMA: Final = 1
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_DOCUMENT: Final = re.compile(r"\b(Report|Finding|Remedy)Document\b")
_GENERIC: Final = re.compile(r"Fact_tuple_gatepost\.model\.\w+\.(\w+)__\.\.\.__")


def report_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the document; scripts depend on its keys."""
    evidence = to_document(diagnosis.evidence)
    lines = evidence.pop("transcript")
    return {
        "schema": SCHEMA,
        "verdict": diagnosis.verdict,
        "target": diagnosis.target,
        "findings": [outward(_finding(finding)) for finding in diagnosis.findings],
        "notes": outward(diagnosis.notes),
        "next_probe": diagnosis.next_probe or None,
        "evidence": evidence,
        "transcript": [
            {"from": line["speaker"], "text": line["text"], "tls": line["tls"]} for line in lines
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    names = ("id", "confidence", "summary", "proof", "fix")
    return {
        **{name: getattr(finding, name) for name in names},
        "remedies": list(map(asdict, finding.remedies)),
        "docs": finding.docs,
    }


class RemedyDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The fix in one library, or as a command."""

    library: str
    text: str
    code: str | None
    executed: bool
    """Whether the tests run this code: first with the fault, then with the fix."""


class FindingDocument(msgspec.Struct, forbid_unknown_fields=True):
    """One cause."""

    id: str
    """Does not change between versions; its page is ``docs`` below ``docs/``, and ``gatepost doctor
    --explain ID`` prints it."""
    confidence: Confidence
    """Certain: proven by the evidence; likely: fits it best; possible: not excluded."""
    summary: str
    """The cause in one sentence."""
    proof: list[str]
    """What was seen, one sentence each."""
    fix: str
    """What to do, in any client."""
    remedies: list[RemedyDocument]
    docs: str


class TranscriptLine(msgspec.Struct, forbid_unknown_fields=True, rename={"speaker": "from"}):
    """One line of the dialogue, without its secrets."""

    speaker: Literal["C", "S"]
    """Client or server."""
    text: str
    tls: bool


class ReportDocument(msgspec.Struct, forbid_unknown_fields=True):
    """What ``gatepost doctor --json`` prints."""

    schema: int
    """The version of this document; it increases if an older reader could misunderstand it."""
    verdict: DiagnosisVerdict
    """The same as the exit code: 0 healthy, 2 finding, 3 unreachable, 1 unknown."""
    target: str | None
    """``host:port``; null if unknown."""
    findings: list[FindingDocument]
    """Possible causes, the most likely one first."""
    notes: list[str]
    """What is worth knowing, but is not a fault."""
    next_probe: str | None
    """The next check that would tell more."""
    evidence: Evidence
    """What ``--save`` writes, without the transcript, which is a key of its own."""
    transcript: list[TranscriptLine]


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``gatepost doctor --json``."""
    text = json.dumps(msgspec.json.schema(ReportDocument))
    text = _DOCUMENT.sub(r"\1", _GENERIC.sub(r"Fact_list_of_\1", text))
    schema: dict[str, Any] = json.loads(text)
    kinds = schema["$defs"]
    for name in INWARD:
        kinds["Reply"]["properties"].pop(name, None)
    kinds["Evidence"]["properties"].pop("transcript")
    kinds["Report"]["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": DRAFT, "title": "gatepost doctor --json", **schema}
