"""TLS: the wrong kind for the port, versions, certificates."""

import re
from typing import Final

from gatepost.diagnosis.providers import DOMAINS
from gatepost.diagnosis.signs.offer import TLS_OFF
from gatepost.diagnosis.signs.reading import IMPLICIT_PORTS, Reading, is_large_provider
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
_NO_STORE = (
    "error setting certificate verify locations", "no ca certificates", "trustanchors parameter",
    "could not load system root", "unable to load ca", "no certificates found", "ca-certificates",
    "system roots", "cacert.pem", "failed to load*root certificates", "cafile*not", "cafile: none",
    "ca bundle", "no root certificates", "error adding trust anchors", "no native root",
    "native*ca certificates", "no trusted root",
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
_OLD = (
    "protocol version", "unsupported protocol", "tlsv1 alert", "wrong ssl version",
    "protocol_version", "alert number 70", "unsupported_protocol", "version too low",
    "tls 1.0 and 1.1", "tls 1.0*not supported", "tls1.0", "common algorithm",
    "could not create ssl/tls secure channel", "inappropriate fallback", "unsupported tls version",
    "tls version*not supported", "tls version*too", "tls version mismatch", "old tls version",
    "requires tls 1.2", "minimum tls", "no shared cipher", "handshake failure",
    "sslv3 alert handshake", "tls_get_version", "dh key too small", "deprecated tls",
    "alert: protocolversion", "description: protocolversion", "alert: handshakefailure", "-9836",
)  # fmt: skip
_DISABLED = (
    "no appropriate protocol", "no protocols available", "no supported versions satisfy",
    "no_protocols_available", "not compiled with", "unable to find the socket transport",
    "forget to enable it when you configured php", "openssl extension",
    "extension missing: openssl", "ssl support is not", "ssl is not available",
    "tls is not available", "without tls support", "no tls support",
    "protocol is disabled or cipher suites are inappropriate", "no enabled protocol",
    "ssl module is not available", "to use ssl please install", "io::socket::ssl*required",
    "install io::socket::ssl", "no ssl support included", "protocols are disabled",
    "built without ssl",
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
    Sign("implicit_tls_on_starttls_port", 8, _CUT_HANDSHAKE, when=has_begun_with_tls),
    Sign("starttls_on_implicit_tls_port", -10, _CUT_HANDSHAKE),
    *(Sign(id_, points, (*_CUT_HANDSHAKE, "unexpected eof", "alert, ", "connection reset"),
           when=has_tls_failed)
      for id_, points in (("server_tls_misconfigured", 7.5), ("tls_version_too_old", 6),
                          ("auth_not_offered_on_port", -5))),
    Sign("tls_version_too_old", 5, _CUT_HANDSHAKE),
    # Jakarta Mail reports a failed login if TLS fails before it
    Sign("bad_credentials", -6, ("pkix path",)),
    Sign("credential_mangled_by_config", -5.5, ("pkix path",)),
    Sign("implicit_tls_on_starttls_port", 14, _NOT_TLS, when=lambda r: not has_starttls(r)),
    Sign("implicit_tls_on_starttls_port", 5, _NOT_TLS, when=has_starttls),
    # the server's log: a ClientHello came instead of a command
    Sign("implicit_tls_on_starttls_port", 17, ("\\026\\003", "\\x16\\x03", "\\26\\3\\1")),
    Sign("starttls_on_implicit_tls_port", -12, ("\\026\\003", "\\x16\\x03", "\\26\\3\\1")),
    Sign("implicit_tls_on_starttls_port", 3, ("certificate", "ssl", "tls"), client=("nodemailer",),
         ports=(587, 25), when=lambda r: any(w in r.text for w in _NOT_TLS)),
    Sign("unwanted_starttls", 8, ("server selected unsupported protocol version",)),
    Sign("unwanted_starttls", 5, ("server selected unsupported protocol version",),
         context=(":25", "port 25", "relay", "internal")),
    Sign("unwanted_starttls", 8, (*_VERIFY, *_UNTRUSTED, *_UNKNOWN_AUTHORITY),
         ports=(25, 1025, 2525), unless=_BY_NAME),
    Sign("unwanted_starttls", 10, (*_VERIFY, *_UNTRUSTED), ports=(25, 1025),
         when=lambda r: r.is_private, unless=_BY_NAME),
    Sign("cert_chain_incomplete", -5, _NO_ISSUER, when=lambda r: r.is_private),
    Sign("cert_untrusted", 8, _OWN_AUTHORITY,
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY))),
    Sign("cert_untrusted", 9, ("hasn't got a known issuer", "issuer is unknown", "no known issuer",
         "issuer is not known")),
    Sign("cert_chain_incomplete", 6, ("hasn't got a known issuer", "issuer is unknown")),
    Sign("cert_untrusted", -8, (*_VERIFY, *_UNTRUSTED), ports=(25, 1025),
         when=lambda r: r.is_private),
    Sign("unwanted_starttls", 4, _VERIFY, client=("ruby-net-smtp",),
         unless=("hostname", "host name", "local issuer", "expired")),
    Sign("unwanted_starttls", 3, (*_VERIFY, *_UNTRUSTED),
         context=("self-signed", "relay", "localhost", "internal", "own server"),
         when=lambda r: r.port in (0, 25, 1025) or ":25" in r.context),
    Sign("unwanted_starttls", 12, ("starttls*= false", "starttls: false", "starttls=false",
         "starttls_auto: false", "starttls is off", "starttls off", "tls disabled in*settings",
         "smtpautotls = true"),
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_UNTRUSTED, *_NOT_TLS))),
    Sign("unwanted_starttls", 8, ("starttls*disabled", "starttls*although", "enable_starttls",
         "starttls_auto", "without asking*starttls", "ignoretls", "autotls")),
    Sign("unwanted_starttls", 8, (*_VERIFY, *_UNTRUSTED, *_UNKNOWN_AUTHORITY), context=TLS_OFF),
    Sign("unwanted_starttls", 7, _NOT_TLS, when=has_starttls),
    Sign("cert_hostname_mismatch", 12, _NAME),
    Sign("cert_hostname_mismatch", 3, ("altnames", "valid for", "mismatch"),
         when=lambda r: not has_foreign_certificate(r)),
    Sign("connection_redirected_by_network", 16, _NAME, when=has_foreign_certificate),
    Sign("connection_redirected_by_network", 6, ("secureserver.net", "cpanel", "hostgator",
         "bluehost", "smtp restrictions", "siteground", "hosting"),
         when=lambda r: any(w in r.text for w in _NAME)),
    Sign("cert_chain_incomplete", 11, _NO_ISSUER),
    Sign("cert_chain_incomplete", 3, ("unable to verify the first certificate", "intermediate",
         "verify error:num=21", "return code: 21", "unable_to_verify_leaf_signature")),
    Sign("cert_chain_incomplete", 6, ("one certificate only", "only one certificate",
         "only the leaf", "only its own certificate", "browsers are fine", "browser*no error",
         "openssl*1 s:", "without*intermediate", "missing intermediate"),
         when=lambda r: any(w in r.text for w in (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY))),
    Sign("cert_chain_incomplete", 6, (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY),
         context=("one certificate", "only the leaf", "no intermediate", "without intermediate")),
    # a large provider sends its whole chain: the fault is the client's store
    Sign("cert_chain_incomplete", -8, (*_NO_ISSUER, *_VERIFY), when=is_large_provider),
    Sign("client_ca_store_missing", 7, (*_NO_ISSUER, *_UNKNOWN_AUTHORITY), when=is_large_provider),
    Sign("client_ca_store_missing", 8, _VERIFY, when=is_large_provider,
         unless=(*_NAME, *_EXPIRED, *_UNTRUSTED, *_NO_ISSUER, *_UNKNOWN_AUTHORITY)),
    Sign("cert_chain_incomplete", 6, ("does not match the server certificate",),
         client=("ruby-net-smtp",)),
    Sign("cert_chain_incomplete", 5, _UNKNOWN_AUTHORITY),
    Sign("cert_chain_incomplete", 5, _VERIFY),
    Sign("cert_untrusted", 12, _UNTRUSTED),
    Sign("cert_untrusted", 7, _UNKNOWN_AUTHORITY),
    Sign("cert_untrusted", 6, _NO_ISSUER, when=lambda r: r.is_private),
    Sign("cert_untrusted", 5, _NO_ISSUER),
    Sign("cert_untrusted", 6, _VERIFY),
    Sign("cert_untrusted", 3, (*_VERIFY, *_UNKNOWN_AUTHORITY), when=lambda r: r.is_private),
    Sign("client_ca_store_missing", 13, _NO_STORE),
    # gen_smtp reports no more; since OTP 26 Erlang verifies, but has no authorities of its own
    Sign("client_ca_store_missing", 7, (":tls_failed", "{tls_failed", ",tls_failed")),
    Sign("cert_untrusted", 6, (":tls_failed", "{tls_failed", ",tls_failed")),
    Sign("tls_version_too_old", 4, (":tls_failed", "{tls_failed", ",tls_failed")),
    Sign("client_ca_store_missing", 6, _UNKNOWN_AUTHORITY),
    Sign("client_ca_store_missing", 4, (*_UNKNOWN_AUTHORITY, *_NO_ISSUER, *_VERIFY),
         context=("scratch", "alpine", "distroless", "container", "docker", "image", "busybox",
         "minimal", "openwrt")),
    Sign("client_ca_store_missing", 9, (*_VERIFY, *_NO_ISSUER, *_UNKNOWN_AUTHORITY),
         context=("without ca-certificates", "no ca-certificates", "no ca bundle", "scratch",
         "without certificates", "no root certificates")),
    Sign("client_ca_store_missing", 4, ("scratch", "distroless", "alpine"),
         when=lambda r: any(w in r.text for w in (*_UNKNOWN_AUTHORITY, *_NO_ISSUER, *_VERIFY))),
    Sign("client_ca_store_missing", 5, _NO_ISSUER, when=lambda r: bool(r.providers)),
    Sign("client_ca_store_missing", 4, _UNKNOWN_AUTHORITY, when=lambda r: bool(r.providers)),
    Sign("tls_intercepted", 15, _INTERCEPTORS, when=lambda r: any(w in r.text for w in (*_VERIFY,
         *_UNTRUSTED, *_NO_ISSUER, *_NAME, *_UNKNOWN_AUTHORITY)) or "issuer" in r.text
         or "certificate" in r.text),
    Sign("tls_intercepted", 9, context=_INTERCEPTORS, when=lambda r: any(w in r.text for w
         in (*_VERIFY, *_UNTRUSTED, *_NO_ISSUER, *_UNKNOWN_AUTHORITY)),
         proof="a product that inspects TLS is at work"),
    Sign("tls_intercepted", 5, ("self_signed_cert_in_chain",
         "self-signed certificate in certificate chain",
         "self signed certificate in certificate chain", "self signed certificate in chain"),
         when=lambda r: bool(r.providers)),
    Sign("tls_intercepted", 9, _UNTRUSTED, when=is_large_provider),
    Sign("client_ca_store_missing", 5, _UNTRUSTED, when=is_large_provider),
    Sign("cert_untrusted", -10, _EXPIRED, when=lambda r: "self" not in r.text),
    Sign("cert_expired", 15, _EXPIRED, unless=("secret keys", "token has expired", "token expired",
         "password has expired", "password expired")),
    Sign("tls_version_too_old", 16, ("tls 1.0 and 1.1", "4.7.66", "tls 1.0*not supported",
         "tls1.0*not supported", "tlsv1.0*not supported", "tls 1.2 or*required",
         "tls 1.2 or higher")),
    Sign("tls_version_too_old", 12, _OLD),
    # curl's own alert: the server did not reject its version
    Sign("tls_version_too_old", -12, ("(out), tls alert, protocol version",)),
    Sign("tls_version_too_old", -5, ("handshake failure",), unless=("version", "protocol")),
    Sign("client_tls_disabled", 16, _DISABLED,
         unless=("socket transport \"smtp", "socket transport \"http")),
    Sign("client_accepts_invalid_cert", 9, ("went out although", "sent although",
         "delivered although", "no error*expired", "expired*no error", "accepts*expired",
         "expired*accepted", "no error*wrong name")),
    Sign("client_accepts_invalid_cert", 8, ("accepted without*error", "accepted without*warning",
         "no error*self-signed", "rejectunauthorized: false", "without checking", "verify=false",
         "check_hostname = false", "cert_none", "mitm")),
    Sign("client_accepts_invalid_cert", 9, ("certificate is not verified",
         "certificates are not verified", "tls is not verified", "does not verify", "accepts any",
         "accepts invalid", "insecureskipverify", "rejectunauthorized: false", "verify_none",
         "without verifying", "without verification", "no verification", "does not validate",
         "certificate*not validated", "does not check the cert", "accepts self-signed", "mitm")),
    Sign("server_tls_misconfigured", 16, codes=(454,), at=("starttls",)),
    Sign("server_tls_misconfigured", 16, ("tls not available", "tls currently unavailable",
         "tls*temporarily unavailable", "tls*local problem", "starttls*temporarily",
         "cannot load*certificate", "no server certs", "no certificate assigned",
         "tls engine unavailable", "tls library problem*no shared", "starttls is*currently",
         "error initializing tls")),
    Sign("server_tls_misconfigured", 10, codes=(500, 501, 502, 503, 421, 550, 554),
         at=("starttls",)),
    Sign("server_tls_misconfigured", 4,
         ("handshake failure", "handshake_failure", "sslv3 alert handshake")),
    Sign("starttls_not_offered", 20, ("starttls is not supported",
         "not support tls via the starttls", "tls is required, but was not offered",
         "did not offer tls", "server did not offer starttls", "did not advertise starttls",
         "tls was not offered", "tls not offered", "not support the starttls",
         "starttls command not supported", "starttls: not supported",
         "server does not offer starttls", "server doesn't offer starttls", "starttls unavailable",
         "starttls extension not supported", "host does not support starttls",
         "does not support secure connections", "doesn't support starttls",
         "server does not support starttls", "starttls not supported", "starttls is not offered",
         "not advertise*starttls", "not offer*starttls", "not announce*starttls",
         "doesn't advertise*starttls", "doesn't offer*starttls", "without*starttls support",
         "starttls*not advertised", "missing_requirement*tls", "no starttls in",
         "starttls is missing", "starttls not advertised"), unless=("454",)),
    Sign("starttls_not_offered", -16, when=lambda r: r.was_refused_at("ehlo")),
    Sign("starttls_required", 14, ("issue a starttls", "starttls first", "without ssl/tls",
         "must use tls", "tls required", "requires tls", "encryption required",
         "encryption is required", "starttls command first", "confidentiality required",
         "please use tls", "use starttls", "requires starttls", "requires encryption",
         "must be encrypted", "secure connection is required", "secure connection required",
         "issue starttls", "only over an encrypted", "only after starttls",
         "only available*encrypted", "requires a secure connection: 538", "needs starttls",
         "must start tls", "starttls before", "ssl required", "ssl is required",
         "tls connection required", "encrypted connection required",
         "encrypted connection is required", "encryption needed",
         "plaintext authentication disallowed", "plaintext authentication not allowed",
         "cleartext authentication*not", "disabled*insecure connection", "disallowed on non-secure",
         "security layer required", "command unless tls", "tls is required",
         "starttls is mandatory", "require tls"), unless=("refuses*without",)),
    Sign("starttls_required", 13, codes=(538,), at=("auth",), when=lambda r: not is_under_tls(r)),
    Sign("starttls_required", 10, codes=(530,), status=("5.7.7",)),
    Sign("starttls_required", 12, codes=(451,), status=("5.7.3",)),
    Sign("server_tls_state_bug", 16, codes=(538,), when=is_under_tls),
    Sign("server_tls_state_bug", 14,
         ("must issue a starttls", "starttls first", "encryption required", "must use tls"),
         when=lambda r: is_under_tls(r) or (r.port in IMPLICIT_PORTS or "smtp_ssl" in r.context
         or "smtps" in r.context)),
)
# fmt: on
