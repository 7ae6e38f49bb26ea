"""The mechanisms that the server offers, and what the client does with them."""

import re
from typing import Final

from gatepost.diagnosis.signs.log_statements import IMPLICIT_PORTS, Reading
from gatepost.diagnosis.signs.sign import Sign


def is_auth_unlisted(reading: Reading) -> bool:
    """EHLO was logged without AUTH, and TLS would not add it."""
    seen = reading.seen
    hello = seen.last_ehlo
    return hello is not None and hello.reply.is_success and not seen.offered


def has_all_but_auth(reading: Reading) -> bool:
    """The whole reply to EHLO was logged, and AUTH is not in it."""
    seen = reading.seen
    hello = seen.last_ehlo
    return is_auth_unlisted(reading) and hello is not None and "\n" in hello.reply.text


def is_auth_behind_tls(reading: Reading) -> bool:
    """EHLO lists STARTTLS and no AUTH, and the client did not use TLS."""
    seen = reading.seen
    return seen.offers_starttls and not seen.offered and seen.over_tls.value is None


def has_rejected_success(reading: Reading) -> bool:
    """The client names the code that it expected and the one that it got: both mean success."""
    return any(match[1] != match[2] for match in _TWO_CODES.finditer(reading.text))


_TWO_CODES: Final = re.compile(
    r"\bexpected\D{1,30}([23]\d\d)\b\D{1,30}\b(?:got|received|but|instead)\b\D{0,20}([23]\d\d)\b"
)


def is_offer_different_under_tls(reading: Reading) -> bool:
    """The log notes which mechanisms EHLO lists before TLS, and which after."""
    lists = [line.text.lower() for line in reading.seen.transcript if "auth" in line.text.lower()]
    before = any("(before" in line or "(in clear" in line for line in lists)
    return before and any("(after" in line or "(over tls" in line for line in lists)


def has_unlisted_mechanism(reading: Reading) -> bool:
    """The log says that the client uses a mechanism that EHLO does not list."""
    offered = reading.seen.offered
    used = {match[1].upper() for match in _USES.finditer(reading.text)}
    return bool(offered) and bool(used) and not used.intersection(offered)


_USES: Final = re.compile(
    r"\b(?:tried|tries|sends|sent|uses|used|using|wants|forces|authenticators?|"
    r"(?:auth|authentication) (?:method|type|mechanism)s?|auth_?(?:method|type|mechanism))"
    r"(?: only)?\W{1,4}(plain|login|cram-md5|digest-md5|xoauth2|ntlm|scram-sha-1|scram-sha-256)\b"
)


def has_only_exotic(reading: Reading) -> bool:
    """The server lists no mechanism for a plain password."""
    offered = frozenset(reading.seen.offered)
    return bool(offered) and offered <= {"NTLM", "GSSAPI", "GSS-SPNEGO", "EXTERNAL", "KERBEROS_V4"}


_NO_SHARED = (
    "none of the mechanisms", "no mechanism in common", "mechanisms offered*not usable",
    "offered mechanisms*not supported", "no compatible authentication",
    "no matching authentication", "no suitable authentication",
    "no authentication mechan*supported by both", "unknown mechanism", "unknown auth mechanism",
    "none of the*authentication mechanisms", "cannot find a usable authentication method",
    "no acceptable authentication", "not a supported*auth",
    "authentication mechanism*not supported", "unknown auth type", "mechanism not supported",
    "authentication method*not supported", "unsupported auth", "does not support smtp auth type",
    "no usable authentication", "unrecognized authentication", "unrecognised authentication",
    "invalid authentication mechanism", "mechanism*not available", "not permitted by this server",
    "unknown authentication", "auth type*not supported", "auth mechanism*not",
    "authentication type*not", "authentication mechanism is invalid",
    "does not support*authentication mechanism", "unsupported mechanism", "mechanism is not",
    "mechanism*is not supported", "no supported auth", "auth not supported: ",
    "unimplemented authentication", "command parameter not implemented*auth",
    "no compatible*mechanism", "does not support * authentication", "unknown sasl mechanism",
    "supported authenticators*not", "no mutual auth", "mechanism unsupported",
)  # fmt: skip
_NO_AUTH = (
    "doesn't support auth", "does not support auth", "does not support smtp auth",
    "doesn't support smtp auth", "not support authenticat", "auth command used when not advertised",
    "authentication not enabled", "auth not supported", "authentication is not supported",
    "authentication not supported", "auth extension", "no auth support",
    "auth command is not enabled", "authentication not available", "auth not available",
    "auth not enabled", "authentication disabled", "auth disabled", "not advertise auth",
    "no smtp auth", "auth is not supported",
)  # fmt: skip
UNKNOWN_COMMAND = (
    "unrecognized command", "unknown command", "command not supported", "not implemented",
    "command unrecognized", "command not recognized", "invalid command", "command unknown",
)  # fmt: skip
TLS_OFF: Final = (
    "starttls = false", "starttls: off", "enablessl = false", "enablessl=false", "enablessl false",
    "tls: false", "tls=false", "tls off", "secure: none", "encryption: none", "encryption=none",
    "encryption=null", "no tls", "without tls", "smtpautotls false", "smtpsecure empty",
    "without starttls", "security: none", "ssl: false", "unencrypted", "smtpusessl false",
    "smtpusessl to false", "tls unticked", "tls disabled", "ignoretls: true", "ignoretls:true",
    "builder_dangerous",
)  # fmt: skip
"""The log says that the client is set to use no TLS."""


# fmt: off
SIGNS: Final = (
    # of the commands of submission, only AUTH has a parameter that servers do not know
    Sign("mechanism_not_offered", codes=(504,), at=("auth",), when=has_all_but_auth, against=True),
    # MailKit's text, also if the server lists nothing
    Sign("auth_not_advertised", ("no compatible authentication mechanisms",),
         client=("mailkit",), when=lambda r: not r.seen.offered),
    # Courier's text
    # JavaMail uses LOGIN by default, and these servers list it only under TLS
    Sign("starttls_required", ("no authentication mechan*supported by both",),
         provider=("microsoft365", "acs"), when=lambda r: not r.seen.offered),
    Sign("client_lacks_mechanism",
         ("no matching mechanism", "advertises no matching", "no usable mechanism*ntlm"),
         when=has_only_exotic),
    Sign("mechanism_not_offered", ("login denied",), client=("curl",),
         when=lambda r: not r.seen.attempts),
    Sign("mechanism_not_offered", _NO_AUTH, when=lambda r: bool(r.seen.offered)),
    Sign("mechanism_not_offered", (*_NO_SHARED, "504"), when=has_only_exotic, against=True),
    Sign("client_lacks_mechanism", (*_NO_SHARED, "504", "535", *_NO_AUTH),
         when=has_only_exotic),
    Sign("client_lacks_mechanism", ("ntlm",), unless=("auth=login", "plain"),
         when=lambda r: any(w in r.text for w in _NO_SHARED)),
    Sign("client_lacks_mechanism", ("cannot use a secure authentication method",),
         when=has_only_exotic),
    Sign("auth_before_tls_refused_by_client", ("cannot use a secure authentication method",),
         when=has_only_exotic, against=True),
    Sign("starttls_required", _NO_AUTH, unless=("after starttls", "auth type"),
         when=lambda r: not is_auth_unlisted(r) or is_auth_behind_tls(r)),
    Sign("starttls_required", _NO_AUTH, when=is_auth_behind_tls),
    Sign("auth_not_advertised", _NO_AUTH, when=lambda r: r.port in IMPLICIT_PORTS),
    Sign("starttls_required", _NO_SHARED,
         when=lambda r: r.seen.offers_starttls and (r.seen.over_tls.value is None)),
    Sign("starttls_required", ("no compatible authentication mechanism",),
         when=lambda r: (r.seen.over_tls.value is None and r.client != "lettre")),
    Sign("auth_not_offered_on_port", _NO_SHARED, ports=(25,),
         when=lambda r: not r.seen.offered),
    Sign("mechanism_not_offered", _NO_SHARED, ports=(25,), when=lambda r: not r.seen.offered,
         against=True),
    Sign("starttls_required", _NO_SHARED, when=is_offer_different_under_tls),
    Sign("starttls_required", _NO_SHARED, when=is_auth_behind_tls),
    Sign("starttls_required", _NO_SHARED, client=("lettre",),
         when=lambda r: not r.seen.offered),
    Sign("starttls_required", _NO_SHARED, when=lambda r: not r.seen.offered),
    Sign("starttls_required", codes=(504, 503, 502), at=("auth",), when=is_auth_behind_tls),
    Sign("client_reply_desync", when=has_rejected_success,
         proof="the reply that the client considers a refusal accepts another command"),
    # a client that has signed in was offered AUTH
    Sign("auth_not_advertised", _NO_AUTH, when=lambda r: r.seen.is_signed_in, against=True),
    Sign("auth_not_offered_on_port", _NO_AUTH, when=lambda r: r.is_private, against=True),
    Sign("unwanted_auth_attempt", _NO_AUTH, ports=(25, 1025, 2525), when=lambda r: r.is_private),
    Sign("auth_not_offered_on_port", when=lambda r: is_auth_unlisted(r) and r.port == 25,
         proof="EHLO on port 25 lists no AUTH"),
    Sign("auth_not_offered_on_port", when=lambda r: is_auth_unlisted(r) and ("google_mx"
         in r.providers or r.host.startswith("mx")),
         proof="EHLO of a host that accepts mail for delivery lists no AUTH"),
    Sign("helo_rejected", _NO_AUTH, when=lambda r: r.was_refused_at("ehlo")),

    Sign("mechanism_not_offered", provider=("acs", "microsoft365"),
         client=("go-net-smtp", "ruby-net-smtp"),
         when=lambda r: not r.refusals and not r.seen.is_signed_in,
         proof="this library signs in with PLAIN by default; the provider lists LOGIN"),

    Sign("mechanism_not_offered", when=has_unlisted_mechanism,
         proof="the log names a mechanism that the server does not list"),
)
# fmt: on
