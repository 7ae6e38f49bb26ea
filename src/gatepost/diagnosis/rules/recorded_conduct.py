"""Faults of the client that only a recorded session shows, octet by octet."""

from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.reply_quotes import LONGEST_LINE, quote_reply
from gatepost.model.evidence import Conduct, ContentFormat, EhloExchange, Evidence
from gatepost.model.finding import Confidence, Finding
from gatepost.model.reply import Reply

_OLD_TLS: Final = ("SSLv3", "TLSv1", "TLSv1.1")
_DISTRUST: Final = frozenset({"unknown_ca", "sealed alert", "silent", "closed"})
"""Ends of TLS that mean that the certificate's issuer is not trusted, or that suggest it."""
_OF_CERTIFICATE: Final = frozenset(
    {"bad_certificate", "certificate_unknown", "unsupported_certificate", "certificate_expired",
     "certificate_revoked", "unknown_ca"}
)  # fmt: skip


def client_speaks_http(seen: Evidence) -> Finding | None:
    """The client sent an HTTP request."""
    conduct = seen.conduct.value
    if conduct is None or conduct.speaks != "http":
        return None
    request = next(iter(seen.client_lines), "")
    return conclude("client_speaks_http", "certain", f"the client begins with {request}")


def pipelining_not_offered(seen: Evidence) -> Finding | None:
    """The client sent commands before the previous reply, or before the greeting."""
    conduct = seen.conduct.value
    if conduct is None or not (conduct.ahead or conduct.before_greeting):
        return None
    if conduct.speaks not in ("smtp", "nothing") or conduct.stray_base64:
        return None
    proof = []
    if conduct.before_greeting:
        proof.append("the client spoke before the greeting")
    if len(conduct.ahead) > conduct.before_greeting:
        proof.append(f"sent before the reply to the command before: {', '.join(conduct.ahead)}")
    if conduct.ahead:
        proof.append("the server offers no PIPELINING")
    sure: Confidence = "certain" if _has_refusals(seen) or _is_unfinished(seen) else "likely"
    return conclude("pipelining_not_offered", sure, *proof)


def client_reply_desync(seen: Evidence) -> Finding | None:
    """The client assigns replies to the wrong commands."""
    conduct = seen.conduct.value
    if conduct is None or conduct.speaks in ("http", "tls"):
        return None
    if conduct.interrupted:
        times = "once" if conduct.interrupted == 1 else f"{conduct.interrupted} times"
        return conclude(
            "client_reply_desync", "certain",
            f"the client spoke {times} while a reply of several lines was not complete",
        )  # fmt: skip
    if conduct.too_eager:
        return conclude(
            "client_reply_desync", "certain",
            f"sent without waiting for a reply: {', '.join(conduct.too_eager)}",
            "that command must be the last of a group, with PIPELINING too (RFC 2920 3.1)",
        )  # fmt: skip
    if conduct.unasked and not conduct.ahead:
        return conclude(
            "client_reply_desync", "likely",
            f"the server sent {conduct.unasked} more replies than it got commands",
        )  # fmt: skip
    return None


def bare_lf(seen: Evidence) -> Finding | None:
    """Lines end with LF alone (RFC 5321 2.3.8)."""
    conduct, content = seen.conduct.value, _content(seen)
    if conduct is None or conduct.speaks in ("http", "tls", "other"):
        return None
    proof = []
    if conduct.bare_lf:
        proof.append(f"commands that end with LF alone: {conduct.bare_lf}")
    if content is not None and content.bare_lf:
        proof.append(f"line ends of the message that are not CRLF: {content.bare_lf}")
    if not proof:
        return None
    refusal = seen.content.value
    if refusal is not None and refusal.is_success:
        proof.append(
            "this server accepted it; others refuse it, because it allows message smuggling"
        )
        return conclude("bare_lf", "likely", *proof)
    if content is not None and not content.complete:
        proof.append("so the end of the message, CRLF.CRLF, never came")
    if refusal is not None:
        proof.append(f"the message was answered {refusal}")
    decided = refusal is not None or (content is not None and not content.complete)
    return conclude("bare_lf", "certain" if decided or _is_unfinished(seen) else "likely", *proof)


def message_form(seen: Evidence) -> Finding | None:
    """The message was refused, and its form shows why."""
    content, reply = _content(seen), seen.content.value
    if content is None or reply is None or reply.code < 400 or not seen.conduct.value:
        return None
    answered = f"the message was answered {reply}"
    size = _size(seen)
    if size and content.octets > size:
        return conclude("too_large", "certain", f"EHLO says SIZE {size}",
                        f"the message has {content.octets} octets", answered)  # fmt: skip
    if content.bare_lf:
        return None
    if content.longest_line > LONGEST_LINE:
        return conclude("line_too_long", _sure(reply, "line", "long"),
                        f"the longest line has {content.longest_line} octets",
                        answered)  # fmt: skip
    if content.eight_bit_headers:
        return conclude("raw_utf8_headers", _sure(reply, "header", "utf", "ascii", "8", "char"),
                        f"{content.eight_bit_headers} lines of the header are not ASCII",
                        answered)  # fmt: skip
    if not content.has_from:
        return conclude("missing_from_header", _sure(reply, "from", "header"),
                        "the header has no From", answered)  # fmt: skip
    return None


def _sure(reply: Reply, *words: str) -> Confidence:
    text = reply.text.lower()
    return "certain" if any(word in text for word in words) else "likely"


def client_distrusts(seen: Evidence) -> Finding | None:
    """The client ended TLS after it had seen the certificate."""
    conduct = seen.conduct.value
    if conduct is None or not conduct.tls_end or _has_old_tls(conduct):
        return None
    end = conduct.tls_end
    if end not in _DISTRUST and end not in _OF_CERTIFICATE:
        return None
    sure: Confidence = "certain" if end in _OF_CERTIFICATE else "likely"
    proof = [_END.get(end, f"the client ended TLS with the alert {end}")]
    fix = ""
    if conduct.authority:
        proof.append(f"it was shown a certificate of the authority in {conduct.authority}")
        fix = (
            f"Have the client trust {conduct.authority} while it is recorded, and connect by a "
            "name that the certificate is for (localhost). If it fails with the server's own "
            "certificate: give it the authority's certificate, or the server one of a public "
            "authority."
        )
    return conclude("cert_untrusted", sure, *proof, fix=fix)


_END: Final = {
    "sealed alert": "the client ended the handshake with an encrypted alert (TLS 1.3)",
    "silent": "the client finished the handshake and disconnected without sending anything",
    "closed": "the client closed the connection within the handshake",
}


def another_name(seen: Evidence) -> Finding | None:
    """The client sent an alert that some libraries use for a name mismatch."""
    conduct = seen.conduct.value
    if conduct is None or conduct.tls_end not in ("bad_certificate", "certificate_unknown"):
        return None
    sni = f"; it asked for {conduct.tls_name}" if conduct.tls_name else ""
    return conclude("cert_hostname_mismatch", "possible",
                    f"the client ended TLS with the alert {conduct.tls_end}{sni}")  # fmt: skip


def client_ca_store_missing(seen: Evidence) -> Finding | None:
    """The client may trust no authority at all."""
    conduct = seen.conduct.value
    if conduct is None or conduct.tls_end not in ("unknown_ca", "sealed alert", "silent"):
        return None
    if conduct.authority:
        return None  # it cannot know ours
    return conclude("client_ca_store_missing", "possible", "the client trusts no such certificate")


def client_tls_disabled(seen: Evidence) -> Finding | None:
    """The ClientHello offers only TLS versions that are obsolete (RFC 8996)."""
    conduct = seen.conduct.value
    if conduct is None or not _has_old_tls(conduct) or conduct.handshakes:
        return None
    proof = f"the newest version in the client's ClientHello is {conduct.tls_version}"
    ended = f"the handshake ended: {conduct.tls_end or seen.failure or 'without success'}"
    return conclude("client_tls_disabled", "certain", proof, ended)


def base64_goes_on(seen: Evidence) -> Finding | None:
    """The client continued an AUTH response after its first line had been refused."""
    conduct = seen.conduct.value
    if conduct is None or not conduct.stray_base64:
        return None
    proof = "after the refused AUTH, the client sent another line of base64, as if to continue it"
    return conclude("base64_line_wrapped", "certain", proof)


def malformed_answer(seen: Evidence) -> Finding | None:
    """A response does not have the format of its mechanism."""
    for attempt in seen.attempts:
        if attempt.reply.code == 235:
            continue
        if any(each.form == "malformed" for each in attempt.responses):
            wants = {"PLAIN": "name and password between NULs (RFC 4616)",
                     "XOAUTH2": "user= and auth=Bearer, each ended by ^A"}  # fmt: skip
            return conclude(
                "client_sasl_bug", "certain",
                f"the answer to AUTH {attempt.mechanism} is not "
                f"{wants.get(attempt.mechanism, 'what it asks for')}",
                quote_reply(attempt),
            )  # fmt: skip
    return None


def mail_before_auth(seen: Evidence) -> Finding | None:
    """MAIL was refused because the login came only after it."""
    conduct, mail = seen.conduct.value, seen.mail.value
    if conduct is None or mail is None:
        return None
    verbs = [line.split(" ")[0].upper() for line in seen.client_lines]
    if "MAIL" not in verbs or "AUTH" not in verbs[verbs.index("MAIL") :]:
        return None
    if "AUTH" in verbs[: verbs.index("MAIL")]:
        return None
    first = next((reply for reply in _after(seen, "MAIL") if reply[:1] in "45"), "")
    if not first:
        return None
    return conclude("auth_not_performed", "certain", "MAIL FROM comes before AUTH",
                    f"it was answered {first}")  # fmt: skip


def _after(seen: Evidence, verb: str) -> list[str]:
    """Return the replies after the first command with this name."""
    lines = list(seen.transcript)
    at = next(
        (n for n, line in enumerate(lines)
         if line.speaker == "C" and line.text.upper().startswith(verb)), len(lines)
    )  # fmt: skip
    return [line.text for line in lines[at:] if line.speaker == "S"][:1]


def null_sender(seen: Evidence) -> Finding | None:
    """MAIL FROM is empty, which is for notifications (RFC 5321 4.5.5), and was refused."""
    mail = seen.mail.value
    if mail is None or mail.argument or not seen.conduct.value:
        return None
    replies = [*(each.reply for each in seen.envelope), seen.content.value]
    refusal = next((reply for reply in replies if reply is not None and reply.code >= 400), None)
    if refusal is None:
        return None
    return conclude("envelope_sender_missing", "certain", "MAIL FROM is empty",
                    f"the server answered {refusal}")  # fmt: skip


def client_left_after_greeting(seen: Evidence) -> Finding | None:
    """The client disconnected after the greeting."""
    conduct, greeting = seen.conduct.value, seen.greeting.value
    if conduct is None or greeting is None or greeting.reply is None or conduct.ended_by == "stop":
        return None
    verbs = {line.split(" ")[0].upper() for line in seen.client_lines}
    if conduct.speaks not in ("nothing", "smtp") or verbs - {"QUIT"} or conduct.tls_end:
        return None
    if greeting.reply.code != 220 or conduct.ended_by != "client":
        return None
    left = "says QUIT" if "QUIT" in verbs else "closes the connection"
    proof = f"the greeting is {greeting.reply}", f"the client {left}, without EHLO"
    return conclude("client_left_after_greeting", "certain", *proof)


def left_without_auth(seen: Evidence) -> tuple[Finding, ...]:
    """The client disconnected after EHLO without AUTH: find the libraries that do so for this
    offer."""
    conduct = seen.conduct.value
    if conduct is None or seen.attempts or seen.mail.value or conduct.ended_by == "stop":
        return ()
    hello = seen.over_tls.value or seen.other_name.value or seen.in_clear.value
    if hello is None or not hello.reply.is_success or conduct.tls_end or conduct.is_opaque:
        return ()
    if (
        seen.strays
        or conduct.ended_by == "server"
        or seen.failure.startswith(("nothing", "the session"))
    ):
        return ()
    left = "the client disconnected after EHLO, without AUTH and without MAIL"
    if seen.over_tls.value is None and not hello.capabilities.mechanisms:
        if not seen.offers_starttls:
            return (conclude("auth_not_advertised", "likely", left, "EHLO lists no AUTH"),)
        proof = "EHLO in clear offers STARTTLS and no AUTH; the client did not take it"
        return (conclude("starttls_required", "likely", left, proof),)
    return _gave_up(seen, hello, left)


def _gave_up(seen: Evidence, hello: EhloExchange, left: str) -> tuple[Finding, ...]:
    offered = hello.capabilities.mechanisms
    if not offered:
        return (conclude("auth_not_advertised", "likely", left, "EHLO lists no AUTH"),)
    listed = f"EHLO lists AUTH {' '.join(offered)}"
    library = LIBRARIES.get(seen.client.library)
    lacks = library is not None and not library.first_choice(offered)
    # A client without a common mechanism sends QUIT; nodemailer without a password disconnects.
    unusual = library is None and "PLAIN" not in offered and _has_quit(seen)
    sure: Confidence = "likely" if lacks or unusual else "possible"
    findings = [conclude("mechanism_not_offered", sure, left, listed)]
    if seen.over_tls.value is None:
        secure = "STARTTLS was offered and not taken" if seen.offers_starttls else "without TLS"
        findings.append(
            conclude("auth_before_tls_refused_by_client", "likely", left, listed, secure)
        )
    if not lacks:
        findings.append(conclude("credentials_missing", "likely", left, listed))
    is_go = seen.client.library == "go-net-smtp"
    if is_go or (library is None and hello.name == "localhost"):  # sent by Go's net/smtp
        host = conclude("client_host_mismatch", "likely" if is_go else "possible", left, listed)
        findings.append(host)
    return tuple(findings)


def _has_quit(seen: Evidence) -> bool:
    return any(line.upper() == "QUIT" for line in seen.client_lines)


def _content(seen: Evidence) -> ContentFormat | None:
    return seen.conduct.value.content if seen.conduct.value else None


def _size(seen: Evidence) -> int:
    hello = seen.last_ehlo
    return (hello.capabilities.size or 0) if hello else 0


def _has_old_tls(conduct: Conduct) -> bool:
    return conduct.tls_version in _OLD_TLS


def _has_refusals(seen: Evidence) -> bool:
    replies = [each.reply for each in seen.attempts] + [each.reply for each in seen.strays]
    replies += [each.reply for each in seen.envelope]
    replies += [each for each in (seen.content.value, seen.starttls.value) if each]
    hellos = (seen.in_clear.value, seen.over_tls.value)
    replies += [hello.reply for hello in hellos if hello]
    greeting = seen.greeting.value
    replies += [greeting.reply] if greeting and greeting.reply else []
    return any(reply.code >= 400 for reply in replies)


def _is_unfinished(seen: Evidence) -> bool:
    """Tell whether the server or a time limit ended the session."""
    conduct = seen.conduct.value
    return bool(seen.failure) and conduct is not None and conduct.ended_by in ("time", "server")


RULES: Final = (
    client_speaks_http, pipelining_not_offered, client_reply_desync, bare_lf, message_form,
    client_distrusts, another_name, client_ca_store_missing, client_tls_disabled, base64_goes_on,
    malformed_answer, mail_before_auth, null_sender, client_left_after_greeting,
)  # fmt: skip
