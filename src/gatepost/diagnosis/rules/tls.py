"""TLS: the wrong kind for the port, and certificates that are not valid."""

import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.rules.trust import client_ca_store_missing
from gatepost.model.evidence import Certificate, Evidence, TlsSeen
from gatepost.model.finding import Finding
from gatepost.model.reply import Esc, Reply

# X509_V_ERR_*: issuer not found; self-signed, as the leaf or at the end of the chain
_NO_ISSUER: Final = frozenset({2, 20, 21})
_SELF_SIGNED: Final = frozenset({18, 19})
_OTHERWISE_UNTRUSTED: Final = frozenset({24, 26, 27, 28})
_NO_REVOCATION_LIST: Final = frozenset({3, 8, 11, 12, 33})
_NO_STATUS: Final = frozenset({"certificate_unobtainable", "bad_certificate_status_response"})
"""Alerts about OCSP (RFC 6066 9)."""
_OTHER_NAME: Final = frozenset({62, 64})
_DATE: Final = re.compile(r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}")
"""A date as Exim and others have it in the greeting (RFC 5322 3.3)."""
_SKEW: Final = timedelta(hours=1)
_RETIRED: Final = frozenset({"TLSv1", "TLSv1.1"})
"""Obsolete versions (RFC 8996)."""
_SIGNS_FOR_OTHERS: Final = re.compile(
    r"CN=[^,=]{0,64}"
    r"(?:intermediate|issuing|sub(?:ordinate)?[ -]?ca|\b[RE]\d{1,2}\b|server ca|tls ca)",
    re.IGNORECASE,
)
"""The usual names of intermediate authorities."""
_TOO_OLD: Final = ("unsupported protocol", "protocol version", "wrong ssl version")

_ONLY_OLD: Final = re.compile(
    r"(?i)priorit(?:y|ies)\b.{0,80}-VERS-(?:ALL|TLS-ALL)(?::\+VERS-(?:SSL3|TLS1)\.[01])+$"
)


def implicit_tls_on_starttls_port(seen: Evidence) -> Finding | None:
    """The client begins with TLS; the port begins with a greeting in clear."""
    greeting = seen.greeting.value
    if seen.client.tls != "implicit" or greeting is None or greeting.reply is None:
        return None
    proof = [f"the port greets in clear: {greeting.reply}"]
    if seen.tls_first.value and not seen.tls_first.value.answered:
        proof.append(f"TLS from the first byte fails: {seen.tls_first.value.failure}")
    if seen.offers_starttls:
        proof.append("EHLO offers STARTTLS")
    return conclude("implicit_tls_on_starttls_port", "certain", *proof)


def starttls_on_implicit_tls_port(seen: Evidence) -> Finding | None:
    """The client waits for a greeting; the port waits for TLS."""
    greeting, first = seen.greeting.value, seen.tls_first.value
    if seen.client.tls not in ("starttls", "none") or greeting is None or greeting.reply:
        return None
    if first is None or not first.answered:
        return None
    inside = f", and the greeting comes inside it: {first.greeting}" if first.greeting else ""
    return conclude(
        "starttls_on_implicit_tls_port",
        "certain",
        f"no greeting in clear within {greeting.waited_ms / 1000:.1f} s",
        f"a TLS ClientHello is answered{inside}",
    )


def starttls_not_offered(seen: Evidence) -> Finding | None:
    """The client requires STARTTLS, and EHLO does not list it."""
    hello = seen.in_clear.value
    if seen.source == "log" or seen.client.tls != "starttls" or hello is None:
        return None
    if not hello.reply.is_success or seen.offers_starttls:
        return None
    return conclude(
        "starttls_not_offered",
        "certain",
        f"EHLO in clear offers {' '.join(hello.capabilities.keywords) or 'nothing'}",
        "it offers AUTH in clear" if seen.offered_in_clear else "",
        next_probe="the same from another network, and port 465 (--tls implicit)",
    )


def server_tls_misconfigured(seen: Evidence) -> Finding | None:
    """STARTTLS is offered and then refused; 454 means that TLS is not available (RFC 3207 4)."""
    reply = seen.starttls.value
    cut = reply is None and seen.position == "starttls" and "time" not in seen.failure
    if seen.source == "probe" and cut and seen.failure and seen.offers_starttls:
        reply = Reply(0)
    if reply is None or reply.is_success or _is_elsewhere(reply):
        return None
    return conclude(
        "server_tls_misconfigured",
        "certain" if reply.code == 454 else "likely",
        f"STARTTLS was answered {reply}"
        if reply.code
        else f"STARTTLS was not answered: {seen.failure}",
    )


def _is_elsewhere(reply: Reply) -> bool:
    """Tell whether the reply is about the whole server, not TLS (RFC 3463 3.4)."""
    return reply.status == Esc(4, 3, 0) and "tls" not in reply.text.lower()


def tls_version_too_old(seen: Evidence) -> Finding | None:
    """There is no common TLS version: we offer 1.2 and 1.3."""
    tls, alone = seen.tls.value, seen.tls_versions.value or ()
    if tls is None or not tls.failure:
        return None
    accepted = [each.version for each in alone if each.taken]
    by_words = any(word in tls.failure.lower() for word in _TOO_OLD)
    if alone and not (accepted and all(version in _RETIRED for version in accepted)):
        by_words = by_words and not accepted
    elif accepted:
        by_words = True
    if not by_words:
        return None
    return conclude(
        "tls_version_too_old",
        "certain",
        f"the handshake failed: {tls.failure}",
        *(f"{version} is accepted" for version in accepted),
        summary="The server accepts neither TLS 1.2 nor TLS 1.3.",
        fix="Update the server's TLS; versions before 1.2 are retired (RFC 8996).",
    )


def only_old_versions_allowed(seen: Evidence) -> Finding | None:
    """The client's own setting, which a log shows, allows retired versions only (GnuTLS)."""
    if seen.source != "log" or seen.position not in ("starttls", "tls"):
        return None
    setting = next((each for each in seen.remarks if _ONLY_OLD.search(each)), "")
    if not setting:
        return None
    return conclude(
        "tls_version_too_old", "certain", f"the log says {setting.strip()}",
        summary="The client offers neither TLS 1.2 nor TLS 1.3.",
        fix="Remove the setting: the library's default offers TLS 1.2 and 1.3 (RFC 8996).",
    )  # fmt: skip


def no_handshake(seen: Evidence) -> Finding | None:
    """TLS is offered, but no handshake succeeds with any version: the fault is the server's."""
    tls, alone = seen.tls.value, seen.tls_versions.value
    if tls is None or not tls.failure or not alone or any(each.taken for each in alone):
        return None
    if any(word in tls.failure.lower() for word in _TOO_OLD):
        return None
    return conclude(
        "server_tls_misconfigured",
        "likely",
        f"the handshake failed: {tls.failure}",
        f"each version alone fails, too: {', '.join(each.version for each in alone)}",
        summary="The server offers TLS, and no handshake succeeds.",
        fix="The server's log says why: a certificate or key that is missing, unreadable or of a "
        "kind that shares no cipher with clients.",
        phase="tls",
    )


def wants_a_certificate(seen: Evidence) -> Finding | None:
    """TLS ends because the server requires a client certificate, in TLS 1.3 after the handshake."""
    tls = seen.tls.value
    failure = f"{tls.failure if tls else ''} {seen.failure}"
    if seen.source != "probe" or "certificate required" not in failure:
        return None
    return conclude("client_certificate_required", "certain", f"TLS ends with: {failure.strip()}")


def cert_expired(seen: Evidence) -> Finding | None:
    """The certificate has expired by our clock, which may be wrong."""
    certificate = seen.certificate
    if certificate is None or seen.seen_at is None:
        return None
    if certificate.not_before <= seen.seen_at <= certificate.not_after:
        return None
    early = seen.seen_at < certificate.not_before
    bound = certificate.not_before if early else certificate.not_after
    state = "is not valid yet" if early else "has expired"
    return conclude(
        "cert_expired",
        "certain",
        f"it is valid {'from' if early else 'until'} {bound:%Y-%m-%d %H:%M} UTC",
        f"the clock here says {seen.seen_at:%Y-%m-%d %H:%M} UTC",
        *_servers_clock(seen),
        summary=f"The server's certificate {state}.",
        fix="Correct the clock of this machine, or renew the server's certificate."
        if early
        else "",
    )


def _servers_clock(seen: Evidence) -> Iterator[str]:
    """Yield how the date in the greeting differs from our clock, if it does."""
    greeting = seen.greeting.value
    if greeting is None or greeting.reply is None or seen.seen_at is None:
        return
    date = _DATE.search(greeting.reply.text)
    if date is None:
        return
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # slow, and few greetings tell

    try:
        theirs = parsedate_to_datetime(date[0])
    except ValueError:
        return
    if theirs.tzinfo and abs(theirs - seen.seen_at) > _SKEW:
        yield f"the server's clock says {theirs.astimezone(UTC):%Y-%m-%d %H:%M} UTC: one is wrong"


def cert_hostname_mismatch(seen: Evidence) -> Finding | None:
    """The name that was asked for is not in the certificate (RFC 6125)."""
    tls, certificate = seen.tls.value, seen.certificate
    if tls is None or certificate is None or seen.target is None:
        return None
    host = seen.target.host
    if tls.verified:
        return _named_in_subject(seen, certificate, host)
    if tls.verify_code not in _OTHER_NAME and is_named(certificate.names, host):
        return None
    names = ", ".join(certificate.names) or "no name at all"
    return conclude(
        "cert_hostname_mismatch",
        "certain",
        f"the client asks for {host}",
        f"the certificate is for {names}",
        summary=f"The server's certificate is not for {host}.",
    )


def _named_in_subject(seen: Evidence, certificate: Certificate, host: str) -> Finding | None:
    """The name is only in the certificate's subject, which OpenSSL accepts and others do not."""
    library = LIBRARIES.get(seen.client.library)
    if certificate.names or library is None or not library.wants_san:
        return None
    return conclude(
        "cert_hostname_mismatch",
        "certain",
        "it has no subjectAltName",
        f"its subject is {certificate.subject}",
        summary=f"The server's certificate has {host} in its subject only, which "
        f"{library.title} does not read.",
        fix="Have the certificate reissued with the host's name as subjectAltName (RFC 9525 2; "
        "openssl req -addext subjectAltName=DNS:NAME).",
    )


def missing_issuer(tls: TlsSeen) -> str:
    """Return the URL of the issuer's certificate if the server did not send it; otherwise empty."""
    certificate = tls.certificate
    alone = tls.verify_code in _NO_ISSUER and is_issuer_missing(tls)
    if certificate is None or certificate.self_signed or not alone:
        return ""
    return certificate.issuer_urls[0] if certificate.issuer_urls else ""


def is_issuer_missing(tls: TlsSeen) -> bool:
    """Tell whether the server sent its certificate without that of the issuer."""
    return tls.chain_length == 1 or tls.issuer_missing


def cert_chain_incomplete(seen: Evidence) -> Finding | None:
    """The server sent only its own certificate, and that says where the issuer's can be fetched."""
    certificate = seen.certificate
    if certificate is None or seen.tls.value is None or certificate.self_signed:
        return None
    tls = seen.tls.value
    if tls.verify_code not in _NO_ISSUER or not is_issuer_missing(tls):
        return None
    issuer = seen.issuer.value
    if issuer is not None and issuer.subject and not issuer.completes:
        return None  # the issuer's certificate exists, but leads to no trusted authority
    if issuer is not None and issuer.completes:
        hint = f"with {issuer.subject} from {issuer.url} it verifies"
    elif certificate.issuer_urls:
        hint = f"the certificate says where to get it: {certificate.issuer_urls[0]}"
    elif _SIGNS_FOR_OTHERS.search(certificate.issuer):
        hint = "by its name that is an authority between a root and servers"
    else:
        return None
    proven = issuer is not None and issuer.completes
    return conclude(
        "cert_chain_incomplete",
        "certain" if proven else "likely",
        _sent(tls),
        f"its issuer, {certificate.issuer}, is not known here",
        hint,
        next_probe="" if proven else "fetch the issuer and verify the certificate with it",
    )


def _sent(tls: TlsSeen) -> str:
    if tls.chain_length == 1:
        return "it sent 1 certificate"
    return f"it sent {tls.chain_length} certificates, and none of them is its issuer's"


def cert_untrusted(seen: Evidence) -> Finding | None:
    """The chain ends at an authority that is not trusted here."""
    tls, certificate = seen.tls.value, seen.certificate
    if tls is None or certificate is None:
        return None
    if tls.strict_error and tls.verified:
        return _not_to_the_letter(seen, tls)
    untrusted = _NO_ISSUER | _SELF_SIGNED | _OTHERWISE_UNTRUSTED
    unexplained = certificate.self_signed and not tls.verified and tls.verify_code == 0
    if tls.verify_code not in untrusted and not unexplained:
        return None
    incomplete = cert_chain_incomplete(seen) is not None
    if seen.issuer.value is not None and seen.issuer.value.completes:
        return None  # only the missing certificate is wrong
    issuer_name = "itself" if certificate.self_signed else certificate.issuer
    return conclude(
        "cert_untrusted",
        "possible" if incomplete or client_ca_store_missing(seen) else "certain",
        f"it is signed by {issuer_name}",
        f"verification says: {tls.verify_error or 'not trusted'}",
        f"verified against {tls.trust}" if tls.trust != "system" else "",
        next_probe="",
    )


def _not_to_the_letter(seen: Evidence, tls: TlsSeen) -> Finding | None:
    library = LIBRARIES.get(seen.client.library)
    if library is None or not library.is_strict:
        return None
    return conclude(
        "cert_untrusted",
        "likely",
        f"strict verification says: {tls.strict_error}",
        "without strictness it verifies",
        summary=f"{library.title} refuses the certificate with Python 3.13 and later.",
        fix="Have the certificate, or its authority's, reissued with what is missing (openssl adds "
        "key identifiers by itself since 3.0), or clear ssl.VERIFY_X509_STRICT in the client's "
        "context.",
        next_probe="",
    )


def is_named(names: tuple[str, ...], host: str) -> bool:
    """Return whether one of a certificate's names covers ``host`` (RFC 6125 6.4).

    A wildcard stands for the whole leftmost label only.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return any(_is_same_address(name, address) for name in names)
    name_asked = _ascii(host)
    parent = name_asked.partition(".")[2]
    certified = {_ascii(name) for name in names}
    return name_asked in certified or (bool(parent) and f"*.{parent}" in certified)


def _is_same_address(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return ipaddress.ip_address(name) == address
    except ValueError:
        return False


def _ascii(name: str) -> str:
    """Return a DNS name for comparison: lower case, A-labels, without the dot at its end (RFC
    5890)."""
    folded = name.rstrip(".").lower()
    try:
        return folded.encode("idna").decode()
    except UnicodeError:
        return folded


def revocation_check_failed(seen: Evidence) -> Finding | None:
    """OpenSSL is set to check revocation, and found no valid list; the client's alert says it; or
    nothing answers where the client asks.

    The last proves nothing: a client may have stored an earlier answer, or go through a proxy.
    """
    tls, conduct = seen.tls.value, seen.conduct.value
    sources = seen.revocation.value or ()
    if conduct is not None and conduct.tls_end in _NO_STATUS:
        proof = (f"the client ended TLS with the alert {conduct.tls_end}",)
    elif tls is not None and not tls.verified and tls.verify_code in _NO_REVOCATION_LIST:
        proof = (f"verification says: {tls.verify_error}",)
    elif sources and all(each.failure for each in sources):
        return conclude(
            "revocation_check_failed",
            "likely",
            "the client asks the authority whether the certificate is revoked",
            *(f"{each.url}: {each.failure}" for each in sources),
        )
    else:
        return None
    return conclude("revocation_check_failed", "certain", *proof)


RULES: Final = (
    implicit_tls_on_starttls_port, starttls_on_implicit_tls_port, starttls_not_offered,
    server_tls_misconfigured,
    tls_version_too_old, only_old_versions_allowed, no_handshake, wants_a_certificate,
    cert_expired, cert_hostname_mismatch, cert_chain_incomplete, cert_untrusted,
    revocation_check_failed,
)  # fmt: skip
