"""Notes: what is worth knowing, but not a fault."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.library import Library
from gatepost.diagnosis.reply_quotes import LONGEST_LINE, quote_envelope, quote_reply
from gatepost.diagnosis.rules.retirements import note_endings
from gatepost.model.evidence import Evidence

EXPIRES_SOON: Final = timedelta(days=21)
_SIGNED_IN: Final = 235


def who_cannot_sign_in(seen: Evidence) -> Iterator[str]:
    """Libraries that cannot sign in here by default; if the library is known, that is a finding."""
    if not seen.offered or seen.client.library:
        return
    left_out = [
        library
        for library in LIBRARIES.values()
        if library.first_choice(seen.offered) not in seen.offered
    ]
    if left_out:
        titles = ", ".join(_with_mechanisms(library) for library in left_out)
        offered = " ".join(seen.offered)
        yield f"cannot sign in here with their defaults: {titles}; offered: {offered}"


def _with_mechanisms(library: Library) -> str:
    return f"{library.title} ({'/'.join(library.mechanisms[:3])})"


def tls_of_the_library(seen: Evidence) -> Iterator[str]:
    """How the library uses TLS by default."""
    library = LIBRARIES.get(seen.client.library)
    if library is None or seen.client.tls != "auto":
        return
    if library.tls == "none" and seen.over_tls.value:
        yield f"{library.title} stays in clear by default; this server requires TLS"
    starts_with_tls = seen.greeting.value is not None and seen.greeting.value.reply is None
    if library.tls != "implicit" and starts_with_tls and seen.over_tls.value:
        yield f"{library.title} must be configured for implicit TLS on this port"
    if library.tls == "implicit" and seen.starttls.value:
        yield f"{library.title} uses implicit TLS by default"


def auth_in_clear(seen: Evidence) -> Iterator[str]:
    """The server accepts passwords without TLS."""
    revealing = [name for name in seen.offered_in_clear if name in ("PLAIN", "LOGIN")]
    if revealing:
        verb = "are" if len(revealing) > 1 else "is"
        yield f"{' and '.join(revealing)} {verb} offered in clear: a listener could read passwords"


def unreachable_addresses(seen: Evidence) -> Iterator[str]:
    """Some addresses do not answer: clients that try only one may fail."""
    connects = seen.connects.value or ()
    if any(each.outcome == "ok" for each in connects):
        for each in connects:
            if each.outcome != "ok":
                yield f"{each.address} did not accept the connection ({each.outcome})"


def only_new_tls(seen: Evidence) -> Iterator[str]:
    """The server does not support the TLS versions that many older clients are limited to."""
    accepted = [each.version for each in seen.tls_versions.value or () if each.taken]
    if accepted == ["TLSv1.3"]:
        yield "only TLS 1.3 is accepted: clients with TLS 1.2 or older cannot connect"


def another_port(seen: Evidence) -> Iterator[str]:
    """No port was given, and the usual one was closed."""
    connects, target = seen.connects.value or (), seen.target
    if target is None or not any(each.outcome == "ok" for each in connects):
        return
    for each in seen.neighbours.value or ():
        closed = each.state in ("refused", "timeout", "unreachable")
        if closed and each.host == target.host and len(seen.neighbours.value or ()) == 1:
            yield f"no port was given: {each} is closed ({each.state}), so {target} was asked"


def expiry(seen: Evidence) -> Iterator[str]:
    """The certificate expires soon."""
    certificate = seen.certificate
    if certificate is None or seen.seen_at is None:
        return
    left = certificate.not_after - seen.seen_at
    if timedelta(0) < left <= EXPIRES_SOON:
        hours = int(left.total_seconds() // 3600)
        yield f"the certificate expires in {f'{left.days} days' if left.days else f'{hours} hours'}"


def no_alternative_name(seen: Evidence) -> Iterator[str]:
    """The certificate has a name only in its subject, which only some clients accept."""
    tls = seen.tls.value
    if tls is not None and tls.verified and tls.certificate and not tls.certificate.names:
        yield (
            "the certificate has no subjectAltName, only a subject: Go, rustls and browsers "
            "refuse it"
        )


def strict_errors(seen: Evidence) -> Iterator[str]:
    """The certificate violates RFC 5280 in a way that OpenSSL, Go and Java accept."""
    tls = seen.tls.value
    if tls is not None and tls.strict_error:
        yield (
            "the certificate does not strictly follow RFC 5280, and Python 3.13 and later refuse "
            "it: {tls.strict_error}"
        )


def no_secret_sent(seen: Evidence) -> Iterator[str]:
    """Why a given password was not sent."""
    login = seen.login.value
    if login is None or any(each.secret_sent for each in seen.attempts):
        return
    if login.secret.kind == "empty":
        yield "no login was tried: the given password is empty"
    elif seen.tls.value is None or not seen.tls.value.version:
        yield "the password was not sent: the connection is not encrypted"
    elif not seen.tls.value.verified:
        yield "the password was not sent: the server's certificate could not be verified"
    else:
        yield "the password was not sent: no mechanism that uses it was accepted"


def note_refusals(seen: Evidence) -> Iterator[str]:
    """What the server refused, if no finding explains it."""
    for attempt in filter(lambda each: each.reply.code, seen.attempts):
        if not attempt.accepted or attempt.reply.is_transient or attempt.reply.is_permanent:
            yield quote_reply(attempt)
    for command, quotation in quote_envelope(seen):
        if not command.reply.is_success:
            yield quotation
    content = seen.content.value
    if content is not None and not content.is_success:
        yield f"the message was answered {content}"


def odd_success(seen: Evidence) -> Iterator[str]:
    """A reply that means success, but that no client accepts as such (RFC 4954 6)."""
    for each in seen.attempts:
        if each.reply.is_success and each.reply.code != _SIGNED_IN:
            yield (
                f"AUTH {each.mechanism} was answered {each.reply}; only 235 means that the login "
                "succeeded, and clients accept no other code"
            )


NOTES: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    no_secret_sent, who_cannot_sign_in, tls_of_the_library, auth_in_clear,
    unreachable_addresses, another_port, only_new_tls, expiry, no_alternative_name,
    strict_errors, odd_success, note_endings,
)  # fmt: skip


def note_probe(seen: Evidence) -> tuple[str, ...]:
    """Return all notes about the evidence."""
    return tuple(line for note in NOTES for line in note(seen))


def note_session(seen: Evidence) -> tuple[str, ...]:
    """Return the notes about a log or a recorded session."""
    conduct = seen.conduct.value
    if conduct is None:
        return (note_left_out(seen),) if seen.left_out else ()
    lines = []
    if conduct.is_opaque:
        lines.append("what was said under TLS was not seen: record with --tls starttls or implicit")
    if any(each.secret_sent and not each.tls for each in seen.attempts):
        lines.append("the client sent its password in clear")
    if conduct.authority and conduct.handshakes and not conduct.tls_end:
        lines.append("the client accepted the certificate that it was shown for the recording")
    if seen.content.value is not None and seen.content.value.is_success:
        lines.extend(f"{odd}: this server accepted it; others refuse it" for odd in _odd_form(seen))
    return tuple(lines)


def note_left_out(seen: Evidence) -> str:
    """Return how much of a long text was not read."""
    return (
        f"the text is long, and {seen.left_out:,} characters of it were not read: its beginning, "
        "its end and the lines around errors were"
    )


def _odd_form(seen: Evidence) -> Iterator[str]:
    """Yield what is wrong with the form of a message that was accepted nevertheless."""
    content = seen.conduct.value.content if seen.conduct.value else None
    if content is None or not content.complete:
        return
    if not content.has_from:
        yield "the message's header has no From (missing_from_header)"
    if content.longest_line > LONGEST_LINE:
        yield f"a line of the message has {content.longest_line} octets (line_too_long)"
    has_smtputf8 = any(
        "SMTPUTF8" in line.upper()
        for line in seen.client_lines
        if line.upper().startswith("MAIL FROM:")
    )
    if content.eight_bit_headers and not has_smtputf8:
        yield "the message's header is not pure ASCII (raw_utf8_headers)"
