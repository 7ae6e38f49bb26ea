"""MAIL and RCPT with the given addresses; DATA only with permission to send."""

from collections.abc import Iterator
from datetime import datetime

from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.mime.dates import format_date
from gatepost.model.evidence import CommandExchange, DialoguePhase


def try_envelope(
    talk: Talk, visit: Visit, now: datetime, *, authenticated: bool
) -> Iterator[tuple[DialoguePhase, str, object]]:
    """Yield the phase, the name of the fact and its value for each step."""
    checks, tls = visit.checks, talk.session.facts is not None
    redact = talk.session.transcript.redact
    reply = talk.ask(f"MAIL FROM:<{checks.mail_from}>", "mail")
    yield "mail", "mail", CommandExchange(redact(checks.mail_from), reply, tls, authenticated)
    if not reply.is_success:
        return
    exchanges: list[CommandExchange] = []
    for address in checks.rcpt_to:
        reply = talk.ask(f"RCPT TO:<{address}>", "rcpt")
        exchanges.append(CommandExchange(redact(address), reply, tls, authenticated))
        yield "rcpt", "rcpt", tuple(exchanges)
    if checks.send and any(each.reply.is_success for each in exchanges):
        reply = talk.ask("DATA", "data")
        if reply.code == 354:
            message = make_message(visit, now)
            talk.session.transcript.client(f"[{len(message)} octets of content]")
            reply = talk.clean(talk.run(talk.session.pour([message, b".\r\n"], "DATA")))
        yield "data", "content", reply
    elif talk.session.is_usable:
        talk.ask("RSET", "mail")


def make_message(visit: Visit, now: datetime) -> bytes:
    """Return the test message; ``now`` is UTC."""
    checks = visit.checks
    domain = checks.mail_from.rpartition("@")[2]
    lines = (
        f"From: <{checks.mail_from}>",
        f"To: {', '.join(f'<{address}>' for address in checks.rcpt_to)}",
        "Subject: gatepost doctor",
        f"Date: {format_date(now)}",
        f"Message-ID: <{now:%Y%m%d%H%M%S%f}.doctor@{domain}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"{visit.server} accepted this test message.",
        "",
    )
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")
