"""What a client's own messages imply, by how that client works and is configured."""

import re
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.offered_mechanisms import has_only_exotic
from gatepost.diagnosis.signs.sign import Sign

_NOTHING: Final = re.compile(
    r"(?m)\b(?:smtp|mail|email)[\w.:-]{0,24}(?:user(?:name)?|pass(?:word)?|login)['\"]?\s*"
    r"(?:=>|[:=])\s*(?:null|none|nil|undefined|''|\"\")\s*(?:,\s*)?$"
)


def is_set_to_nothing(reading: Reading) -> bool:
    """The user name or password is set to nothing in the log, although one is needed."""
    is_needed = any(each.reply and each.reply.code in (530, 535) for each in reading.refusals)
    return is_needed and _NOTHING.search(reading.text) is not None


def is_in_auth_login(reading: Reading) -> bool:
    """A traceback has aiosmtplib's function that sends the user name with AUTH LOGIN."""
    return "in auth_login" in reading.text


def is_sender_empty(reading: Reading) -> bool:
    """The log shows MAIL FROM with an empty address."""
    mail = reading.seen.mail.value
    return mail is not None and not mail.argument


def is_sender_an_address(reading: Reading) -> bool:
    """The log shows MAIL FROM with an address: its syntax, or when it is sent, is the problem."""
    mail = reading.seen.mail.value
    _, at, domain = mail.argument.rpartition("@") if mail is not None else ("", "", "")
    return bool(at) and "." in domain


def has_ignored_starttls(reading: Reading) -> bool:
    """EHLO in clear lists STARTTLS and no AUTH, and the client uses neither."""
    seen = reading.seen
    hello = seen.in_clear.value
    if hello is None or seen.attempts or seen.over_tls.value or seen.starttls.state == "seen":
        return False
    return "STARTTLS" in hello.capabilities and "AUTH" not in hello.capabilities


def has_connected(reading: Reading) -> bool:
    """The server sent a greeting or replied to EHLO."""
    return reading.seen.greeting.value is not None or reading.seen.in_clear.value is not None


def has_tls(reading: Reading) -> bool:
    """EHLO was answered under TLS: the client has accepted the certificate."""
    return reading.seen.over_tls.value is not None and reading.seen.starttls.value is not None


def is_mail_after_login(reading: Reading) -> bool:
    """MAIL follows a successful login."""
    mail = reading.seen.mail.value
    return mail is not None and mail.authenticated


def has_skipped_auth(reading: Reading) -> bool:
    """The dialogue is complete; AUTH was offered under TLS, and not used."""
    seen = reading.seen
    return bool(seen.offered and seen.over_tls.value and not seen.attempts and seen.mail.value)


# fmt: off
_WAY: Final = ("address_family_not_tried", "ipv6_unreachable", "port_blocked", "dns_failure")
_TRUST: Final = ("cert_expired", "cert_untrusted", "cert_chain_incomplete",
                 "cert_hostname_mismatch", "client_ca_store_missing")
SIGNS: Final = (
    Sign("credentials_missing", when=is_set_to_nothing,
         proof="the user name or the password is set to nothing"),
    Sign("credentials_missing", ("nonetype",), when=lambda r: r.seen.position == "auth"),
    Sign("credentials_missing", ("'nonetype' object has no attribute 'encode'",),
         when=lambda r: "authobject(" in r.text or "in auth_" in r.text),
    # only said without TLS
    Sign("starttls_required", ("could not authenticate", "does not support auth",
         "requested but", "login denied", "authentication failed", "cannot authenticate",
         "not support authentication"), when=has_ignored_starttls),
    # CDO's codes, which hide the server's text; it does not support STARTTLS
    Sign("starttls_required", ("0x80040217",), when=lambda r: not r.seen.strays),
    Sign("bad_credentials", ("0x80040217",), when=lambda r: not r.seen.strays),
    Sign("port_blocked", ("80040213",), when=lambda r: not r.seen.strays),
    # what works is not the cause, even if a verbose client mentions it
    *(Sign(id_, when=has_connected, proof="-", against=True) for id_ in _WAY),
    *(Sign(id_, when=has_tls, proof="-", against=True) for id_ in _TRUST),
    # Erlang's error if an answer is not TLS
    # swaks prints the dates of every certificate
    # the bridge makes its own certificate
    Sign("mechanism_not_offered", ("failed to find an authenticator supported",
         "requested type not available", "does not support authentication method",
         "no overlap between offered and configured"), when=lambda r: not has_only_exotic(r)),
    Sign("auth_not_performed", codes=(530,), at=("mail", "rcpt"), when=has_skipped_auth,
         unless=("5.7.0 must", "starttls")),
    # QQ Mail, and qmail with a patch for AUTH
    Sign("auth_not_performed", ("auth first", "authenticate first", "authentication first"),
         codes=(503,), at=("mail", "rcpt"), when=lambda r: not r.seen.attempts),
    Sign("login_initial_response_rejected", codes=(500, 501, 502, 503), when=is_in_auth_login),
    # these report a refused login differently, so there was none
    Sign("auth_not_performed", codes=(530,), at=("mail",), when=is_mail_after_login, against=True),
    Sign("client_credentials_dropped", codes=(530,), at=("mail",), when=is_mail_after_login,
         against=True),
    Sign("account_name_used_as_sender", ("syntax",), at=("mail",), when=is_sender_an_address,
         against=True),
    # there is no domain to link in an empty or invalid address
    Sign("sender_domain_not_linked", codes=(501, 550), at=("mail",), when=is_sender_empty,
         against=True),
)
# fmt: on
