"""MAIL and RCPT."""

import re
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.known_refusals import find_refusal
from gatepost.diagnosis.reply_quotes import quote_envelope, quote_reply
from gatepost.diagnosis.rules.auth_attempts import refused_secret
from gatepost.diagnosis.rules.ehlo import is_about_tls
from gatepost.model.evidence import DialoguePhase, Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Esc, Reply

_EXCHANGE: Final = 25
_SIGN_IN: Final = 530
"""Authentication required (RFC 4954 6)."""
_TLS_WANTED: Final = frozenset({451, 454, 504, 530, 538})
_RELAYING: Final = re.compile(
    r"(?i)relay access denied|relaying denied|unable to relay|"
    r"relay not permitted|not permitted to relay|relaying is prohibited"
)
_NOT_QUALIFIED: Final = re.compile(
    r"(?i)<([^<>\s]{1,320})>: sender address rejected: need fully-qualified address"
)
_QUOTED: Final = re.compile(r'\A"(?:[^"\\]|\\.)*+"')
"""A quoted local part, in which almost anything is valid (RFC 5321 4.1.2)."""
_SYNTAX: Final = frozenset({500, 501, 504, 510, 513, 553, 555})
"""Codes that are about the form of an address."""


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
        row = find_refusal(each.reply, "mail")
        is_explained = row is not None and row.confidence == "certain"
        if by_policy and not each.authenticated and not is_explained:
            return conclude(
                "auth_not_performed",
                "possible",
                quotation,
                f"nobody had signed in; EHLO offers AUTH {' '.join(seen.offered)}",
                phase="mail",
                next_probe="the same with --username and --password-file",
            )
    return None


def envelope_address_malformed(seen: Evidence) -> Finding | None:
    """MAIL or RCPT has an argument that is no address, and is refused."""
    for each, quotation in quote_envelope(seen):
        if not each.reply.is_permanent or each.reply.code == _SIGN_IN or not each.argument:
            continue
        fault = _form_fault(each.argument)
        is_about_form = each.reply.code in _SYNTAX or str(each.reply.status).startswith("5.1.")
        without_domain = fault == _NO_DOMAIN
        if not fault or (without_domain and (each is seen.mail.value or not is_about_form)):
            continue  # account_name_used_as_sender, or a local user who is unknown
        sure = is_about_form and not without_domain
        phase: DialoguePhase = "mail" if each is seen.mail.value else "rcpt"
        return conclude("envelope_address_malformed", "certain" if sure else "likely", quotation,
                        f"the address has {fault}", phase=phase)  # fmt: skip
    return None


def recipient_domain_not_hosted(seen: Evidence) -> Finding | None:
    """Relaying is refused to somebody who has signed in."""
    if seen.source == "log" or not seen.is_signed_in:
        return None
    for each, quotation in quote_envelope(seen):
        if each.authenticated and not each.reply.is_success and _RELAYING.search(each.reply.text):
            return conclude(
                "recipient_domain_not_hosted", "likely", "the login was accepted (235)", quotation,
                fix="On a server of your own, let it relay for clients that have signed in "
                "(Postfix: permit_sasl_authenticated in smtpd_relay_restrictions). Elsewhere, use "
                "the host "
                "that relays for the account, or one of the MX of the recipient's domain.",
            )  # fmt: skip
    return None


def sender_not_qualified(seen: Evidence) -> Finding | None:
    """Postfix wants a full domain in the sender: it has a host's own name, or is no address."""
    if seen.source == "log":
        return None
    for each, quotation in quote_envelope(seen):
        match = _NOT_QUALIFIED.search(each.reply.text)
        if match is not None and not each.reply.is_success:
            is_address = "@" in match[1]
            id_ = "sender_domain_unknown" if is_address else "account_name_used_as_sender"
            return conclude(id_, "likely", quotation, phase="mail")
    return None


def server_tls_state_bug(seen: Evidence) -> Finding | None:
    """TLS is demanded under TLS: the server has forgotten it."""
    if seen.source == "log":
        return None
    commands = [(each.tls, each.reply, quote_reply(each)) for each in seen.attempts]
    commands += [(each.tls, each.reply, quotation) for each, quotation in quote_envelope(seen)]
    for tls, reply, quotation in commands:
        if tls and reply.code in _TLS_WANTED and is_about_tls(reply):
            return conclude("server_tls_state_bug", "likely", f"under TLS, {quotation}")
    return None


_NO_DOMAIN: Final = "no domain"


def _form_fault(argument: str) -> str:
    """Return what is wrong with the form of an address; empty if nothing is."""
    bare = _QUOTED.sub("q", argument)
    if bare.startswith("<") or bare.endswith(">"):
        return "brackets of its own, inside of those of the command"
    if "<" in bare:
        return "a display name before it"
    if bare.count("@") > 1 and ("," in bare or ";" in bare):
        return "another one behind it"
    if "@" in bare and re.search(r"\s", bare):
        return "white space in it"
    if "@" in bare and bare.lower().startswith(("mailto:", "smtp:")):
        return "a scheme before it"
    if "@" not in bare:
        return _NO_DOMAIN if bare.lower() != "postmaster" and bare.isascii() else ""
    return ""


def login_forgotten(seen: Evidence) -> Finding | None:
    """530 came after 235: the server forgot the login (RFC 4954 6)."""
    mail = seen.mail.value
    if mail is None or not mail.authenticated or mail.reply.code != _SIGN_IN:
        return None
    is_of_sender = "sender" in mail.reply.text.lower()  # OpenSMTPD: 530 Sender rejected
    if not seen.is_signed_in or is_of_sender or is_about_tls(mail.reply):
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
    unwanted_auth_attempt, trusted_without, auth_not_performed, envelope_address_malformed,
    login_forgotten, recipient_domain_not_hosted, sender_not_qualified,
    server_tls_state_bug,
)  # fmt: skip
