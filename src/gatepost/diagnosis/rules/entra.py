"""Behind a refused login: what Entra, the e-mail API and Resource Manager answered.

The order is that of the directory's own checks: user name, tenant, application, secret, service
principal, resource, role, SMTP user name. A step was made only if those before succeeded.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.entra.codes import CODES, DEEPER, Code
from gatepost.diagnosis.entra.roles import RoleState, role_state
from gatepost.diagnosis.entra.usernames import MAY_BE_SMTP_NAME
from gatepost.diagnosis.entra.wording import (
    ROLE,
    age,
    assign_role,
    describe,
    email_proof,
    make_smtp_name,
    resource_id,
    role_proof,
    some_of,
    tenant_proof,
    token_proof,
)
from gatepost.diagnosis.reply_quotes import quote_login_refusal
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.entra import Behind, EntraResponse, ManagementFacts, SmtpNameSeen
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Finding, Remedy
from gatepost.model.oauth_errors import is_passing

FRESH: Final = timedelta(minutes=5)
"""Changes within this time may not be effective yet: scripts wait 45 to 120 s (2025, 2026)."""
_SURE: Final = frozenset({"connection_string", "empty", "white_space", "trailing_part"})
"""Mistakes in a user name that no valid name can have."""
_SECRET_WRONG: Final = 7000215
_ASSIGN: Final = (
    f"Assign the role {ROLE} on the Communication Services resource to the application's service "
    "principal (Enterprise application), not to the app registration; it counts after some minutes."
)
_MAKE: Final = (
    "Make an SMTP user name that stands for the application (Azure portal, the Communication "
    "Services resource, SMTP Usernames); the application must have its role first."
)
_WITH_ARM: Final = "gatepost doctor HOST:PORT ... --arm-token-file FILE"
_STANDS_FOR: Final = (
    "say whom it stands for (--stands-for RESOURCE.APPLICATION.TENANT), or show a token for "
    "Resource Manager (--arm-token-file FILE)"
)
_WAIT: Final = "Made within the last minutes? Wait five and try again."
_SENDER_REFUSED: Final = frozenset({"DomainNotLinked", "InvalidSenderUserName"})


# The user name.


def username_format(seen: Evidence, behind: Behind, facts: DoctorFacts) -> Finding | None:
    """The user name is neither a composite name nor an SMTP user name."""
    if not behind.name.mistake or behind.name.mistake in MAY_BE_SMTP_NAME:
        return None
    sure = behind.name.mistake in _SURE
    return _finding(
        "username_format",
        "certain" if sure else "likely",
        f"The user name does not have a format that this server accepts: {behind.name.sentence}.",
        (*quote_login_refusal(seen), behind.name.sentence),
        facts.right_name,
    )


def ids_swapped(_seen: Evidence, behind: Behind) -> Finding | None:
    """The ids of application and tenant are swapped."""
    if behind.swapped is None or behind.swapped.status != 200:
        return None
    name = behind.name
    return _finding(
        "username_format",
        "certain",
        "Application id and tenant id are swapped in the user name.",
        (
            *tenant_proof(behind),
            f"{name.application_id}, in the place of the application, is the id of a tenant",
        ),
        f"Use {name.resource or 'RESOURCE'}.{name.tenant_id}.{name.application_id}.",
    )


# The authority.


def tenant_unknown(_seen: Evidence, behind: Behind) -> Finding | None:
    """OpenID discovery knows no tenant with this id."""
    if behind.tenant is None or behind.tenant.status in (0, 200):
        return None
    code = CODES.get(behind.tenant.number)
    swapped = behind.swapped is not None and behind.swapped.status == 200
    if swapped or code is None or code.finding != "tenant_unknown":
        return None
    return _finding(
        "tenant_unknown",
        "certain",
        f"There is no tenant {behind.name.tenant_id} at {behind.authority}.",
        (*tenant_proof(behind), "without a tenant no application and no secret is looked at"),
        code.fix,
    )


def refused_by_authority(_seen: Evidence, behind: Behind) -> Finding | None:
    """The token endpoint refuses with a code whose meaning is known; the mail server does not tell
    it."""
    code = _refused_with(behind)
    if code is None:
        return None
    about = f"application {behind.name.application_id} of tenant {behind.name.tenant_id}"
    return _finding(
        code.finding,
        "certain",
        code.proves,
        (
            *token_proof(behind),
            f"it was asked for {about}",
            "the same secret was refused by the mail server",
        ),
        code.fix.replace("APPLICATION", behind.name.application_id),
    )


def refused_for_something_else(seen: Evidence, behind: Behind) -> Finding | None:
    """The token endpoint refuses with an unknown code."""
    answer = behind.token_request
    if answer is None or answer.number in CODES or not 400 <= answer.status < 500:
        return None
    if is_passing(answer.status, answer.error, answer.number):
        return None
    return _finding(
        "oauth_client_auth_failed",
        "likely",
        "The tenant's authority gives no token for this application and secret.",
        (*quote_login_refusal(seen), *token_proof(behind)),
        "Look the code up: https://login.microsoftonline.com/error",
    )


def no_token_at_all(_seen: Evidence, behind: Behind) -> Finding | None:
    """The authority issues no token: what is observed, besides the cause."""
    if behind.swapped is not None and behind.swapped.status == 200:
        return None
    code = _refused_with(behind) or _code(behind.tenant)
    if code is None or code.finding not in DEEPER:
        return None
    return _finding(
        "oauth_client_auth_failed",
        "certain",
        "The authority gives no token for this tenant, application and secret.",
        (describe(behind.token_request or behind.tenant),),
        "The cause is the finding above.",
    )


_DAMAGES: Final = {
    "quoted": "it is enclosed in quotation marks, which no client secret has",
    "cut_entra_secret": "it begins as a client secret and has {} characters; such have 40",
    "placeholder": "it looks like a variable or a placeholder that nobody has replaced",
    "assignment": "it looks like a whole line NAME=VALUE, not like the value alone",
    "percent_encoded": "it is percent-encoded, as in a URL; no client secret has a %",
    "encoded_secret": "it looks like the base64 of a client secret, which the client makes itself",
}
"""What is odd about a secret, by its format."""


def secret_mangled(seen: Evidence, behind: Behind) -> Finding | None:
    """The secret is wrong, and looks incomplete or as if something was added."""
    login = seen.login.value
    code = _refused_with(behind)
    if login is None or code is None or code.number != _SECRET_WRONG:
        return None
    shape = login.secret
    if shape.edge_blank:
        damage = "it begins or ends with white space or a line end"
    else:
        damage = _DAMAGES.get(shape.kind, "").format(shape.length)
    if not damage:
        return None
    return _finding(
        "credential_mangled_by_config",
        "certain",
        "The client secret did not arrive whole.",
        (*token_proof(behind), damage),
        "Compare length and last characters of the value in the running process with the source: "
        "a line end from a file, a $ or # that the shell or .env reader takes, a field that is "
        "too short.",
    )


def _refused_with(behind: Behind) -> Code | None:
    return _code(behind.token_request)


def _code(answer: EntraResponse | None) -> Code | None:
    """Return the code of a final refusal."""
    code = CODES.get(answer.number) if answer and answer.status not in (0, 200) else None
    return code if code is not None and code.finding else None


# The e-mail API.


def resource_unknown(_seen: Evidence, behind: Behind) -> Finding | None:
    """The host of the resource does not exist."""
    email = behind.email
    managed = behind.management
    if not behind.name.resource:
        return None
    proof = list(token_proof(behind))
    confidence: Confidence = "likely"
    if email is not None and email.phase == "resolve":
        proof.append(f"the host of the resource does not resolve: {email.host}")
    elif managed is None or not _was_read(managed) or managed.resource_id or not managed.resources:
        return None
    if managed is not None and _was_read(managed) and not managed.resource_id:
        proof.append(f"Resource Manager lists {some_of(managed.resources)}")
        confidence = "certain"
    return _finding(
        "resource_unknown",
        confidence,
        f"There is no Communication Services resource named {behind.name.resource}.",
        tuple(proof),
        "Use the name of the Communication Services resource (not of the Email Communication "
        "Services resource), as it was finally created: az communication list --query [].name.",
    )


def role_missing(_seen: Evidence, behind: Behind) -> Finding | None:
    """The e-mail API refuses a valid token: there is no role, or it does not suffice."""
    if (state := _role_state(behind)) is None:
        return None
    if state.missing is None:  # Resource Manager was not asked
        good = "The secret is good" if behind.token_request else "The token is for this service"
        return replace(
            _finding(
                "role_missing",
                "likely",
                f"{good}; the application has no role that lets it send through "
                f"{behind.name.resource}, or got it only minutes ago.",
                (*token_proof(behind), *email_proof(behind)),
                _ASSIGN,
                assign_role(behind),
            ),
            next_probe="gatepost doctor HOST:PORT ... --arm-token-file FILE with the token of "
            "az account get-access-token: which roles the application has, and since when",
        )
    if not state.missing or state.elsewhere:
        return None
    what = (
        f"Its roles ({', '.join(state.here)}) do not grant {', '.join(state.missing)}."
        if state.here
        else "No role is assigned to its service principal on the resource, its group or "
        "subscription."
    )
    return _finding(
        "role_missing",
        "certain",
        f"The application may not send through {behind.name.resource}. {what}",
        (*token_proof(behind), *email_proof(behind), *role_proof(behind)),
        _ASSIGN,
        assign_role(behind),
    )


def role_wrong_scope(_seen: Evidence, behind: Behind) -> Finding | None:
    """A sufficient role is assigned, but its scope does not include the resource."""
    state = _role_state(behind)
    if state is None or not state.missing or not state.elsewhere:
        return None
    return _finding(
        "role_wrong_scope",
        "certain",
        "The application has the role, but not on this resource: a role counts where it is "
        "assigned, and below.",
        (
            *token_proof(behind),
            *email_proof(behind),
            *(f"{role} is assigned on {scope}" for role, scope in state.elsewhere),
            f"the resource is {resource_id(behind)}",
        ),
        _ASSIGN,
        assign_role(behind),
    )


def access_not_propagated(seen: Evidence, behind: Behind) -> Finding | None:
    """Everything is configured, but some of it only for minutes."""
    if seen.seen_at is None or behind.management is None:
        return None
    state = _role_state(behind)
    if state is None and not _has_email_access(behind):
        return None
    young: list[str] = []
    if state is not None and state.missing == () and state.since is not None:
        if not _is_fresh(state.since, seen.seen_at):
            return None
        young.append(f"the role was assigned {age(state.since, seen.seen_at)} ago")
    young += [
        f"the SMTP user name was made {age(each.created_at, seen.seen_at)} ago"
        for each in _own_names(behind)
        if each.created_at is not None and _is_fresh(each.created_at, seen.seen_at)
    ]
    if not young:
        return None
    return _finding(
        "access_not_propagated",
        "likely",
        "What signs in was set up minutes ago, and does not count everywhere yet.",
        (*token_proof(behind), *email_proof(behind), *young),
        "Wait five minutes and try again, once.",
    )


def smtp_username_missing(seen: Evidence, behind: Behind) -> Finding | None:
    """The SMTP user name does not exist; or nothing else is wrong, and it is unknown whom it stands
    for."""
    by_smtp_name = behind.name.mistake in MAY_BE_SMTP_NAME
    managed = behind.management
    listed = managed is not None and managed.smtp_names is not None
    if by_smtp_name and listed and behind.name.known_from != "management":
        return _no_such_smtp_name(seen, behind)
    if by_smtp_name and not behind.name.application_id:
        return _unknown_smtp_name(seen, behind)
    answer = behind.token_request
    if by_smtp_name and behind.email is None and answer is not None and answer.status == 200:
        return _only_the_secret_is_known(seen, behind)
    if not _has_email_access(behind) or access_not_propagated(seen, behind) is not None:
        return None
    return _only_username_is_left(behind, listed=listed, composite=not by_smtp_name)


def _only_username_is_left(behind: Behind, *, listed: bool, composite: bool) -> Finding:
    own = _own_names(behind)
    proof = [*token_proof(behind), *email_proof(behind)]
    fix, remedy = f"{_MAKE} {_WAIT}", make_smtp_name(behind)
    if own and composite:
        proof += [f"the SMTP user name {each.username} stands for it" for each in own]
        fix = f"Sign in as {own[0].username}. {_WAIT}"
    elif listed and not own:
        proof.append("the resource has no SMTP user name that stands for the application")
    finding = _finding(
        "smtp_username_missing",
        "likely",
        "Secret, resource and role are good. What is left is the SMTP user name: it is missing, "
        "stands for another application, or was made minutes ago.",
        proof,
        fix,
        None if own and composite else remedy,
    )
    probe = f"{_WITH_ARM}: which SMTP user names there are"
    return replace(finding, next_probe="" if behind.management else probe)


def _no_such_smtp_name(seen: Evidence, behind: Behind) -> Finding:
    names = behind.management.smtp_names if behind.management else None
    there = some_of(tuple(each.username for each in names or ())) or "none"
    return _finding(
        "smtp_username_missing",
        "certain",
        "There is no SMTP user name like this one on any resource.",
        (*quote_login_refusal(seen), behind.name.sentence, f"Resource Manager lists: {there}"),
        _MAKE,
        make_smtp_name(behind),
    )


def _only_the_secret_is_known(seen: Evidence, behind: Behind) -> Finding:
    finding = _finding(
        "smtp_username_missing",
        "likely",
        "The secret is good. The SMTP user name may be missing or stand for another application, "
        "or the application's role be missing.",
        (*quote_login_refusal(seen), *token_proof(behind), behind.name.sentence),
        _MAKE,
        make_smtp_name(behind),
    )
    return replace(finding, next_probe=_STANDS_FOR)


def _unknown_smtp_name(seen: Evidence, behind: Behind) -> Finding:
    finding = _finding(
        "smtp_username_missing",
        "likely",
        "The user name can only be an SMTP user name of the resource. It may be missing, not "
        "ready, or stand for another application.",
        (*quote_login_refusal(seen), behind.name.sentence),
        _MAKE,
        make_smtp_name(behind),
    )
    return replace(finding, next_probe=_STANDS_FOR)


# The sender, as the e-mail API sees it.


def sender_domain_not_linked(seen: Evidence, behind: Behind) -> Finding | None:
    """The e-mail API refuses the domain of the sender, as SMTP would after the login."""
    if behind.email is None or behind.email.error != "DomainNotLinked":
        return None
    domain = behind.email_sender.rpartition("@")[2]
    own = behind.name.mistake == "smtp_username_unknown"
    return conclude(
        "sender_domain_not_linked",
        "certain" if own else "likely",
        *(*quote_login_refusal(seen), *email_proof(behind)) if own else email_proof(behind),
        summary=f"The domain {domain} is not linked to {behind.name.resource or 'the resource'}"
        + (", so no user name of it signs in." if own else "."),
        fix="Link the domain to the Communication Services resource (az communication update "
        "--linked-domains ...), or use an address of a linked one.",
        phase="auth" if own else "mail",
        next_probe="",
    )


def sender_not_registered(seen: Evidence, behind: Behind) -> Finding | None:
    """The same for the local part of the sender."""
    if behind.email is None or behind.email.error != "InvalidSenderUserName":
        return None
    if behind.name.mistake == "smtp_username_unknown" and not seen.mail.value:
        return None  # the user name was tried as a sender because of its domain only
    return conclude(
        "sender_not_authorised",
        "likely",
        *email_proof(behind),
        summary=f"{behind.email_sender} is not among the registered senders of its domain.",
        fix="Register the local part as a sender of the domain (MailFrom address): "
        "az communication email domain sender-username create.",
        next_probe="",
    )


# Conclusions.


def _has_email_access(behind: Behind) -> bool:
    """Tell whether the e-mail API accepted token and role."""
    email = behind.email
    return email is not None and (email.status == 400 or email.error in _SENDER_REFUSED)


def _role_state(behind: Behind) -> RoleState | None:
    """Return the state of the role; None if it is not in question."""
    email, managed = behind.email, behind.management
    denied = email is not None and email.status == 401
    if managed is None or managed.roles is None or not managed.resource_id:
        return RoleState() if denied else None
    state = role_state(managed.roles, managed.resource_id)
    return state if denied or state.missing else None


def _own_names(behind: Behind) -> list[SmtpNameSeen]:
    """Return the SMTP user names that stand for the application."""
    managed, name = behind.management, behind.name
    return [
        each
        for each in (managed.smtp_names or () if managed else ())
        if each.application_id == name.application_id and each.tenant_id == name.tenant_id
        and each.resource.lower() == name.resource.lower()
    ]  # fmt: skip


def _was_read(managed: ManagementFacts) -> bool:
    return managed.answer.status == 200


def _is_fresh(moment: datetime, now: datetime) -> bool:
    return now - moment < FRESH


def _finding(
    id: str,
    confidence: Confidence,
    summary: str,
    proof: Iterable[str],
    fix: str,
    remedy: Remedy | None = None,
) -> Finding:
    finding = conclude(id, confidence, *proof, summary=summary, fix=fix, next_probe="")
    return replace(finding, remedies=(remedy,)) if remedy else finding


RULES: Final = (
    ids_swapped, tenant_unknown, refused_by_authority,
    refused_for_something_else, no_token_at_all, secret_mangled, resource_unknown,
    role_missing, role_wrong_scope, access_not_propagated,
    smtp_username_missing, sender_domain_not_linked, sender_not_registered,
)  # fmt: skip
