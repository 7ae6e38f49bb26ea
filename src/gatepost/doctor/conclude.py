"""Has evidence of any source diagnosed, with the profiles of its provider."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from gatepost.diagnosis.diagnose import apply_rules, diagnose
from gatepost.diagnosis.ranking.features import Feature, find_features
from gatepost.diagnosis.ranking.lexicon import Lexicon
from gatepost.diagnosis.recognise_provider import providers_in, providers_of
from gatepost.diagnosis.rules.probe_refusals import LiveReading
from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.logs.separate_failures import split_failures
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Diagnosis, Finding
from gatepost.model.profile import Profile


def diagnose_evidence(evidence: Evidence) -> Diagnosis:
    """Return the diagnosis of evidence by the rules of this version, also for saved evidence."""
    if evidence.source in ("probe", "token", "record"):  # with what a server said, octet by octet
        from gatepost.doctor.evidence_document import as_saved  # noqa: PLC0415 - not for a paste

        evidence = as_saved(evidence)
    return diagnose(evidence, _find_profiles(evidence))


def diagnose_log(text: str, server: str = "", client: str = "", *, skipped: int = 0) -> Diagnosis:
    """Return the diagnosis of a log. Several failures in it give several findings, in the order of
    the log. The arguments are those of ``read_log``."""
    whole = diagnose_evidence(read_log(text, server, client, skipped=skipped))
    firsts: dict[str, Finding] = {}
    for failure in split_failures(text):
        findings = diagnose_evidence(read_log(failure, server, client)).findings
        if findings and findings[0].confidence != "possible":
            firsts.setdefault(findings[0].id, findings[0])
    if len(firsts) < _SEVERAL:
        return whole
    others = (each for each in whole.findings if each.id not in firsts)
    return replace(whole, verdict="finding", findings=(*firsts.values(), *others))


_SEVERAL: Final = 2


def observe_log(text: str, server: str, client: str, lexicon: Lexicon) -> dict[str, Feature]:
    """Return the features that are weighed to rank the causes of a log."""
    evidence = read_log(text, server, client)
    seen, by_rules = apply_rules(evidence, _find_profiles(evidence))
    return find_features(Reading(seen), by_rules, lexicon)


def observe_refusals(text: str, server: str, client: str, lexicon: Lexicon) -> dict[str, Feature]:
    """Return the features of the refusals in a log, which are all that counts in a probe."""
    reading = LiveReading(read_log(text, server, client), of_everything=True)
    return find_features(reading, (), lexicon) if reading.statements else {}


def _find_profiles(evidence: Evidence) -> Iterable[Profile]:
    """Return the profiles that evidence may be about; of a log's, only those that it names."""
    if evidence.source in ("probe", "token"):
        from gatepost.doctor.provider_profiles import known_profiles  # noqa: PLC0415

        return known_profiles()
    providers = frozenset(providers_in(_named_by(evidence)))
    if not providers:
        return ()  # no profile to load: a paste is answered at once
    from gatepost.profiles import known_providers, load_profile  # noqa: PLC0415

    wanted = [name for name in known_providers() if providers_of(name) & providers]
    return [load_profile(name) for name in wanted]


def _named_by(evidence: Evidence) -> str:
    """Return what names the server in a log: its host, or its EHLO line."""
    hellos = (evidence.in_clear.value, evidence.over_tls.value)
    greetings = [hello.capabilities.greeting for hello in hellos if hello is not None]
    host = evidence.host
    return " ".join((host, *greetings))
