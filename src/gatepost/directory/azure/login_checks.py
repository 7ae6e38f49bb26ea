"""Logins: the checks, in the order in which the reasons of refusals are reported.

For the client all failures are the same. The operator sees the first check that failed: user name,
resource, tenant, application, secret, service principal, role, and how long the role has existed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    CommunicationService,
    ServicePrincipal,
    SmtpUsername,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.azure.roles import grant_of
from gatepost.directory.azure.secrets import digest_of, matching_secret
from gatepost.directory.azure.senders import senders_of
from gatepost.directory.azure.snapshot import ClaimedIdentity, Snapshot
from gatepost.directory.azure.username import UsernameError, parse_username
from gatepost.model.credentials import Principal

_LONG_BASE64: Final = 80
"""Minimum length of an access key in characters: 64 octets in base64 are 88."""
_TIME: Final = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a login is refused: a slug and a sentence for the operator, without anything that the
    client sent."""

    slug: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.slug}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class _Attempt:
    snapshot: Snapshot
    claim: ClaimedIdentity
    rules: Rules
    now: datetime

    @property
    def service_principal(self) -> ServicePrincipal | None:
        lookup = principal_lookup(self.claim.application_id, self.claim.tenant_id)
        return next(iter(self.snapshot.find(ServicePrincipal, lookup)), None)

    @property
    def standing_for(self) -> tuple[SmtpUsername, ...]:
        """The SMTP user names of the resource that stand for the application."""
        claim = self.claim
        if claim.smtp_username is not None:
            return (claim.smtp_username,)
        by_application = _names_by_application(self.snapshot)
        return tuple(
            by_application.get(_folded(claim.service.id, claim.application_id, claim.tenant_id), ())
        )


def _names_by_application(
    snapshot: Snapshot,
) -> Mapping[tuple[str, str, str], Sequence[SmtpUsername]]:
    """Return the SMTP user names by resource, application and tenant; computed once per change."""
    by_application = snapshot.smtp_usernames
    if not by_application:
        for each in snapshot.all(SmtpUsername):
            key = _folded(each.service_id, each.application_id, each.tenant_id)
            by_application.setdefault(key, []).append(each)
    return by_application


def _folded(resource: str, application: str, tenant: str) -> tuple[str, str, str]:
    return resource.lower(), application.lower(), tenant.lower()


def resolve(snapshot: Snapshot, username: str) -> ClaimedIdentity | Denial:
    """Return what the user name stands for: first an SMTP user name, then a composite name."""
    for smtp_username in snapshot.find(SmtpUsername, username):
        service = snapshot.get(CommunicationService, smtp_username.service_id)
        if service is None:
            return Denial("resource_unknown", "the SMTP user name's resource was deleted")
        return ClaimedIdentity(
            service, smtp_username.application_id, smtp_username.tenant_id, smtp_username
        )
    try:
        name = parse_username(username)
    except UsernameError as error:
        return Denial("username_format", str(error))
    services = snapshot.find(CommunicationService, name.resource)
    if not services:
        return Denial(
            "resource_unknown", "there is no Communication Services resource of that name"
        )
    return ClaimedIdentity(services[0], name.application_id, name.tenant_id)


def identify(
    snapshot: Snapshot, username: str, password: str, *, key: bytes, rules: Rules, now: datetime
) -> Principal | Denial:
    """Verify a user name and a client secret.

    One digest is computed and compared for any user name, so that the time does not show which
    check failed.
    """
    cached = snapshot.allowed.get(username)
    claim = cached or resolve(snapshot, username)
    application_id = claim.application_id if isinstance(claim, ClaimedIdentity) else ""
    proof = prove_secret(snapshot, application_id, password, key=key, now=now)
    if isinstance(claim, Denial):
        return claim
    if cached is not None:  # only the secret can be wrong, see ``still_allowed``
        return proof if isinstance(proof, Denial) else cached.proven_by(proof.id)
    attempt = _Attempt(snapshot, claim, rules, now)
    denial = _first_denial(attempt, _BEFORE_SECRET)
    if denial is not None:
        return denial
    if isinstance(proof, Denial):
        return proof
    denial = _first_denial(attempt, _AFTER_SECRET)
    if denial is not None:
        return denial
    _remember_allowed(snapshot, username, claim)
    return claim.proven_by(proof.id)


def prove_secret(
    snapshot: Snapshot, application_id: str, password: str, *, key: bytes, now: datetime
) -> ClientSecret | Denial:
    """Return the application's secret that has this value and is valid now.

    One digest is computed and compared, even if there is no such application.
    """
    digest = digest_of(password, key)
    secrets = snapshot.find(ClientSecret, application_id)
    match = matching_secret(secrets, digest)
    return _judge_secret(secrets, match, password, now)


def secret_of(
    snapshot: Snapshot, username: str, *, rules: Rules, now: datetime
) -> tuple[Principal, ClientSecret] | Denial:
    """Return the principal that a user name stands for, and the secret that would prove it.

    For mechanisms that prove a secret without sending it. They cannot say which of several secrets
    they use, so it is the newest valid one.
    """
    claim = still_allowed(snapshot, username, rules, now)
    if isinstance(claim, Denial):
        return claim
    secrets = snapshot.find(ClientSecret, claim.application_id)
    valid = [each for each in secrets if each.start <= now < each.end]
    if valid:
        newest = max(valid, key=lambda each: each.start)
        return claim.proven_by(newest.id), newest
    if secrets:
        return Denial("secret_expired", "no client secret of the application is valid now")
    return Denial("secret_missing", "the application has no client secret")


def still_allowed(
    snapshot: Snapshot, name: str, rules: Rules, now: datetime
) -> ClaimedIdentity | Denial:
    """Return what a principal's name stands for now, unless it could no longer sign in.

    Called at every MAIL, so a positive answer is cached until the directory changes, also that of
    ``identify``: time alone does not remove a right.
    """
    cached = snapshot.allowed.get(name)
    if cached is not None:
        return cached
    claim = resolve(snapshot, name)
    if isinstance(claim, Denial):
        return claim
    attempt = _Attempt(snapshot, claim, rules, now)
    denial = _first_denial(attempt, _BEFORE_SECRET + _AFTER_SECRET)
    if denial is not None:
        return denial
    _remember_allowed(snapshot, name, claim)
    return claim


def _remember_allowed(snapshot: Snapshot, name: str, claim: ClaimedIdentity) -> None:
    if len(snapshot.allowed) >= _MAX_KEPT:
        snapshot.allowed.clear()
    snapshot.allowed[name] = claim


def denied_before_proof(
    snapshot: Snapshot, claim: ClaimedIdentity, rules: Rules, now: datetime
) -> Denial | None:
    """Return why nobody can sign in with this name, whatever the secret."""
    return _first_denial(_Attempt(snapshot, claim, rules, now), _BEFORE_SECRET)


def _first_denial(attempt: _Attempt, checks: tuple["_Check", ...]) -> Denial | None:
    return next((denial for check in checks if (denial := check(attempt))), None)


def _check_smtp_username(attempt: _Attempt) -> Denial | None:
    smtp_username = attempt.claim.smtp_username
    if smtp_username is None and attempt.rules.needs_smtp_username and not attempt.standing_for:
        return Denial(
            "smtp_username_missing",
            "the resource has no SMTP user name that stands for the application",
        )
    if smtp_username is None or "@" not in smtp_username.username:
        return None
    domain = smtp_username.username.rpartition("@")[2].lower()
    if domain in senders_of(attempt.snapshot, attempt.claim.service):
        return None
    return Denial(
        "smtp_username_domain_not_linked",
        "the domain of the SMTP user name is not linked to its resource",
    )


def _check_tenant(attempt: _Attempt) -> Denial | None:
    if attempt.snapshot.get(Tenant, attempt.claim.tenant_id) is None:
        return Denial("tenant_unknown", "there is no tenant with that id")
    return None


def _check_application(attempt: _Attempt) -> Denial | None:
    application = attempt.snapshot.get(Application, attempt.claim.application_id)
    if application is None:
        return Denial("application_unknown", "there is no application with that id")
    at_home = application.tenant_id.lower() == attempt.claim.tenant_id.lower()
    if not at_home and not (application.multitenant and attempt.service_principal):
        return Denial("application_unknown", "the application is not in that tenant")
    return None


def _judge_secret(
    secrets: tuple[ClientSecret, ...], match: ClientSecret | None, password: str, now: datetime
) -> ClientSecret | Denial:
    if match is not None:
        if now >= match.end:
            return Denial("secret_expired", f"secret {match.id} expired at {match.end:{_TIME}}")
        if now < match.start:
            return Denial(
                "secret_not_yet_valid",
                f"secret {match.id} is not valid before {match.start:{_TIME}}",
            )
        return match
    if not password:
        return Denial("secret_missing", "no secret was sent")
    if is_guid(password.strip()):
        return Denial("secret_id_pasted", "that is the id of a secret; its value is needed")
    if "accesskey=" in password.lower() or (len(password) >= _LONG_BASE64 and _is_base64(password)):
        return Denial(
            "access_key_pasted", "that is an access key; the application's client secret is needed"
        )
    if not secrets:
        return Denial("secret_missing", "the application has no client secret")
    return Denial("secret_wrong", "no client secret of the application has that value")


def _is_base64(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "+/=") for char in text)


def _check_service_principal(attempt: _Attempt) -> Denial | None:
    if attempt.service_principal is None:
        return Denial(
            "service_principal_missing", "the application has no service principal in that tenant"
        )
    return None


def _check_role(attempt: _Attempt) -> Denial | None:
    principal = attempt.service_principal
    if principal is None:
        return None
    rules = attempt.rules
    grant = grant_of(attempt.snapshot, principal.id, attempt.claim.service.id, rules.actions)
    if grant.missing:
        return Denial(
            "role_missing", f"no role assigned on the resource grants {', '.join(grant.missing)}"
        )
    times = [grant.effective_from] if grant.effective_from else []
    if attempt.claim.smtp_username is not None or rules.needs_smtp_username:
        times.append(min(each.created_at for each in attempt.standing_for))
    wait = max(times, default=attempt.now) + rules.propagation_delay - attempt.now
    if rules.propagation_delay and wait > timedelta(0):
        return Denial(
            "propagating",
            f"the role or SMTP user name takes effect in {wait.total_seconds():.0f} s",
        )
    return None


_MAX_KEPT: Final = 10_000
"""Number of names with a cached answer; a client may spell one name in many ways."""

_Check = Callable[[_Attempt], Denial | None]
_BEFORE_SECRET: Final[tuple[_Check, ...]] = (
    _check_smtp_username,
    _check_tenant,
    _check_application,
)
_AFTER_SECRET: Final[tuple[_Check, ...]] = (_check_service_principal, _check_role)
