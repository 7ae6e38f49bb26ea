"""TLS: the wrong kind for the port, versions, certificates."""

import re
from typing import Final

from gatepost.diagnosis.recognise_provider import DOMAINS
from gatepost.diagnosis.signs.log_statements import IMPLICIT_PORTS, Reading, is_large_provider
from gatepost.diagnosis.signs.sign import Sign


def has_starttls(reading: Reading) -> bool:
    """The log shows STARTTLS."""
    return reading.seen.starttls.value is not None or any(
        line.speaker == "C" and line.text.upper().startswith("STARTTLS")
        for line in reading.seen.transcript
    )


def is_under_tls(reading: Reading) -> bool:
    """The dialogue is under TLS, or the client is set to implicit TLS."""
    seen = reading.seen
    implicit = ("smtp_ssl", "smtps:", "smtps ", "implicit", "ssl://")
    return (
        reading.port in IMPLICIT_PORTS
        or any(attempt.tls for attempt in seen.attempts)
        or any(word in reading.context or word in reading.text for word in implicit)
    )


def has_foreign_certificate(reading: Reading) -> bool:
    """The host is a large provider's, and the certificate is not."""
    expected = _EXPECTED.search(reading.text)
    host = reading.host or (expected[1] if expected else "")
    for name in DOMAINS:
        if any(domain in host for domain in DOMAINS[name].split()):
            named = [each.text for each in reading.statements if _has_certificate_names(each.text)]
            return bool(named) and not any(
                _is_own(text, domain, host) for text in named for domain in DOMAINS[name].split()
            )
    return False


_EXPECTED: Final = re.compile(
    r"(?:expected cn=|, not |host:? |hostname |target host(?: name)? |server name:? )"
    r"[`'\"]?([\w-]+(?:\.[\w-]+)+)"
)
"""The name that the client expected in the certificate."""


def _is_own(text: str, domain: str, host: str) -> bool:
    return domain in text.replace(host, "")


def _has_certificate_names(text: str) -> bool:
    words = ("valid for", "altnames", "alt names", "cn=", "cn =", "subject", "did not match",
             "does not match", "issued to")  # fmt: skip
    return any(word in text for word in words)


# -9806 and following: errors of Secure Transport of macOS (SecureTransport.h)
_NOT_TLS = (
    "wrong version number", "wrong_version_number", "invalidcontenttype", "invalid content type",
    "first record does not look like a tls", "unable to parse tls packet", "plaintext connection",
    "unrecognized ssl message", "packet length too long", "tls packet with unexpected length",
    "unexpected tls packet", "not an ssl record", "unknown protocol", "unexpected packet format",
    "corrupted frame", "oversized record", "received a record with an invalid",
    "record layer failure", "record overflow", "frame size", "unsupported or unrecognized ssl",
    "tls_validate_record_header", "the handshake failed due to", "received corrupt message",
    "non-tls", "packet_length_too_long", "record_overflow", "in state hello received",
    "bad record type", "unexpected or badly formatted", "message received was unexpected",
    "does not speak tls", "expected tls*plain", "invalid token was specified",
    "token supplied to the function is invalid", "ssl3_get_record", "corruptmessage",
    "invalidmessage(", "-9847",
)  # fmt: skip
_NAME = (
    "hostname mismatch", "host name mismatch", "hostname/ip does not match", "altnames",
    "certificate is valid for*not", "err_tls_cert_altname",
    "no alternative certificate subject name matches", "did not match expected cn",
    "does not match the server certificate", "notvalidforname", "not valid for name",
    "no subject alternative", "no name matching*found", "certificate subject name*does not match",
    "doesn't contain any ip sans", "doesn't match", "certificate name mismatch",
    "does not match host", "ip address mismatch", "certificate verify failed: hostname",
    "not valid for any names", "does not match target host", "legacy common name field",
    "the host name did not match", "ssl: no alternative", "server identity",
    "certificatenamemismatch", "peer certificate cn", "verify identity of server",
    "mismatched name", "verify identity of the server", "hostname verification failed", "-9843",
)  # fmt: skip
_BY_NAME = (
    "hostname mismatch", "hostname/ip", "hostname does", "hostname verif", "hostname, ",
    "hostname is", "host name", "altname", "expired",
)  # fmt: skip
"""The fault is not the issuer's; the word alone may be part of a setting."""
_NO_ISSUER = (
    "unable to get local issuer", "unable to verify the first certificate", "partialchain",
    "trust anchor for certification path not found", "pkix path building failed",
    "path does not chain with any of the trust", "unable to get issuer certificate",
    "certificate chain is not complete", "unable_to_verify_leaf_signature",
    "unable_to_get_issuer_cert", "verify error:num=20", "verify error:num=21",
    "unable to find valid certification path", "return code: 20", "return code: 21",
    "issuer certificate not found", "issuer certificate*could not be found",
    "no certificates could be verified", "incomplete chain", "chain is incomplete", "intermediate",
)  # fmt: skip
_UNTRUSTED = (
    "self-signed", "self signed", "self_signed", "unknownissuer", "unknown issuer",
    "verify error:num=18", "verify error:num=19", "return code: 18", "return code: 19",
    "not trusted", "untrusted", "unknown ca", "-9812", "-9813",
)  # fmt: skip
_VERIFY = (
    "certificate verify failed", "certificate_verify_failed", "verification failed",
    "certificate problem", "certificate verification", "remotecertificatechainerrors",
    "ssl certificate error", "peer certificate", "cert validation", "certificate is invalid",
    "-9807",
)  # fmt: skip
_OWN_AUTHORITY = (
    "internal ca", "private ca", "own ca", "corporate ca", "company ca", "company's ca",
    "company's internal", "internal certificate authority", "private certificate authority",
    "private root", "corp root", "in-house ca", "enterprise ca", "adcs",
)  # fmt: skip
_UNKNOWN_AUTHORITY = (
    "unknown authority", "no trusted certificate", "unknown certificate authority",
)  # fmt: skip
_INTERCEPTORS = (
    "avast", "avg ", "kaspersky", "eset ", "bitdefender", "zscaler", "fortinet", "fortigate",
    "netskope", "sophos", "mcafee", "norton", "blue coat", "bluecoat", "palo alto", "mail shield",
    "web shield", "mitm", "fiddler", "charles proxy", "antivirus", "checkpoint", "check point",
    "watchguard", "sonicwall", "forcepoint", "cisco umbrella", "squid", "drweb", "dr.web",
    "cyberghost", "untangle", "pfsense", "intercept", "https scanning", "ssl inspection",
    "tls inspection",
)  # fmt: skip
_EXPIRED = (
    "certificate has expired", "cert_has_expired", "certificate expired", "not yet valid",
    "nottimevalid", "cert_not_yet_valid", "verify error:num=10", "verify error:num=9",
    "certexpired", "certificate is not valid yet", "expired certificate", "return code: 10",
    "certificateexpired", "certificate*expired", "certificatenotyetvalid", "notafter*in the past",
    "-9814",
)  # fmt: skip
_CUT_HANDSHAKE = (
    "handshake eof", "handshake*eof", "eof*handshake", "handshake*connection reset",
    "connection reset*handshake", "handshake*closed", "closed*handshake", "ssl_error_syscall",
    "ssl_connect syscall", "terminated the handshake", "failure(ssl(", "-9806", "-9816",
)  # fmt: skip
"""TLS was begun, and the server disconnected."""


def has_tls_failed(reading: Reading) -> bool:
    """STARTTLS was accepted, and nothing was sent under TLS."""
    reply = reading.seen.starttls.value
    lines = [line for line in reading.seen.transcript if line.text.upper() != "QUIT"]
    return (
        reply is not None
        and reply.is_success
        and reading.seen.over_tls.value is None
        and bool(lines)
        and lines[-1].speaker == "S"
    )


def has_begun_with_tls(reading: Reading) -> bool:
    """STARTTLS was not sent, and the port is not one for implicit TLS."""
    return not has_starttls(reading) and reading.port not in IMPLICIT_PORTS


# fmt: off
SIGNS: Final = (
    Sign("implicit_tls_on_starttls_port", _CUT_HANDSHAKE, when=has_begun_with_tls),
    *(Sign(id_, (*_CUT_HANDSHAKE, "unexpected eof", "alert, ", "connection reset"),
           when=has_tls_failed, against=id_ == "auth_not_offered_on_port")
      for id_ in ("server_tls_misconfigured", "tls_version_too_old", "auth_not_offered_on_port")),
    # Jakarta Mail reports a failed login if TLS fails before it
    Sign("implicit_tls_on_starttls_port", _NOT_TLS, when=lambda r: not has_starttls(r)),
    Sign("implicit_tls_on_starttls_port", _NOT_TLS, when=has_starttls),
    # the server's log: a ClientHello came instead of a command
    Sign("implicit_tls_on_starttls_port", ("certificate", "ssl", "tls"), client=("nodemailer",),
         ports=(587, 25), when=lambda r: any(w in r.text for w in _NOT_TLS)),
    Sign("unwanted_starttls", (*_VERIFY, *_UNTRUSTED), ports=(25, 1025),
         when=lambda r: r.is_private, unless=_BY_NAME),
    Sign("cert_chain_incomplete", _NO_ISSUER, when=lambda r: r.is_private, against=True),
    Sign("cert_untrusted", _OWN_AUTHORITY,
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY))),
    Sign("cert_untrusted", (*_VERIFY, *_UNTRUSTED), ports=(25, 1025),
         when=lambda r: r.is_private, against=True),
    Sign("unwanted_starttls", (*_VERIFY, *_UNTRUSTED),
         context=("self-signed", "relay", "localhost", "internal", "own server"),
         when=lambda r: r.port in (0, 25, 1025) or ":25" in r.context),
    Sign("unwanted_starttls", ("starttls*= false", "starttls: false", "starttls=false",
         "starttls_auto: false", "starttls is off", "starttls off", "tls disabled in*settings",
         "smtpautotls = true"),
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_UNTRUSTED, *_NOT_TLS))),
    Sign("unwanted_starttls", _NOT_TLS, when=has_starttls),
    Sign("cert_hostname_mismatch", ("altnames", "valid for", "mismatch"),
         when=lambda r: not has_foreign_certificate(r)),
    Sign("connection_redirected_by_network", _NAME, when=has_foreign_certificate),
    Sign("connection_redirected_by_network", ("secureserver.net", "cpanel", "hostgator",
         "bluehost", "smtp restrictions", "siteground", "hosting"),
         when=lambda r: any(w in r.text for w in _NAME)),
    Sign("cert_chain_incomplete", ("one certificate only", "only one certificate",
         "only the leaf", "only its own certificate", "browsers are fine", "browser*no error",
         "openssl*1 s:", "without*intermediate", "missing intermediate"),
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY))),
    # a large provider sends its whole chain: the fault is the client's store
    Sign("cert_chain_incomplete", (*_NO_ISSUER, *_VERIFY), when=is_large_provider, against=True),
    Sign("client_ca_store_missing", (*_NO_ISSUER, *_UNKNOWN_AUTHORITY), when=is_large_provider),
    Sign("client_ca_store_missing", _VERIFY, when=is_large_provider,
         unless=(*_NAME, *_EXPIRED, *_UNTRUSTED, *_NO_ISSUER, *_UNKNOWN_AUTHORITY)),
    Sign("cert_untrusted", _NO_ISSUER, when=lambda r: r.is_private),
    Sign("cert_untrusted", (*_VERIFY, *_UNKNOWN_AUTHORITY), when=lambda r: r.is_private),
    # gen_smtp reports no more; since OTP 26 Erlang verifies, but has no authorities of its own
    Sign("client_ca_store_missing", ("scratch", "distroless", "alpine"),
         when=lambda r: any(w in r.text for w in (*_UNKNOWN_AUTHORITY, *_NO_ISSUER, *_VERIFY))),
    Sign("client_ca_store_missing", _NO_ISSUER, when=lambda r: bool(r.providers)),
    Sign("client_ca_store_missing", _UNKNOWN_AUTHORITY, when=lambda r: bool(r.providers)),
    Sign("tls_intercepted", _INTERCEPTORS, when=lambda r: any(w in r.text for w in (*_VERIFY,
         *_UNTRUSTED, *_NO_ISSUER, *_NAME, *_UNKNOWN_AUTHORITY)) or "issuer" in r.text
         or "certificate" in r.text),
    Sign("tls_intercepted", context=_INTERCEPTORS, when=lambda r: any(w in r.text for w
         in (*_VERIFY, *_UNTRUSTED, *_NO_ISSUER, *_UNKNOWN_AUTHORITY)),
         proof="a product that inspects TLS is at work"),
    Sign("tls_intercepted", ("self_signed_cert_in_chain",
         "self-signed certificate in certificate chain",
         "self signed certificate in certificate chain", "self signed certificate in chain"),
         when=lambda r: bool(r.providers)),
    Sign("tls_intercepted", _UNTRUSTED, when=is_large_provider),
    Sign("client_ca_store_missing", _UNTRUSTED, when=is_large_provider),
    Sign("cert_untrusted", _EXPIRED, when=lambda r: "self" not in r.text, against=True),
    # curl's own alert: the server did not reject its version
    Sign("starttls_not_offered", when=lambda r: r.was_refused_at("ehlo"), against=True),
    Sign("starttls_required", codes=(538,), at=("auth",), when=lambda r: not is_under_tls(r)),
    Sign("server_tls_state_bug", codes=(538,), when=is_under_tls),
    Sign("server_tls_state_bug",
         ("must issue a starttls", "starttls first", "encryption required", "must use tls"),
         when=lambda r: is_under_tls(r) or (r.port in IMPLICIT_PORTS or "smtp_ssl" in r.context
         or "smtps" in r.context)),
)
# fmt: on
