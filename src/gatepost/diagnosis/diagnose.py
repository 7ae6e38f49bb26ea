"""Turns evidence into a diagnosis: rules, then ranking, then remedies. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gatepost.diagnosis.next_probe import choose_probe
from gatepost.diagnosis.notes import note_probe, note_refusals, note_session
from gatepost.diagnosis.order_findings import drop_unlikely, merge, outweigh_texts, rank
from gatepost.diagnosis.ranking.rank_causes import conclude_from_texts, judge_log
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.find_remedies import adapt_to_mailers, library_called, remedies
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.diagnosis.rules import DIALOGUE_RULES, PROVIDER_RULES, RULES
from gatepost.diagnosis.rules.identity import conclude_identity
from gatepost.diagnosis.rules.probe_refusals import add_replies
from gatepost.diagnosis.token_error_document import add_error_document
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence, Target
from gatepost.model.finding import Diagnosis, DiagnosisVerdict, Finding
from gatepost.model.setting import has_mailers

if TYPE_CHECKING:
    from gatepost.model.profile import Profile

_SOMEWHERE: Final = Target("mail.example.com", 587)
"""The server in code examples if a log does not name it."""
_NOT_SIGNED_IN: Final = 530
"""Authentication required (RFC 4954 6)."""
_NOT_KNOWN: Final = 504
"""The mechanism is not known (RFC 4954 4)."""
_ERROR: Final = re.compile(r"(?i)error|exception|fail|traceback|curl: \(\d")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9.\-:]{1,253}")


def diagnose(seen: Evidence, profiles: "Iterable[Profile]" = ()) -> Diagnosis:
    """Return the diagnosis of ``seen``; ``profiles`` are the providers that can be recognised."""
    if seen.source == "config":
        return _diagnose_settings(seen)
    seen, by_rules = apply_rules(seen, profiles)
    ranked = _RANKING[seen.source](seen, by_rules)
    findings = tuple(_add_remedies(add_error_document(each, seen), seen) for each in ranked)
    next_probe = _next_probe(seen, findings)
    verdict = _verdict(seen, findings)
    is_proven = bool(findings) and findings[0].confidence == "certain"
    if verdict in ("unknown", "unreachable") and not (next_probe or is_proven):
        next_probe = _fill_in(choose_probe(seen), seen)
    unexplained = tuple(note_refusals(seen)) if verdict == "unknown" else ()
    notes = note_probe(seen) if seen.source == "probe" else note_session(seen)
    return Diagnosis(verdict, findings, (*unexplained, *notes), seen, next_probe)


def apply_rules(
    seen: Evidence, profiles: "Iterable[Profile]"
) -> tuple[Evidence, tuple[Finding, ...]]:
    """Return the evidence with its provider, and what the rules conclude from it."""
    profiles = tuple(profiles)
    seen = replace(seen, provider=recognise(seen, profiles) or seen.provider)
    facts = next((each.doctor for each in profiles if each.name == seen.provider), DoctorFacts())
    results = [*(rule(seen) for rule in RULES), *(rule(seen, facts) for rule in PROVIDER_RULES)]
    if seen.source in ("log", "record"):
        results += [rule(seen) for rule in DIALOGUE_RULES]
    return seen, (*filter(None, results), *conclude_identity(seen, facts))


def _next_probe(seen: Evidence, findings: tuple[Finding, ...]) -> str:
    """Return the check that would decide; empty if a log has decided already."""
    if seen.source != "probe" and findings and findings[0].confidence == "certain":
        return ""
    return _fill_in(next((each.next_probe for each in findings if each.next_probe), ""), seen)


def _fill_in(probe: str, seen: Evidence) -> str:
    """Replace the placeholders in a check by what is known."""
    if seen.target is not None:
        probe = probe.replace("HOST:PORT", str(seen.target))
    by_product = library_called(seen.client.product)
    library = seen.client.library or (by_product.name if by_product else "")
    return probe.replace("LIBRARY", library or "LIBRARY")


def _diagnose_settings(seen: Evidence) -> Diagnosis:
    """Return the diagnosis of settings, which are judged without a dialogue."""
    from gatepost.diagnosis.settings.find_faults import (  # noqa: PLC0415 - a paste must not wait
        judge_settings,
        note_settings,
    )

    findings = tuple(_add_remedies(each, seen) for each in rank(judge_settings(seen)))
    next_probe = _next_probe(seen, findings)
    if not findings and seen.target is not None:
        next_probe = f"gatepost doctor {seen.target}: whether the server takes what is set here"
    verdict: DiagnosisVerdict = "finding" if findings else "healthy" if seen.configs else "unknown"
    return Diagnosis(verdict, findings, note_settings(seen), seen, next_probe)


def _rank_session(seen: Evidence, by_rules: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Rank the findings of a recorded session. It hides nothing; an attempt before the client's
    success is no fault."""
    from gatepost.diagnosis.rules import recorded_conduct  # noqa: PLC0415 - a paste is answered at once

    by_conduct = [finding for rule in recorded_conduct.RULES if (finding := rule(seen)) is not None]
    if seen.is_accomplished:
        return rank(by_conduct)
    findings = (*by_rules, *by_conduct, *recorded_conduct.left_without_auth(seen))
    weighed = map(outweigh_texts, findings)
    return drop_unlikely(rank(merge((*weighed, *conclude_from_texts(seen)))))


def _rank_probe(seen: Evidence, by_rules: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return rank(add_replies(by_rules, seen))


_RANKING: Final = {
    "probe": _rank_probe, "token": _rank_probe, "log": judge_log, "record": _rank_session,
}  # fmt: skip


def recognise(seen: Evidence, profiles: "Iterable[Profile]") -> str:
    """Return the name of the profile whose host or EHLO line matches; empty if none does."""
    host = seen.host.rstrip(".").lower()
    greetings = [
        hello.capabilities.greeting
        for hello in (seen.in_clear.value, seen.over_tls.value)
        if hello is not None
    ]
    for profile in profiles:
        pattern = profile.ehlo_pattern
        if host in profile.hosts or (
            pattern and any(re.search(pattern, line) for line in greetings)
        ):
            return profile.name
    return ""


def _add_remedies(finding: Finding, seen: Evidence) -> Finding:
    has_place = seen.target is not None or seen.source == "log" or bool(seen.client.product)
    if finding.remedies or not has_place:
        return finding
    implicit = finding.id == "starttls_on_implicit_tls_port"
    target = seen.target or (replace(_SOMEWHERE, port=465) if implicit else _SOMEWHERE)
    named = library_called(seen.client.product, seen.client.library)
    if named is None and seen.source == "config":
        return finding  # the fix is in the terms of the file
    if named and any(map(has_mailers, seen.configs)):
        named = adapt_to_mailers(named)
    libraries = (named,) if named else tuple(LIBRARIES.values())
    placeholders = Placeholders(target.host, target.port, _certificate_name(seen))
    offered = _working(seen) if finding.id == "mechanism_advertised_but_broken" else seen.offered
    return replace(finding, remedies=remedies(finding.id, libraries, offered, placeholders))


def _working(seen: Evidence) -> tuple[str, ...]:
    """Return the mechanisms that are offered and were not refused."""
    refused = {each.mechanism for each in seen.attempts if not each.accepted}
    return tuple(name for name in seen.offered if name not in refused)


def _certificate_name(seen: Evidence) -> str:
    """Return a name of the server's certificate to connect to. The server chose it, so it must look
    like a host name; otherwise empty."""
    certificate = seen.certificate
    names = certificate.names if certificate else ()
    return next((name for name in names if _HOST_NAME.fullmatch(name)), "")


def _verdict(seen: Evidence, findings: tuple[Finding, ...]) -> DiagnosisVerdict:
    resolution, connects = seen.resolution.value, seen.connects.value
    if seen.source == "token":
        if findings:
            return "finding"
        return "healthy" if seen.token.value and seen.token.value.form == "jwt" else "unknown"
    if (resolution and resolution.error) or (
        connects is not None and not any(each.outcome == "ok" for each in connects)
    ):
        return "unreachable"
    if findings:
        return "finding"
    went_well = seen.is_accomplished if seen.source == "record" else _has_all_succeeded(seen)
    return "healthy" if went_well else "unknown"


def _has_all_succeeded(seen: Evidence) -> bool:
    """Tell whether everything that was tried succeeded, and every mechanism asked about was
    accepted.

    A refusal of PLAIN without an initial response proves nothing, except by 504: some servers
    require the response with the command.
    """
    hello = seen.last_ehlo
    if seen.failure or hello is None or not hello.reply.is_success:
        return False
    if any(not each.accepted and (each.mechanism != "PLAIN" or each.reply.code == _NOT_KNOWN)
           for each in seen.attempts):  # fmt: skip
        return False
    if seen.source == "log" and not seen.content.value and any(map(_ERROR.search, seen.remarks)):
        return False
    if any(not each.reply.code for each in seen.attempts) and not seen.is_signed_in:
        return False
    judged = [each for each in seen.attempts if each.secret_sent]
    if judged and not seen.is_signed_in:
        return False
    if seen.login.state == "seen" and not judged:
        return False
    commands = seen.envelope
    if seen.client.signs_in and not judged:  # no secret was sent: mail is refused
        commands = tuple(each for each in commands if each.reply.code != _NOT_SIGNED_IN)
    content = seen.content.value
    return all(each.reply.is_success for each in commands) and (
        content is None or content.is_success
    )
