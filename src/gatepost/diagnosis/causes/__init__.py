"""All causes, each with its texts; what else is known about a cause is here, too.

To add one: an entry in the file of its part of the dialogue, a rule or signs that find it, and its
page in ``docs/findings``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes import (
    audit,
    credentials,
    ehlo,
    mail,
    mechanisms,
    network,
    tls,
    tokens,
)
from gatepost.diagnosis.causes.cause import Cause
from gatepost.model.evidence import DialoguePhase
from gatepost.model.finding import Confidence, Finding

_PARTS: Final = (network, tls, ehlo, mechanisms, credentials, tokens, mail, audit)
CAUSES: Final[Mapping[str, Cause]] = MappingProxyType(
    {cause.id: cause for part in _PARTS for cause in part.CAUSES}
)


def conclude(
    id: str,
    confidence: Confidence,
    *proof: str,
    summary: str = "",
    fix: str = "",
    next_probe: str | None = None,
    phase: DialoguePhase | None = None,
) -> Finding:
    """Return the finding that ``id`` is the cause, without the empty strings among its proofs.

    ``summary``, ``fix`` and ``phase`` are for evidence that tells more than the texts of the
    cause. By default, the next check is that of the cause, unless the finding is certain.
    """
    cause = CAUSES[id]
    if next_probe is None:
        next_probe = "" if confidence == "certain" else cause.probe
    return Finding(
        id, confidence, summary or cause.summary, tuple(filter(None, proof)),
        phase or cause.phase, fix or cause.fix, next_probe=next_probe)  # fmt: skip
