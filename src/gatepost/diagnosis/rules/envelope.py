"""MAIL and RCPT."""

from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.quotes import quote_envelope, quote_reply
from gatepost.diagnosis.rules.auth_attempts import refused_secret
from gatepost.diagnosis.rules.ehlo import is_about_tls
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Esc, Reply

_EXCHANGE: Final = 25
_SIGN_IN: Final = 530
"""Authentication required (RFC 4954 6)."""


def unwanted_auth_attempt(seen: Evidence) -> Finding | None:
    """AUTH is not offered and not needed: the recipient is accepted without it."""
    accepted = [each for each in seen.rcpt.value or () if each.reply.is_success]
    if not seen.client.signs_in or seen.offered or not accepted or seen.is_signed_in:
        return None
    return conclude(
        "unwanted_auth_attempt",
        "certain",
        "EHLO lists no AUTH, neither before nor after TLS",
        f"RCPT TO:<{accepted[0].argument}> without AUTH was answered {accepted[0].reply}",
        phase="rcpt",
    )


def trusted_without(seen: Evidence) -> Finding | None:
    """The password is refused, but mail to another domain is accepted without a login.

    Mail to its own domains is accepted by any server on port 25, from anybody.
    """
    attempt = refused_secret(seen)
    accepted = [each for each in seen.rcpt.value or () if each.reply.is_success]
    if (
        attempt is None
        or not accepted
        or seen.is_signed_in
        or _is_theirs(seen, accepted[0].argument)
    ):
        return None
    mail_exchange = seen.target is not None and seen.target.port == _EXCHANGE
    return conclude(
        "unwanted_auth_attempt",
        "possible" if mail_exchange else "likely",
        quote_reply(attempt),
        f"RCPT TO:<{accepted[0].argument}> without a sign-in was answered {accepted[0].reply}",
        summary="The server refuses this login, and accepts mail from here without one.",
        fix="Remove user name and password from the client's settings, if the server is meant to "
        "recognise this machine by its address.",
        next_probe="the same without --username",
    )


def _is_theirs(seen: Evidence, recipient: str) -> bool:
    domain = recipient.rpartition("@")[2].lower()
    host = seen.host.lower()
    return not domain or f".{host}".endswith(f".{domain}")


def auth_not_performed(seen: Evidence) -> Finding | None:
    """There was no login although the server offers it, and mail is refused by policy."""
    if seen.source == "log" or seen.client.signs_in or not seen.offered:
        return None
    for each, quotation in quote_envelope(seen):
        by_policy = each.reply.code == _SIGN_IN or str(each.reply.status).startswith("5.7.")
        by_policy = by_policy or _is_denied_for_now(each.reply)
        by_policy = by_policy or _is_relaying_refused(seen, each.reply)
        if by_policy and not each.authenticated:
            return conclude(
                "auth_not_performed",
                "possible",
                quotation,
                f"nobody had signed in; EHLO offers AUTH {' '.join(seen.offered)}",
                phase="mail",
                next_probe="the same with --username and --password-file",
            )
    return None


def login_forgotten(seen: Evidence) -> Finding | None:
    """530 came after 235: the server forgot the login (RFC 4954 6)."""
    mail = seen.mail.value
    if mail is None or not mail.authenticated or mail.reply.code != _SIGN_IN:
        return None
    if is_about_tls(mail.reply):
        return None
    return conclude(
        "login_forgotten",
        "likely",
        "the login was accepted (235)",
        f"MAIL FROM right after it was answered {mail.reply}",
    )


def _is_denied_for_now(reply: Reply) -> bool:
    """Tell whether it is a temporary policy refusal of Postfix: ``defer_unauth_destination``, or
    any under ``soft_bounce``."""
    return reply.is_transient and reply.status == Esc(4, 7, 1) and "denied" in reply.text.lower()


def _is_relaying_refused(seen: Evidence, reply: Reply) -> bool:
    """Tell whether it refuses relaying; OpenSMTPD calls such a recipient invalid."""
    greeting = seen.greeting.value
    opensmtpd = greeting and greeting.reply and "opensmtpd" in greeting.reply.text.lower()
    return bool(opensmtpd) and reply.code == 550 and "invalid recipient" in reply.text.lower()


RULES: Final = (
    unwanted_auth_attempt, trusted_without, auth_not_performed, login_forgotten,
)  # fmt: skip
