"""AUTH: user names, passwords and tokens that are refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gatepost.diagnosis.rules.auth_attempts import mechanisms_for, refused_secret
from gatepost.diagnosis.rules.identity import found_behind
from gatepost.diagnosis.rules.refusals import names_its_cause
from gatepost.diagnosis.rules.tokens import refused_token
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def empty_password_sent(seen: Evidence) -> Finding | None:
    """The client sent an empty secret; a probe never does."""
    login, refused = seen.login.value, refused_secret(seen)
    if login is None or login.secret.kind != "empty" or not seen.offered:
        return None
    if login.username_form == "empty" or seen.signed_in:
        return None  # no credentials at all: an unwanted login
    answer = (f"AUTH {refused.mechanism} was answered {refused.reply}",) if refused else ()
    return Finding(
        "empty_password_sent",
        "certain",
        "The client sends an empty password.",
        (*answer, "the password is empty"),
        "auth",
        "Check where the client gets its password from: the setting or variable is empty or has "
        "another name.",
        explains=("mail",),
    )


def hung_up_at_auth(seen: Evidence, known: DoctorFacts) -> Finding | None:
    """AUTH ends the connection or gets no reply, before or after the secret was sent.

    QQ Mail refuses logins like this, as do servers that count failures.
    """
    last = seen.attempts[-1] if seen.attempts else None
    if seen.source == "log" or last is None or last.reply.code or not seen.failure:
        return None
    proof = (f"AUTH {last.mechanism} was not answered: {seen.failure}",)
    silent = "time" in seen.failure
    if silent or not last.secret_sent:
        return Finding(
            "server_auth_backend_down",
            "likely",
            "The server stops answering at AUTH: its authentication service does not answer."
            if silent
            else "The server closes the connection at AUTH, before it has got a user name or "
            "password.",
            proof,
            "auth",
            "Nothing is wrong with the password. The server's log says why it closes the "
            "connection: check its authentication service, and what blocks addresses after "
            "failures.",
            explains=("mail",),
            next_probe="the same from another address, and the server's log at this time",
        )
    if last.mechanism in mechanisms_for("token"):
        return replace(refused_token(proof[0], known), confidence="possible")
    return Finding(
        "app_password_required" if known.wants_app_password else "bad_credentials",
        "likely" if known.wants_app_password else "possible",
        "The server closes the connection instead of refusing the login.",
        proof,
        "auth",
        known.refused_because
        or "Some servers close the connection after a wrong password. Sign in with the same name "
        "and password elsewhere; if that works, check the server's log.",
        explains=("mail",),
        next_probe="sign in with the same name and password elsewhere (IMAP, the provider's web "
        "page)",
    )


def wrong_credential_kind(seen: Evidence, known: DoctorFacts) -> Finding | None:
    """The secret has the format of something else that the provider issues."""
    login, refused = seen.login.value, refused_secret(seen)
    if login is None or refused is None:
        return None
    mistake = known.wrong_secrets.get(login.secret.kind)
    if mistake is None:
        return None
    return Finding(
        "wrong_credential_kind",
        "likely",
        f"The password is of the wrong kind: {mistake}.",
        (
            f"AUTH {refused.mechanism} was answered {refused.reply}",
            f"the password has {login.secret.length} characters and this shape: {mistake}",
        ),
        "auth",
        known.right_secret,
        explains=("mail",),
    )


def username_format(seen: Evidence, known: DoctorFacts) -> Finding | None:
    """The user name has the format of a known mistake at this provider."""
    login, refused = seen.login.value, refused_secret(seen)
    if login is None or refused is None or seen.behind.value is not None:
        return None  # what was found behind the server is more precise
    mistake = known.wrong_names.get(login.username_form)
    if mistake is None:
        return None
    return Finding(
        "username_format",
        "likely",
        f"The user name does not have a format that this server accepts: {mistake}.",
        (f"AUTH {refused.mechanism} was answered {refused.reply}", mistake),
        "auth",
        known.right_name,
        explains=("mail",),
    )


def app_password_required(seen: Evidence, known: DoctorFacts) -> Finding | None:
    """The provider requires an application password, and the secret does not have that format."""
    login, refused = seen.login.value, refused_secret(seen)
    if login is None or refused is None or not known.wants_app_password or seen.signed_in:
        return None
    if login.secret.kind in ("google_app_password", "token"):
        return None
    return Finding(
        "app_password_required",
        "likely",
        "The provider accepts application passwords, not the account's own.",
        (
            f"AUTH {refused.mechanism} was answered {refused.reply}",
            "this provider never accepts an account's own password here",
        ),
        "auth",
        known.right_secret,
        explains=("mail",),
    )


def bad_credentials(seen: Evidence, known: DoctorFacts) -> Finding | None:
    """A 535 to well-formed credentials, if nothing else explains it."""
    refused = refused_secret(seen)
    if refused is None or seen.signed_in or names_its_cause(refused.reply):
        return None
    behind, told = seen.behind.value, found_behind(seen, known)
    was_asked = behind is None or behind.tenant is not None
    if told and (was_asked or any(each.confidence == "certain" for each in told)):
        return None
    where = "over TLS" if refused.tls else "in clear"
    proof = [
        f"AUTH {refused.mechanism} {where} was answered {refused.reply}",
        "the mechanism is accepted, so the cause is the user name, the secret or the account",
    ]
    if refused.mechanism == "EXTERNAL":
        return _unknown_certificate(proof[0])
    if refused.mechanism in mechanisms_for("token"):
        return refused_token(proof[0], known)
    shape = seen.login.value.secret if seen.login.value else None
    if shape and shape.edge_blank:
        proof.append("the password begins or ends with white space: a line end from a file?")
    if shape and not shape.ascii:
        proof.append("the password contains non-ASCII characters, which servers treat differently")
    return Finding(
        "bad_credentials",
        "likely",
        "The server does not accept this user name and password.",
        tuple(proof),
        "auth",
        known.refused_because
        or "Type the password in by hand once; then look for a space or line end at its end, an "
        "expired or replaced password, a user name without its domain, and an account for which "
        "SMTP is switched off.",
        explains=("mail",),
        next_probe=_authority_unnamed(seen, known)
        or "sign in with the same name and password elsewhere (IMAP, the provider's web page)",
    )


def _unknown_certificate(proof: str) -> Finding:
    return Finding(
        "bad_credentials",
        "likely",
        "The server has no account for this client certificate.",
        (
            proof,
            "the server accepted the certificate in TLS, so the cause is the mapped account",
        ),
        "auth",
        "Compare the names and the digest of the certificate with what the server has for the "
        "account, and leave out the user name to act as, if one is set.",
        explains=("mail",),
    )


def _authority_unnamed(seen: Evidence, known: DoctorFacts) -> str:
    """Return the provider's next step; empty if the doctor has made it."""
    behind = seen.behind.value
    if behind is None or behind.authority or not known.next_probe:
        return known.next_probe
    return f"name the authority (--authority URL), or {known.next_probe}"


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (empty_password_sent,)
PROVIDER_RULES: Final[tuple[Callable[[Evidence, DoctorFacts], Finding | None], ...]] = (
    wrong_credential_kind, username_format, app_password_required, bad_credentials,
    hung_up_at_auth,
)  # fmt: skip
"""Rules that also get the facts about the provider from its profile."""
