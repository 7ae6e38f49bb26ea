"""Chooses the check that would decide if nothing was proven, for any evidence."""

from collections.abc import Callable
from typing import Final, NamedTuple

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.relevance import is_about_mail
from gatepost.model.evidence import Evidence
from gatepost.model.reply import Reply


class Probe(NamedTuple):
    """A check, and the evidence for which it decides most."""

    is_for: Callable[[Evidence], bool]
    text: str


def choose_probe(seen: Evidence) -> str:
    """Return the check that would tell most about evidence without a proven cause; never empty."""
    return next(probe.text for probe in _PROBES if probe.is_for(seen))


def _is_about_something_else(seen: Evidence) -> bool:
    return seen.source == "log" and not is_about_mail(Reading(seen))


def _is_refused_everywhere(seen: Evidence) -> bool:
    connects = seen.connects.value
    return bool(connects) and all(each.outcome == "refused" for each in connects or ())


def _has_no_ehlo(seen: Evidence) -> bool:
    return seen.in_clear.value is None and seen.over_tls.value is None


def _has_ehlo_ended_connection(seen: Evidence) -> bool:
    hello = seen.over_tls.value or seen.other_name.value or seen.in_clear.value
    return hello is not None and not hello.reply.code


def _is_ehlo_refused(seen: Evidence) -> bool:
    hello = seen.over_tls.value or seen.other_name.value or seen.in_clear.value
    return hello is not None and not hello.reply.is_success


def _is_deferred(seen: Evidence) -> bool:
    return any(reply.is_transient for reply in _refusals(seen))


def _is_server_unverified(seen: Evidence) -> bool:
    tls = seen.tls.value
    return _is_secret_unsent(seen) and tls is not None and bool(tls.version) and not tls.verified


def _is_tls_missing(seen: Evidence) -> bool:
    tls = seen.tls.value
    return _is_secret_unsent(seen) and (tls is None or not tls.version)


def _is_secret_unsent(seen: Evidence) -> bool:
    return seen.login.state == "seen" and not any(each.secret_sent for each in seen.attempts)


def _was_secret_judged(seen: Evidence) -> bool:
    return not seen.is_signed_in and any(each.secret_sent for each in seen.attempts)


def _is_mechanism_refused(seen: Evidence) -> bool:
    return any(not each.accepted for each in seen.attempts)


def _is_opaque(seen: Evidence) -> bool:
    return seen.conduct.value is not None and seen.conduct.value.is_opaque


def _is_sender_refused(seen: Evidence) -> bool:
    return seen.mail.value is not None and not seen.mail.value.reply.is_success


def _is_recipient_refused(seen: Evidence) -> bool:
    return any(not each.reply.is_success for each in seen.rcpt.value or ())


def _is_message_refused(seen: Evidence) -> bool:
    return seen.content.value is not None and not seen.content.value.is_success


def _refusals(seen: Evidence) -> list[Reply]:
    """Return the refusals of the server, from AUTH on."""
    replies = [each.reply for each in seen.attempts]
    replies += [each.reply for each in seen.envelope]
    if seen.content.value is not None:
        replies.append(seen.content.value)
    return [reply for reply in replies if not reply.is_success]


# fmt: off
_PROBES: Final[tuple[Probe, ...]] = (
    Probe(lambda seen: seen.source == "token",
     "this token cannot be read; sign in with it: gatepost doctor HOST:PORT "
     "--username NAME --token-file FILE"),
    Probe(_is_about_something_else,
     "nothing in it is about mail: paste what the program says when it sends, or its SMTP session "
     "(switch its debug output on)"),
    Probe(lambda seen: seen.source == "log" and not seen.attempts and seen.position == "resolve",
     "gatepost doctor HOST:PORT --as LIBRARY, or the whole session: switch the client's debug "
     "output on and paste all of it"),
    Probe(_is_opaque,
     "record it once more with --tls starttls or --tls implicit, to see what is said under TLS"),
    Probe(lambda seen: seen.source == "record" and not _refusals(seen),
     "what the client itself logs of this session: gatepost doctor --log FILE"),
    Probe(_is_refused_everywhere,
     "check that the server runs and listens on this port; if it does, run the same from another "
     "network: if it fails there, too, a firewall at the server is the cause"),
    Probe(_has_no_ehlo,
     "run the same from another network: if it fails there, too, the server is the cause; if not, "
     "a firewall or proxy in between"),
    Probe(_has_ehlo_ended_connection,
     "check the server's log at this time, and run the same from another network: if it works "
     "there, your address is blocked"),
    Probe(_is_ehlo_refused,
     "greet by a name that resolves to your address: gatepost talk HOST:PORT, then EHLO NAME; "
     "if it is accepted, the name was the cause; if it is refused, your address"),
    Probe(_is_server_unverified,
     "name the authority that signed the server's certificate with --ca-file: then the password "
     "is sent and checked"),
    Probe(_is_tls_missing,
     "try the port for implicit TLS (HOST:465 --tls implicit): the password is sent only under "
     "TLS"),
    Probe(_is_deferred,
     "repeat it in five minutes: if it works then, the cause was load or greylisting; if not, a "
     "rule"),
    Probe(_was_secret_judged,
     "sign in with the same name and password elsewhere (IMAP, the provider's web page)"),
    Probe(_is_secret_unsent,
     "sign in with credentials of the kind that the offered mechanisms use"),
    Probe(_is_mechanism_refused,
     "sign in with --username, --password-file and --try-all: whether a mechanism works shows only "
     "with a secret"),
    Probe(_is_sender_refused,
     "repeat it with --from the account's own address: if it is accepted, the sender was the "
     "cause; if it is refused, the account"),
    Probe(_is_recipient_refused,
     "repeat it with --to an address of the server's own domain: if it is accepted, the server "
     "does not relay for you; if it is refused, the cause is the sender or the account"),
    Probe(_is_message_refused,
     "repeat it with --send and --to an address of your own at another provider: if it is "
     "accepted, the recipient was the cause; if it is refused, the sender or the content"),
    Probe(lambda _seen: True,
     "run the same from another network with --save, and compare the two transcripts"),
)
# fmt: on
