"""Exchange Online and High Volume Email: an application's token, and what must be set up for it.

A token of an application is no proof that Exchange knows it. Source: Microsoft Learn, "Authenticate
an IMAP, POP or SMTP connection using OAuth", and public reports; 2025 and 2026.
"""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.entra.wording import (
    make_service_principal,
    open_mailbox,
)
from gatepost.diagnosis.known_refusals import find_refusal
from gatepost.diagnosis.reply_quotes import find_login_refusal, quote_login_refusal, quote_reply
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.entra import TokenSeen
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

_FOR_APPLICATIONS: Final = ("SMTP.SendAsApp", "Mail.Send")
"""Permissions that are roles in the token of an application."""
_NOT_OPEN: Final = ("mailbox logon failure", "mapiexceptionlogonfailed")


_TOKEN_READ: Final = 16.5
"""The weight of a finding after the token was read: a reply has the same words for many causes."""


def application_token(seen: Evidence, facts: DoctorFacts) -> TokenSeen | None:
    """Return the token if it is one of an application, for a service where mailboxes sign in."""
    token = seen.token.value
    if token is None or token.form != "jwt" or facts.identity != "entra_user":
        return None
    if token.username or token.scopes:
        return None  # a person's
    if seen.behind.value is not None and seen.behind.value.tenant_id not in ("", token.tenant_id):
        return None  # see tokens.another_tenant
    is_for_it = token.audience.removesuffix("/").lower() in facts.token_audiences
    is_current = seen.seen_at is None or token.is_current(seen.seen_at)
    return token if is_for_it and is_current else None


def role_missing(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """The token of an application has no role for sending; with RBAC for Applications, it needs
    none."""
    token = application_token(seen, facts)
    if token is None or seen.is_signed_in or has_role(token, facts):
        return None
    if seen.source == "token" and set(_FOR_APPLICATIONS).intersection(token.roles):
        return None  # the server is unknown: it may be that of High Volume Email
    wanted = next(each for each in _FOR_APPLICATIONS if each in facts.token_permissions)
    finding = conclude(
        "role_missing",
        "likely",
        *quote_login_refusal(seen),
        f"the token's roles: {', '.join(token.roles) or 'none'}; {wanted} is wanted",
        summary=f"The access token of the application has no role {wanted}.",
        fix=f"Add the application permission {wanted} of Office 365 Exchange Online, have an "
        "administrator consent, and get a new token. A role by RBAC for Applications does not "
        "show in the token: check that with Test-ServicePrincipalAuthorization.",
        next_probe=f"Test-ServicePrincipalAuthorization -Identity {token.application_id or 'ID'} "
        "-Resource MAILBOX",
    )
    return replace(finding, fit=_TOKEN_READ)


def has_role(token: TokenSeen, facts: DoctorFacts) -> bool:
    """Tell whether it has one of the roles that permit sending."""
    has = {each.lower() for each in token.roles}
    return any(each.lower() in has for each in facts.token_permissions)


def service_principal_missing(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """A good token of an application is refused without a reason."""
    token, attempt = application_token(seen, facts), find_login_refusal(seen)
    if token is None or attempt is None or seen.is_signed_in:
        return None
    row = find_refusal(attempt.reply, "auth")
    if row is not None and row.confidence == "certain":
        return None
    finding = conclude(
        "service_principal_missing",
        "likely" if has_role(token, facts) else "possible",
        quote_reply(attempt),
        f"the token is good: for this service, current, roles {', '.join(token.roles) or 'none'}",
        f"it is of application {token.application_id}, object id {token.object_id} (oid)",
        summary="The token is good, but Exchange does not know the application, or does not let "
        "it use this mailbox.",
        fix="Make the application known to Exchange with the object id of the enterprise "
        "application, open the mailbox to it, and switch SMTP AUTH on for the mailbox. It counts "
        "after 30 minutes to 2 hours.",
        next_probe=f"Get-ServicePrincipal | fl AppId, ObjectId: without application "
        f"{token.application_id or 'ID'}, New-ServicePrincipal is missing; with another ObjectId "
        f"than {token.object_id or 'the oid of the token'}, it got that of the registration; with "
        "this one, the mailbox is outside the management scope: "
        f"Test-ServicePrincipalAuthorization -Identity {token.application_id or 'ID'} -Resource "
        "MAILBOX",
    )
    fit = _TOKEN_READ if finding.confidence == "likely" else 0.0
    return replace(finding, remedies=(make_service_principal(token),), fit=fit)


def mailbox_not_open(seen: Evidence) -> Finding | None:
    """The login succeeds, and Exchange cannot open the mailbox for the message."""
    if not _is_not_open(seen):
        return None
    finding = conclude(
        "role_missing",
        "likely",
        f"the login was accepted, and the message was answered {seen.content.value}",
        summary="The application has signed in, and may not open the mailbox.",
        fix="Give the application's service principal FullAccess to the mailbox (or a role by "
        "RBAC for Applications). Do not wait: the code is temporary, the fault is not.",
        next_probe="Get-MailboxPermission MAILBOX",
        phase="data",
    )
    return replace(finding, remedies=(open_mailbox(seen.token.value),), fit=_TOKEN_READ)


def mailbox_opened_lately(seen: Evidence) -> Finding | None:
    """The same, if the permission was given within the last two hours."""
    if not _is_not_open(seen):
        return None
    return conclude(
        "access_not_propagated",
        "possible",
        f"the message was answered {seen.content.value}",
        summary="The mailbox was opened to the application a short time ago, and that does not "
        "count yet.",
        fix="If FullAccess was given within the last two hours, wait; otherwise it is missing.",
        phase="data",
    )


def _is_not_open(seen: Evidence) -> bool:
    content = seen.content.value
    text = content.text.lower() if content is not None and content.code >= 400 else ""
    return any(each in text for each in _NOT_OPEN)


RULES: Final = (mailbox_not_open, mailbox_opened_lately)
TOKEN_RULES: Final = (role_missing, service_principal_missing)
