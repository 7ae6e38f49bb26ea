"""Evidence as a JSON document, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from gatepost.errors import ConfigError
from gatepost.model.evidence import SCHEMA, Evidence

MAX_DOCUMENT: Final = 16 * 1024 * 1024
MAX_TEXT: Final = 65_536
"""Characters of one text that are read; no reply and no line of a log has more."""
_FORMER_NAMES: Final = {"smtplib": "python-smtplib"}
"""Names of libraries in evidence of earlier versions."""
INWARD: Final = frozenset({"_wire", "is_success", "reason"})
"""Fields of a Reply that are internal."""


def to_document(evidence: Evidence) -> dict[str, Any]:
    """Return ``evidence`` as JSON values."""
    document = outward(msgspec.to_builtins(evidence, enc_hook=_plain))
    if not isinstance(document, dict):
        raise TypeError("evidence is a record")
    return document


def from_json(text: bytes) -> Evidence:
    """Return saved evidence, or the evidence in a document of ``gatepost doctor --json``.

    Raises ConfigError if it is neither, or has a newer schema.
    """
    if len(text) > MAX_DOCUMENT:
        raise ConfigError(f"evidence must not be longer than {MAX_DOCUMENT} octets")
    try:
        document = _shortened(_evidence_in(msgspec.json.decode(text, type=dict[str, Any])))
        schema = document.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise ConfigError(f"evidence of schema {schema}; this version reads up to {SCHEMA}")
        if schema is None:
            raise ConfigError("this is not evidence: it has no schema number")
        evidence = msgspec.convert(document, Evidence)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"this is not evidence: {error}") from error
    library = _FORMER_NAMES.get(evidence.client.library, evidence.client.library)
    return replace(evidence, client=replace(evidence.client, library=library))


def as_saved(evidence: Evidence) -> Evidence:
    """Return evidence as it will be read again, so that its diagnosis is the same then."""
    return msgspec.convert(to_document(evidence), Evidence)


def _evidence_in(document: dict[str, Any]) -> dict[str, Any]:
    """Return the evidence of a doctor's report, where the transcript is a separate key."""
    inside, lines = document.get("evidence"), document.get("transcript", [])
    if not isinstance(inside, dict) or not isinstance(lines, list):
        return document
    return {**inside, "transcript": [_line(line) for line in lines]}


def _shortened(value: Any) -> Any:
    """Return JSON values without the ends of texts that are too long."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, dict):
        return {key: _shortened(part) for key, part in value.items()}
    return [_shortened(part) for part in value] if isinstance(value, list) else value


def _line(line: Any) -> Any:
    if not isinstance(line, Mapping):
        return line
    return {"speaker": line.get("from"), "text": line.get("text"), "tls": line.get("tls")}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def outward(value: Any) -> Any:
    """Return ``value`` as JSON values, without the internal fields of a Reply."""
    if isinstance(value, dict):
        return {outward(key): outward(part) for key, part in value.items() if key not in INWARD}
    if isinstance(value, list | tuple):
        return [outward(part) for part in value]
    if isinstance(value, str):  # JSON holds no octets that are not UTF-8
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value
