"""A diagnosis as a JSON document for scripts."""

from dataclasses import asdict
from typing import Any, Final

from gatepost.doctor.evidence_document import outward, to_document
from gatepost.model.finding import Diagnosis, Finding

SCHEMA: Final = 1


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
