"""The access token that a client signs in with: what it contains, and what is missing."""

from datetime import datetime
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.reply_quotes import quote_login_refusal
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.entra import TokenSeen
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

NAMES: Final = {
    "https://communication.azure.com": "Azure Communication Services",
    "1fd5118e-2576-4263-8130-9503064c837a": "Azure Communication Services",
    "https://graph.microsoft.com": "Microsoft Graph",
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "https://outlook.office365.com": "Exchange Online",
    "https://outlook.office.com": "Exchange Online",
    "00000002-0000-0ff1-ce00-000000000000": "Exchange Online",
    "https://management.azure.com": "Azure Resource Manager",
    "https://management.core.windows.net": "Azure Resource Manager",
}
"""What a token is for, by its audience."""
_INSTEAD: Final = {
    "guid": "a GUID (an id, or the Secret ID)",
    "connection_string": "a connection string",
    "answer": "the token endpoint's whole answer: its access_token alone belongs here",
    "header": "an Authorization header: what follows Bearer alone belongs here",
    "quoted": "in quotation marks, which do not belong to it",
    "refresh_token": "a refresh token: the access token that it gives belongs here",
    "google_token": "an access token of Google's",
    "client_secret": "a client secret: the token that it gives belongs here",
    "white_space": "a token with white space or a line end in it or around it",
    "cut_off": "a token of which a part is missing",
    "too_long": "longer than any token",
}


def whose(audience: str) -> str:
    """Return the name of an audience; the audience itself if it is unknown."""
    return NAMES.get(audience.removesuffix("/").lower(), audience or "nobody")


def not_a_token(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """There is something else in the place of the token."""
    token = seen.token.value
    if token is None or token.form in ("jwt", "encrypted"):
        return None
    instead = _INSTEAD.get(token.looks_like, "")
    is_own = token.looks_like == "google_token" and not facts.token_audiences
    if token.form == "opaque" and (is_own or not instead):
        return None  # other providers' tokens can have any format
    is_damaged = token.form == "damaged"
    description = instead or ("nothing" if token.form == "empty" else "no token that can be read")
    return conclude(
        "credential_mangled_by_config" if is_damaged else "wrong_credential_kind",
        "certain",
        *quote_login_refusal(seen),
        f"it looks like {description}",
        summary=f"What was given as access token is {description}.",
        fix="Give the value of access_token from the token endpoint's answer, whole and alone.",
    )


def token_expired(seen: Evidence, _facts: DoctorFacts) -> Finding | None:
    """The token is expired or not yet valid."""
    token, now = seen.token.value, seen.seen_at
    if token is None or now is None:
        return None
    if token.expires_at is not None and now >= token.expires_at:
        proof = f"it ended at {_moment(token.expires_at)}, and it is {_moment(now)}"
        fix = "Get a new token; a client that keeps one must renew it before it ends."
    elif token.not_before is not None and now < token.not_before:
        proof = f"it begins at {_moment(token.not_before)}, and it is {_moment(now)} here"
        fix = "Set this machine's clock: the authority's is ahead of it."
    else:
        return None
    return conclude("token_expired", "certain", *quote_login_refusal(seen), proof, fix=fix)


def oauth_scope_wrong(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """The token is for something else, or does not permit to send."""
    token = seen.token.value
    if token is None or token.form != "jwt" or not facts.token_audiences:
        return None
    right = [each.lower() for each in facts.token_audiences]
    if token.audience.removesuffix("/").lower() not in right:
        summary = f"The access token is for {whose(token.audience)}, not for SMTP here."
        proof = f"its aud is {token.audience or 'missing'}; {facts.token_audiences[0]} is wanted"
    elif facts.token_permissions and not _is_permitted(token, facts.token_permissions):
        if facts.identity == "entra_user" and not (token.username or token.scopes):
            return None  # an application's token: see exchange.role_missing
        summary = "The access token does not permit sending over SMTP."
        has = ", ".join((*token.roles, *token.scopes)) or "no role or scope"
        proof = f"it has {has}; one of {', '.join(facts.token_permissions)} is wanted"
    else:
        return None
    return conclude(
        "oauth_scope_wrong",
        "certain",
        *quote_login_refusal(seen),
        proof,
        summary=summary,
        fix=f"Ask the authority for a token with the scope {facts.token_scope}.",
    )


def refused_token(proof: str, facts: DoctorFacts) -> Finding:
    """Return the finding for a refusal of a token whose contents are unknown."""
    return conclude(
        "bad_credentials",
        "likely",
        proof,
        "the mechanism is accepted, so the cause is the user name, the token or the account",
        summary="The server does not accept this user name and access token.",
        fix=facts.refused_because
        or "Compare the user name with the mailbox that the token's identity may use, and the "
        "scope of the token with the one that the provider wants for SMTP; then look whether SMTP "
        "sign-in is switched on for the mailbox.",
        next_probe=facts.next_probe,
    )


def oauth_wrong_identity(seen: Evidence, _facts: DoctorFacts) -> Finding | None:
    """The token belongs to another application or tenant than the user name says."""
    token, behind = seen.token.value, seen.behind.value
    if token is None or token.form != "jwt" or behind is None:
        return None
    name = behind.name
    pairs = (
        ("application", token.application_id, name.application_id),
        ("tenant", token.tenant_id, name.tenant_id if "." not in name.tenant_id else ""),
    )
    wrong = [
        f"the token is of {what} {has}, the user name stands for {what} {wanted}"
        for what, has, wanted in pairs
        if has and wanted and has != wanted
    ]
    if not wrong:
        return None
    return conclude(
        "oauth_wrong_identity",
        "certain",
        *quote_login_refusal(seen),
        *wrong,
        summary="The access token is not of the application that the user name stands for.",
        fix="Get the token as that application, or sign in with a name that stands for it.",
    )


def another_tenant(seen: Evidence, _facts: DoctorFacts) -> Finding | None:
    """The domain of the mailbox belongs to another tenant than the token."""
    token, behind = seen.token.value, seen.behind.value
    if token is None or behind is None or not behind.tenant_id or not token.tenant_id:
        return None
    if token.tenant_id == behind.tenant_id:
        return None
    return conclude(
        "oauth_wrong_identity",
        "certain",
        *quote_login_refusal(seen),
        f"the token is of tenant {token.tenant_id}; {behind.name.tenant_id} belongs to tenant "
        f"{behind.tenant_id}",
        summary="The access token is of another tenant than the mailbox.",
        fix=f"Get the token from the tenant {behind.tenant_id}, of an application that is "
        "registered there or has consent there.",
    )


def another_mailbox(seen: Evidence, _facts: DoctorFacts) -> Finding | None:
    """The user name is another mailbox than the token's, usually a shared one."""
    token, behind = seen.token.value, seen.behind.value
    if token is None or behind is None or not behind.differs:
        return None
    return conclude(
        "oauth_wrong_identity",
        "likely",
        *quote_login_refusal(seen),
        f"the token is {token.username}'s",
        summary="The user name is not the mailbox that the access token is for.",
        fix=f"Sign in as {token.username}; a shared mailbox is in MAIL FROM and From only, and its "
        "delegate signs in.",
        next_probe="",
    )


def _is_permitted(token: TokenSeen, wanted: tuple[str, ...]) -> bool:
    has = {each.lower() for each in (*token.roles, *token.scopes)}
    return any(each.lower() in has for each in wanted)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S UTC}"


RULES: Final = (
    not_a_token, token_expired, oauth_scope_wrong, oauth_wrong_identity, another_tenant,
    another_mailbox,
)  # fmt: skip
