"""What the doctor says of a sign-in that does not work: a finding's id and a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.diagnose import diagnose
from gatepost.model.profile import Profile
from gatepost.relay.transport.contract import Handed


@dataclass(frozen=True, slots=True)
class Ailment:
    """Why no message gets through, and what to do about it."""

    finding: str = ""
    """A finding's id; empty when none is known."""
    sentence: str = ""


def ailment_of(handed: Handed, profiles: Iterable[Profile] = ()) -> Ailment:
    """Return what is wrong. ``profiles`` are the providers that can be recognised."""
    if handed.evidence is not None:
        for finding in diagnose(handed.evidence, profiles).findings:
            return Ailment(finding.id, f"{finding.summary} {finding.fix}".strip())
    error = handed.error
    if error is not None:
        cause = CAUSES.get(error.slug)
        if cause is None:
            return Ailment(error.slug, handed.attempt.reply.reason or str(error))
        return Ailment(error.slug, f"{error}. {error.fix or cause.fix}")
    return Ailment("", handed.attempt.reply.reason or str(handed.attempt.reply))
