"""The mechanisms that the server offers, and what the client does with them."""

import re
from typing import Final

from gatepost.diagnosis.signs.reading import IMPLICIT_PORTS, Reading
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
_ALREADY = (
    "already authenticated", "already specified", "already logged in", "already in progress",
    "auth already",
)  # fmt: skip
"""AUTH was sent twice."""
_WANTS_NONE = (
    "without login", "without auth", "needs no login", "needs no auth", "no auth needed",
    "no login needed", "no authentication needed", "no authentication required",
    "does not need auth", "does not require auth", "doesn't require auth", "accepts mail from our",
    "accepts mail from the", "anonymous relay", "allowed by ip", "by ip address", "ip whitelist",
    "whitelisted ip", "trusts our", "trusts the", "are unset", "trusted network",
    "open relay internally", "allowed by our", "ip-based", "ip based",
)  # fmt: skip
"""The log says that the server needs no login."""
_OWN_MTA = ("local postfix", "local exim", "local sendmail", "local opensmtpd", "own postfix:25")
TLS_OFF: Final = (
    "starttls = false", "starttls: off", "enablessl = false", "enablessl=false", "enablessl false",
    "tls: false", "tls=false", "tls off", "secure: none", "encryption: none", "encryption=none",
    "encryption=null", "no tls", "without tls", "smtpautotls false", "smtpsecure empty",
    "without starttls", "security: none", "ssl: false", "unencrypted", "smtpusessl false",
    "smtpusessl to false", "tls unticked", "tls disabled", "ignoretls: true", "ignoretls:true",
    "builder_dangerous",
)  # fmt: skip
"""The log says that the client is set to use no TLS."""

_UPGRADES_ITSELF: Final = (
    "nodemailer",
    "phpmailer",
    "go-net-smtp",
    "go-mail",
    "symfony",
    "aiosmtplib",
    "mailkit",
)
"""Libraries that use STARTTLS if it is offered, unless they are told not to."""

# fmt: off
SIGNS: Final = (
    Sign("mechanism_not_offered", 13, codes=(504,), at=("auth",)),
    # of the commands of submission, only AUTH has a parameter that servers do not know
    Sign("mechanism_not_offered", 5, codes=(504,), at=(None,)),
    Sign("mechanism_not_offered", -13, codes=(504,), at=("auth",), when=has_all_but_auth),
    Sign("mechanism_not_offered", 12, _NO_SHARED),
    Sign("mechanism_not_offered", 4, ("no authentication mechan*supported by both",)),
    # MailKit's text, also if the server lists nothing
    Sign("auth_not_advertised", 6.5, ("no compatible authentication mechanisms",),
         client=("mailkit",), when=lambda r: not r.seen.offered),
    # Courier's text
    Sign("mechanism_not_offered", 13, ("535 authentication rejected",), by_server=True),
    # JavaMail uses LOGIN by default, and these servers list it only under TLS
    Sign("starttls_required", 14, ("no authentication mechan*supported by both",),
         provider=("microsoft365", "acs"), when=lambda r: not r.seen.offered),
    Sign("mechanism_not_offered", 13,
         ("no mechanism available", "invalid mechanism", "invalid authentication mechanism"),
         codes=(535,)),
    Sign("client_sasl_plugin_missing", -12, ("no mechanism available",), codes=(535,)),
    Sign("client_mechanism_filter_wrong", -12, ("no mechanism available",), codes=(535,)),
    Sign("mechanism_not_offered", 13, ("doesn't support auth type", "not support auth type")),
    Sign("client_lacks_mechanism", 12,
         ("no matching mechanism", "advertises no matching", "no usable mechanism*ntlm"),
         when=has_only_exotic),
    Sign("mechanism_not_offered", 6, UNKNOWN_COMMAND, at=("auth",)),
    Sign("mechanism_not_offered", 4, _NO_AUTH, provider=("acs", "microsoft365", "exchange")),
    Sign("mechanism_not_offered", 6, ("login denied",), client=("curl",),
         when=lambda r: not r.seen.attempts),
    Sign("mechanism_not_offered", 6, ("could not authenticate", "failed to authenticate"),
         provider=("acs",), client=("go-net-smtp", "ruby-net-smtp", "phpmailer")),
    Sign("mechanism_not_offered", 5, _NO_AUTH, when=lambda r: bool(r.seen.offered)),
    Sign("mechanism_not_offered", -8, _NO_SHARED, context=("mailhog", "mailpit", "mailcatcher")),
    Sign("mechanism_not_offered", -12, codes=(504,), provider=("direct_send",)),
    Sign("mechanism_not_offered", -8, (*_NO_SHARED, "504"), when=has_only_exotic),
    Sign("client_lacks_mechanism", 16, (*_NO_SHARED, "504", "535", *_NO_AUTH),
         when=has_only_exotic),
    Sign("client_lacks_mechanism", 6, ("ntlm",), unless=("auth=login", "plain"),
         when=lambda r: any(w in r.text for w in _NO_SHARED)),
    Sign("client_lacks_mechanism", 18, ("cannot use a secure authentication method",),
         when=has_only_exotic),
    Sign("auth_before_tls_refused_by_client", -10, ("cannot use a secure authentication method",),
         when=has_only_exotic),
    Sign("client_lacks_mechanism", 4, ("gssapi", "ntlm", "kerberos"), unless=("ntlmdomain",)),
    Sign("unwanted_auth_attempt", 10, codes=(504,), provider=("direct_send",)),
    Sign("unwanted_auth_attempt", 8, (*_NO_AUTH, *_NO_SHARED), provider=("direct_send",)),
    Sign("starttls_required", 8, _NO_AUTH, unless=("after starttls", "auth type"),
         when=lambda r: not is_auth_unlisted(r) or is_auth_behind_tls(r)),
    Sign("starttls_required", 5, _NO_AUTH, when=is_auth_behind_tls),
    Sign("starttls_required", -4, _NO_AUTH, client=_UPGRADES_ITSELF),
    Sign("starttls_required", 9, (*_NO_AUTH, *_NO_SHARED), context=TLS_OFF),
    Sign("auth_not_advertised", 4, _NO_AUTH, when=lambda r: r.port in IMPLICIT_PORTS),
    Sign("starttls_required", -6, _NO_AUTH, ports=IMPLICIT_PORTS),
    Sign("starttls_required", 13, _NO_SHARED,
         when=lambda r: r.seen.offers_starttls and (r.seen.over_tls.value is None)),
    Sign("starttls_required", 7, ("no compatible authentication mechanism",),
         when=lambda r: (r.seen.over_tls.value is None and r.client != "lettre")),
    Sign("auth_not_offered_on_port", 13, _NO_SHARED, ports=(25,),
         when=lambda r: not r.seen.offered),
    Sign("mechanism_not_offered", -4, _NO_SHARED, ports=(25,), when=lambda r: not r.seen.offered),
    Sign("starttls_required", 16, _NO_SHARED, when=is_offer_different_under_tls),
    Sign("starttls_required", 8, _NO_SHARED, when=is_auth_behind_tls),
    Sign("starttls_required", 10, _NO_SHARED, client=("lettre",),
         when=lambda r: not r.seen.offered),
    Sign("starttls_required", 4, _NO_SHARED, when=lambda r: not r.seen.offered),
    Sign("starttls_required", 6, codes=(504, 503, 502), at=("auth",), when=is_auth_behind_tls),
    Sign("auth_not_advertised", 8, _NO_AUTH, unless=("auth type",)),
    Sign("auth_not_advertised", 5, _NO_AUTH, by_server=True),
    Sign("auth_not_advertised", 7, codes=(503, 502, 500), at=("auth",), unless=_ALREADY),
    Sign("client_reply_desync", 9, _ALREADY, codes=(503, 502, 500, 501), at=("auth",)),
    Sign("client_reply_desync", 9, when=has_rejected_success,
         proof="the reply that the client considers a refusal accepts another command"),
    Sign("auth_not_advertised", 5, UNKNOWN_COMMAND, at=("auth",)),
    # a client that has signed in was offered AUTH
    Sign("auth_not_advertised", -20, _NO_AUTH, when=lambda r: r.seen.is_signed_in),
    Sign("auth_not_offered_on_port", 11, _NO_AUTH, ports=(25,)),
    Sign("auth_not_offered_on_port", -8, _NO_AUTH, when=lambda r: r.is_private),
    Sign("auth_not_offered_on_port", 10, (*_NO_AUTH, *UNKNOWN_COMMAND), context=("587 lists",
         "587 offers", "587 works", "465 works", "465 lists", "works on 587")),
    Sign("unwanted_auth_attempt", 6, _NO_AUTH, ports=(25, 1025, 2525), when=lambda r: r.is_private),
    Sign("unwanted_auth_attempt", 9, ("'localhost', :auth", "\"localhost\", :auth"),
         by_server=False),
    Sign("auth_not_offered_on_port", 5, when=lambda r: is_auth_unlisted(r) and r.port == 25,
         proof="EHLO on port 25 lists no AUTH"),
    Sign("auth_not_offered_on_port", 12, _NO_AUTH, provider=("google_mx",)),
    Sign("auth_not_offered_on_port", 8, when=lambda r: is_auth_unlisted(r) and ("google_mx"
         in r.providers or r.host.startswith("mx")),
         proof="EHLO of a host that accepts mail for delivery lists no AUTH"),
    Sign("unwanted_auth_attempt", 7, _NO_AUTH, context=("relay", "localhost", "whitelist",
         "internal", "trusted", "mailhog", "mailcatcher", "without auth", "127.0.0.1", "ip allow",
         "local mta", "local mail", *_OWN_MTA)),
    Sign("unwanted_auth_attempt", 6, _NO_AUTH, context=_OWN_MTA),
    Sign("unwanted_auth_attempt", 9, _WANTS_NONE),
    Sign("unwanted_auth_attempt", 7, _NO_AUTH, context=_WANTS_NONE),
    Sign("unwanted_auth_attempt", 18, ("missing credentials", "no credentials"),
         context=("mailhog", "mailpit", "mailcatcher", "smtp4dev", "localhost", "127.0.0.1")),
    Sign("credentials_missing", -12, ("missing credentials",),
         context=("mailhog", "mailpit", "mailcatcher", "smtp4dev")),
    Sign("credentials_missing", -8, _WANTS_NONE),
    Sign("unwanted_auth_attempt", 14, (*_NO_SHARED, *_NO_AUTH),
         context=("mailhog", "mailpit", "mailcatcher")),
    Sign("unwanted_auth_attempt", 6, (*_NO_AUTH, *UNKNOWN_COMMAND), by_server=True),
    Sign("unwanted_auth_attempt", 3, ("not enabled", "disabled"), codes=(500, 502, 503),
         at=("auth",)),
    Sign("unwanted_auth_attempt", 7, codes=(535, 504, 503, 502, 500), at=("auth",),
         context=("whitelist", "relay", "allow-list", "allow list", "trusted", "without auth",
         "no auth", "anonymous"), unless=("relayhost", "smarthost", "smtp-relay")),
    Sign("unwanted_auth_attempt", 5, codes=(535, 504), at=("auth",), provider=("exchange",),
         ports=(25,)),
    Sign("helo_rejected", 3, _NO_AUTH, when=lambda r: r.was_refused_at("ehlo")),
    Sign("client_no_ehlo_after_starttls", 13,
         ("ehlo again", "ehlo*after starttls", "ehlo after tls"), codes=(503, 500, 501)),
    Sign("client_skipped_ehlo", 5, ("ehlo first", "helo first", "send hello", "polite people",
         "say helo", "say ehlo", "ehlo/helo", "bad sequence")),
    Sign("tls_version_too_old", 3, _NO_AUTH, client=("javamail", "system-net-mail"),
         context=("old", "1.4", "java 7", "xp", "2008")),

    Sign("mechanism_not_offered", 5, provider=("acs", "microsoft365"),
         client=("go-net-smtp", "ruby-net-smtp"),
         when=lambda r: not r.refusals and not r.seen.is_signed_in,
         proof="this library signs in with PLAIN by default; the provider lists LOGIN"),

    Sign("mechanism_not_offered", 9, when=has_unlisted_mechanism,
         proof="the log names a mechanism that the server does not list"),
    Sign("mechanism_not_offered", 6, ("mechanism*plain", "auth_type*plain", "authtype*plain",
         "authentication*:plain", "authentication*: plain", "auth_method*plain"),
         provider=("acs", "microsoft365", "exchange")),
    Sign("mechanism_not_offered", 13, ("got code \"504\"", "code 504")),
    Sign("auth_not_advertised", 13, ("missing_requirement*auth",)),
)
# fmt: on
