"""The rules about tokens and identity providers; loaded only if there is such evidence."""

from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def conclude_identity(seen: Evidence, facts: DoctorFacts) -> tuple[Finding, ...]:
    """Return the findings about a token, or about what is behind the server."""
    if seen.token.value is None and seen.behind.value is None:
        return ()  # a pasted log needs a fast answer
    from gatepost.diagnosis.rules import entra, tokens  # noqa: PLC0415

    findings = (rule(seen, facts) for rule in (*entra.RULES, *tokens.RULES))
    return tuple(each for each in findings if each is not None)
