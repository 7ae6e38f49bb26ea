"""AUTH: user names, passwords and tokens that are refused."""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.causes import CAUSES, conclude
from gatepost.diagnosis.known_refusals import find_refusal
from gatepost.diagnosis.reply_quotes import quote_login_refusal, quote_reply
from gatepost.diagnosis.rules.auth_attempts import mechanisms_for, refused_secret
from gatepost.diagnosis.rules.identity import conclude_identity
from gatepost.diagnosis.rules.tokens import refused_token
from gatepost.diagnosis.token_error_document import find_status
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def empty_password_sent(seen: Evidence) -> Finding | None:
    """The client sent an empty secret; a probe never does."""
    login, attempt = seen.login.value, refused_secret(seen)
    if login is None or login.secret.kind != "empty" or not seen.offered:
        return None
    if login.username_form == "empty" or seen.is_signed_in:
        return None  # no credentials at all: an unwanted login
    answer = quote_reply(attempt) if attempt else ""
    return conclude("empty_password_sent", "certain", answer, "the password is empty")


def hung_up_at_auth(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """AUTH ends the connection or gets no reply, before or after the secret was sent.

    QQ Mail refuses logins like this, as do servers that count failures.
    """
    last = seen.attempts[-1] if seen.attempts else None
    if seen.source == "log" or last is None or last.reply.code or not seen.failure:
        return None
    proof = f"AUTH {last.mechanism} was not answered: {seen.failure}"
    is_silent = "time" in seen.failure
    if is_silent or not last.secret_sent:
        return conclude(
            "server_auth_backend_down",
            "likely",
            proof,
            summary="The server stops answering at AUTH."
            if is_silent
            else "The server closes the connection at AUTH, before it has a user name or password.",
            fix="Nothing is wrong with the password. The server's log says why it closes the "
            "connection: check its authentication service, and what blocks addresses after "
            "failures.",
            next_probe="the same from another address, and the server's log at this time",
        )
    if last.mechanism in mechanisms_for("token"):
        return replace(refused_token(proof, facts), confidence="possible")
    return conclude(
        "app_password_required" if facts.wants_app_password else "bad_credentials",
        "likely" if facts.wants_app_password else "possible",
        proof,
        summary="The server closes the connection instead of refusing the login.",
        fix=facts.refused_because
        or "Some servers close the connection after a wrong password. Sign in with the same name "
        "and password elsewhere; if that works, check the server's log.",
        next_probe=CAUSES["bad_credentials"].probe,
    )


def wrong_credential_kind(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """The secret has the format of something else that the provider issues."""
    login, attempt = seen.login.value, refused_secret(seen)
    if login is None or attempt is None:
        return None
    mistake = facts.wrong_secrets.get(login.secret.kind)
    if mistake is None:
        return None
    return conclude(
        "wrong_credential_kind",
        "likely",
        quote_reply(attempt),
        f"the password has {login.secret.length} characters and this shape: {mistake}",
        summary=f"The password is of the wrong kind: {mistake}.",
        fix=facts.right_secret,
        next_probe="",
    )


def username_format(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """The user name has the format of a known mistake at this provider."""
    login, attempt = seen.login.value, refused_secret(seen)
    if login is None or attempt is None or seen.behind.value is not None:
        return None  # what was found behind the server is more precise
    mistake = facts.wrong_names.get(login.username_form)
    if mistake is None:
        return None
    return conclude(
        "username_format",
        "likely",
        quote_reply(attempt),
        mistake,
        summary=f"The user name does not have a format that this server accepts: {mistake}.",
        fix=facts.right_name,
        next_probe="",
    )


def app_password_required(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """The provider requires an application password, and the secret does not have that format."""
    login, attempt = seen.login.value, refused_secret(seen)
    if login is None or attempt is None or not facts.wants_app_password or seen.is_signed_in:
        return None
    if login.secret.kind in ("google_app_password", "token"):
        return None
    return conclude(
        "app_password_required",
        "likely",
        quote_reply(attempt),
        "this provider never accepts an account's own password here",
        fix=facts.right_secret,
        next_probe="",
    )


def bad_credentials(seen: Evidence, facts: DoctorFacts) -> Finding | None:
    """A 535 to well-formed credentials, if nothing else explains it."""
    attempt = refused_secret(seen)
    if attempt is None or seen.is_signed_in:
        return None
    row = find_refusal(attempt.reply, "auth")
    if row is not None and row.confidence == "certain":
        return None
    behind, findings = seen.behind.value, conclude_identity(seen, facts)
    was_asked = behind is None or behind.tenant is not None
    if findings and (was_asked or any(each.confidence == "certain" for each in findings)):
        return None
    where = "over TLS" if attempt.tls else "in clear"
    proof = [
        f"AUTH {attempt.mechanism} {where} was answered {attempt.reply}",
        "the mechanism is accepted, so the cause is the user name, the secret or the account",
    ]
    if attempt.mechanism == "EXTERNAL":
        return _unknown_certificate(proof[0])
    if attempt.mechanism in mechanisms_for("token"):
        return refused_token(proof[0], facts)
    shape = seen.login.value.secret if seen.login.value else None
    if shape and shape.edge_blank:
        proof.append("the password begins or ends with white space: a line end from a file?")
    if shape and not shape.ascii:
        proof.append("the password contains non-ASCII characters, which servers treat differently")
    return conclude(
        "bad_credentials",
        "likely",
        *proof,
        fix=facts.refused_because,
        next_probe=_authority_unnamed(seen, facts) or None,
    )


def _unknown_certificate(proof: str) -> Finding:
    return conclude(
        "bad_credentials",
        "likely",
        proof,
        "the server accepted the certificate in TLS, so the cause is the mapped account",
        summary="The server has no account for this client certificate.",
        fix="Compare the names and the digest of the certificate with what the server has for the "
        "account, and leave out the user name to act as, if one is set.",
        next_probe="",
    )


def _authority_unnamed(seen: Evidence, facts: DoctorFacts) -> str:
    """Return the provider's next step; empty if the doctor has made it."""
    behind = seen.behind.value
    if behind is None or behind.authority or not facts.next_probe:
        return facts.next_probe
    return f"name the authority (--authority URL), or {facts.next_probe}"


def token_expired(seen: Evidence) -> Finding | None:
    """The server's error document says that the token is not valid (RFC 6750 3.1)."""
    if _error_status(seen) != "invalid_token" or _is_token_read(seen):
        return None
    return conclude("token_expired", "likely", *quote_login_refusal(seen))


def oauth_scope_wrong(seen: Evidence) -> Finding | None:
    """The error document says that the scope does not suffice, or that the token will not do, as
    Google's, which has the status of HTTP."""
    status = _error_status(seen)
    if status == "insufficient_scope" or (status == "401" and not _is_token_read(seen)):
        return conclude("oauth_scope_wrong", "likely", *quote_login_refusal(seen))
    if status == "invalid_token" and not _is_token_read(seen):
        return conclude("oauth_scope_wrong", "possible", *quote_login_refusal(seen))
    return None


def _error_status(seen: Evidence) -> str:
    return find_status(seen) if seen.source != "log" and not seen.is_signed_in else ""


def _is_token_read(seen: Evidence) -> bool:
    return seen.token.value is not None and seen.token.value.form == "jwt"


RULES: Final = (empty_password_sent, token_expired, oauth_scope_wrong)
PROVIDER_RULES: Final = (
    wrong_credential_kind, username_format, app_password_required, bad_credentials,
    hung_up_at_auth,
)  # fmt: skip
"""Rules that also get the facts about the provider from its profile."""
