"""What was found behind the server, in sentences."""

from collections.abc import Iterator
from datetime import datetime

from gatepost.diagnosis.entra.wording import describe
from gatepost.diagnosis.rules.tokens import whose
from gatepost.model.entra import Behind, TokenSeen
from gatepost.model.evidence import Evidence


def facts_behind(seen: Evidence) -> Iterator[str]:
    """Yield a line about the token, and one about each answer."""
    if seen.token.value is not None:
        yield from _token("token", seen.token.value, seen.seen_at)
    behind = seen.behind.value
    if behind is None:
        return
    yield from _name(behind)
    for what, answer in (
        (f"tenant {behind.name.tenant_id}", behind.tenant),
        (f"tenant {behind.name.application_id}", behind.swapped),
        (f"a token for application {behind.name.application_id}", behind.token_request),
    ):
        if answer is not None:
            yield f"{answer.host}, {what}: {describe(answer)}"
    if behind.tenant_id:
        yield f"{behind.name.tenant_id} belongs to tenant {behind.tenant_id}"
    if behind.token is not None:
        yield from _token("that token", behind.token, seen.seen_at)
    if behind.email is not None:
        meaning = describe(behind.email)
        yield f"{behind.email.host}, a request without message and recipients: {meaning}"
    yield from _managed(behind)
    if behind.untried:
        yield f"the login was not checked further: {behind.untried}"


def _name(behind: Behind) -> Iterator[str]:
    name = behind.name
    if name.resource or name.application_id:
        parts = (
            name.resource and f"resource {name.resource}",
            name.application_id and f"application {name.application_id}",
            name.tenant_id and f"tenant {name.tenant_id}",
        )
        yield f"the user name stands for {', '.join(filter(None, parts))}"


def _token(what: str, token: TokenSeen, now: datetime | None) -> Iterator[str]:
    if token.form != "jwt":
        yield f"{what}: {'encrypted, cannot be read' if token.form == 'encrypted' else token.form}"
        return
    rights = ", ".join((*token.roles, *token.scopes)) or "none in it"
    if whose(token.audience) == "Azure Communication Services" and not token.roles:
        rights += " (what counts is the role on the resource)"
    whom = token.username or f"application {token.application_id or 'unknown'} (appid)"
    if token.object_id and not token.username:
        whom += f", object id {token.object_id} (oid)"
    yield f"{what}: for {whose(token.audience)} (aud {token.audience or 'missing'})"
    yield f"{what}: of {whom}, tenant {token.tenant_id or 'unknown'} (tid); roles: {rights}"
    if token.expires_at is not None:
        ends = f"{what}: expires {token.expires_at:%Y-%m-%d %H:%M:%S} UTC (exp)"
        yield f"{ends}, {_left(token.expires_at, now)}" if now else ends
    claims = {
        "aud": token.audience,
        "tid": token.tenant_id,
        "appid": token.application_id or token.username,
        "exp": token.expires_at,
    }
    if lacking := ", ".join(name for name, value in claims.items() if not value):
        yield f"{what}: lacks {lacking}, which Entra's access tokens have"


def _left(end: datetime, now: datetime) -> str:
    minutes = int((end - now).total_seconds()) // 60
    return f"in {minutes} min" if minutes >= 0 else f"{-minutes} min ago"


def _managed(behind: Behind) -> Iterator[str]:
    managed = behind.management
    if managed is None:
        return
    if managed.answer.status != 200:
        yield f"{managed.answer.host}, Resource Manager: {describe(managed.answer)}"
        return
    yield f"Resource Manager: {managed.resource_id or 'no resource of that name'}"
    if managed.roles is not None:
        held = (f"{each.role} on {each.scope}" for each in managed.roles)
        yield f"roles of {managed.principal_id}: {'; '.join(dict.fromkeys(held)) or 'none'}"
    if managed.smtp_names is not None:
        names = ", ".join(each.username for each in managed.smtp_names)
        yield f"SMTP user names: {names or 'none'}"
