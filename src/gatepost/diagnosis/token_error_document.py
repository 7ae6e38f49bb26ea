"""Words the error document that a server sends before it refuses a token (RFC 7628 3.2.2)."""

from dataclasses import replace
from typing import Any, Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding
from gatepost.wire.base64 import decode_base64

_BEGINNING: Final = "334 e"
"""The beginning of a 334 whose base64 is a JSON object."""


def add_error_document(finding: Finding, seen: Evidence) -> Finding:
    """Return a finding about the login with the error document in words as a proof, if there was
    one."""
    if finding.position != "auth":
        return finding
    words = _words_of(_document_in(seen))
    if not words or any(words in each for each in finding.proof):
        return finding
    return replace(finding, proof=(*finding.proof, f"the server's error document: {words}"))


def find_status(seen: Evidence) -> str:
    """Return the status of the last error document: ``invalid_token``, or ``401`` at Google."""
    status = _document_in(seen).get("status", "")
    return status if isinstance(status, str) else str(status)


def _words_of(document: dict[str, Any]) -> str:
    if not document:
        return ""
    from gatepost.sasl.oauth import words_of  # noqa: PLC0415 - few logs have one

    return words_of(document)


def _document_in(seen: Evidence) -> dict[str, Any]:
    """Return the last error document; empty if there was none."""
    replies = [each.text for each in seen.transcript if each.speaker == "S"]
    for line in reversed([each for each in replies if each.startswith(_BEGINNING)]):
        from gatepost.sasl.oauth import parse_document  # noqa: PLC0415 - as above

        try:
            document = parse_document(decode_base64(line[4:].strip().encode()))
        except ValueError:
            continue
        if _words_of(document):
            return document
    return {}
