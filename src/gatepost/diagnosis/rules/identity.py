"""The rules about tokens and identity providers; loaded only if there is such evidence."""

from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def conclude_identity(seen: Evidence, facts: DoctorFacts) -> tuple[Finding, ...]:
    """Return the findings about a token, or about what is behind the server."""
    behind = seen.behind.value
    if seen.token.value is None and behind is None:
        return ()  # a pasted log needs a fast answer
    from gatepost.diagnosis.rules import entra, exchange_online, tokens  # noqa: PLC0415

    findings = [rule(seen, facts) for rule in (*tokens.RULES, *exchange_online.TOKEN_RULES)]
    findings += [rule(seen) for rule in exchange_online.RULES]
    if behind is not None:
        findings.append(entra.username_format(seen, behind, facts))
        findings += [rule(seen, behind) for rule in entra.RULES]
    return tuple(filter(None, findings))
