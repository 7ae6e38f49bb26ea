"""Has evidence of any source diagnosed, with the profiles of its provider."""

from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.providers import providers_in, providers_of
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Diagnosis


def diagnose_evidence(evidence: Evidence) -> Diagnosis:
    """Return the diagnosis of evidence by the rules of this version, also for saved evidence."""
    is_live = evidence.source in ("probe", "token")
    if is_live or evidence.source == "record":  # with what a server said, octet by octet
        from gatepost.doctor.evidence_document import as_saved  # noqa: PLC0415 - not for a paste

        evidence = as_saved(evidence)
    providers = None if is_live else frozenset(providers_in(_named_by(evidence)))
    if providers is not None and not providers:
        return diagnose(evidence)  # no profile to load: a paste is answered at once
    from gatepost.doctor.provider_profiles import known_profiles  # noqa: PLC0415

    if providers is None:
        return diagnose(evidence, known_profiles())
    from gatepost.profiles import known_providers, load_profile  # noqa: PLC0415

    wanted = [name for name in known_providers() if providers_of(name) & providers]
    return diagnose(evidence, [load_profile(name) for name in wanted])


def _named_by(evidence: Evidence) -> str:
    """Return what names the server in a log: its host, or its EHLO line."""
    hellos = (evidence.in_clear.value, evidence.over_tls.value)
    greetings = [hello.capabilities.greeting for hello in hellos if hello is not None]
    host = evidence.host
    return " ".join((host, *greetings))
