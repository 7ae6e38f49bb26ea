"""The doctor's JSON document as a JSON Schema (draft 2020-12), made from its types."""

import json
import re
from typing import Any, Final, Literal

import msgspec

from gatepost.doctor.document import SCHEMA
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Verdict

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_INWARD: Final = frozenset({"_wire", "reason"})
"""What a Reply keeps for our own side."""
_GENERIC: Final = re.compile(r"Fact_tuple_gatepost\.model\.\w+\.(\w+)__\.\.\.__")


class Remedy(msgspec.Struct, forbid_unknown_fields=True):
    """The cure in one library, or as a command."""

    library: str
    text: str
    code: str | None
    executed: bool
    """Our tests run the code: the fault first, then the cure, which delivers."""


class Finding(msgspec.Struct, forbid_unknown_fields=True):
    """One cause."""

    id: str
    """Stable; its page is ``docs`` below ``docs/``, and ``gatepost doctor --explain ID``."""
    confidence: Confidence
    """Proven by what was seen; fits it better than anything else; or is not excluded."""
    summary: str
    proof: list[str]
    """What was seen, a sentence each."""
    fix: str
    remedies: list[Remedy]
    docs: str


class TranscriptLine(msgspec.Struct, forbid_unknown_fields=True, rename={"speaker": "from"}):
    """One line of the dialogue, without its secrets."""

    speaker: Literal["C", "S"]
    """Client or server."""
    text: str
    tls: bool


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """What ``gatepost doctor --json`` prints."""

    schema: int
    """Of this document; raised when a reader of the old form could misunderstand the new one."""
    verdict: Verdict
    """As the exit code says: 0, 2, 3 and 1."""
    target: str | None
    """``host:port``; null where nobody says."""
    findings: list[Finding]
    """The most likely true cause first."""
    notes: list[str]
    """What is worth knowing and is no fault."""
    next_probe: str | None
    """What would tell more."""
    evidence: Evidence
    """What ``--save`` keeps, but for the transcript, which stands beside it."""
    transcript: list[TranscriptLine]


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``gatepost doctor --json``."""
    text = _GENERIC.sub(r"Fact_list_of_\1", json.dumps(msgspec.json.schema(Report)))
    schema: dict[str, Any] = json.loads(text)
    kinds = schema["$defs"]
    for name in _INWARD:
        kinds["Reply"]["properties"].pop(name, None)
    kinds["Evidence"]["properties"].pop("transcript")
    kinds["Report"]["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": DRAFT, "title": "gatepost doctor --json", **schema}
