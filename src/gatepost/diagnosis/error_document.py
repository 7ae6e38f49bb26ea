"""What a server says of a refused access token before the refusal (RFC 7628 3.2.2), as a proof."""

from dataclasses import replace
from typing import Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding
from gatepost.wire.base64 import decode_base64

_BEGINNING: Final = "334 e"
"""Of a challenge in base64 that begins with a brace."""


def with_error_document(finding: Finding, seen: Evidence) -> Finding:
    """Return a finding about the sign-in with the error document in words, where one came."""
    if finding.position != "auth":
        return finding
    told = _document_in(seen)
    if not told or any(told in each for each in finding.proof):
        return finding
    return replace(finding, proof=(*finding.proof, f"the server's error document: {told}"))


def _document_in(seen: Evidence) -> str:
    """Return what the last one says; empty: none came."""
    said = [each.text for each in seen.transcript if each.speaker == "S"]
    for line in reversed([each for each in said if each.startswith(_BEGINNING)]):
        from gatepost.sasl.oauth import explained  # noqa: PLC0415 - few logs have one

        try:
            told = explained(decode_base64(line[4:].strip().encode()))
        except ValueError:
            continue
        if told:
            return told
    return ""
