"""The rules about tokens and what is behind a server: loaded where something of that was seen."""

from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def found_behind(seen: Evidence, known: DoctorFacts) -> tuple[Finding, ...]:
    """Return the findings that a token, or what is behind the server, leads to."""
    if seen.token.value is None and seen.behind.value is None:
        return ()  # a paste is answered at once
    from gatepost.diagnosis.rules import entra, tokens  # noqa: PLC0415

    found = (rule(seen, known) for rule in (*entra.RULES, *tokens.RULES))
    return tuple(each for each in found if each is not None)
