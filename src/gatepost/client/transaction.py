"""One transaction: MAIL, RCPT and the content, in as few round trips as the server allows.

With PIPELINING (RFC 2920) the commands go out together, DATA among them, at
most 100 unanswered; with CHUNKING (RFC 3030) the content is counted instead of
dot-stuffed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gatepost.client.content import bdat_command, chunked, stuff
from gatepost.client.parameters import in_ascii, mail_command, rcpt_command
from gatepost.client.session import ClientSession
from gatepost.client.steps import Conversation
from gatepost.diagnosis.refusals import meaning_of
from gatepost.errors import (
    ContentRefused,
    LocalProtocolError,
    Phase,
    RecipientsRefused,
    Refused,
    SenderRefused,
)
from gatepost.model.body import Body
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply

MAX_UNANSWERED: Final = 100


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server took the message. ``refused`` are the recipients that it will not reach."""

    reply: Reply
    accepted: tuple[str, ...]
    refused: Mapping[str, Reply]


def deliver(session: ClientSession, envelope: Envelope, body: Body) -> Conversation[Delivered]:
    """Hand one message over.

    Raises LocalProtocolError or MissingExtension before anything is sent;
    SenderRefused, RecipientsRefused (when no recipient is left), ContentRefused.
    """
    session.phase = "mail"
    if not envelope.recipients:
        raise LocalProtocolError("the message has no recipient")
    offered = session.capabilities
    spelled = in_ascii(envelope, offered)
    commands: list[tuple[Phase, str]] = [("mail", mail_command(spelled, offered, body.size))]
    commands += [("rcpt", rcpt_command(one, offered)) for one in spelled.recipients]
    with_data = "CHUNKING" not in offered
    if with_data:
        commands.append(("data", "DATA"))
    yield from session.reset()
    replies = yield from _ask_in_batches(session, commands)
    mail, *rest = replies
    last = rest[-1] if rest else mail
    said = dict(zip((str(one.address) for one in envelope.recipients), rest, strict=False))
    accepted = tuple(address for address, reply in said.items() if reply.is_success)
    refused = {address: reply for address, reply in said.items() if not reply.is_success}
    waits_for_data = with_data and len(replies) == len(commands) and last.code == 354
    session.in_transaction = mail.is_success
    if not mail.is_success or not accepted:
        if waits_for_data:
            yield from session.pour([b".\r\n"], "DATA")  # RFC 2920 3.1: nothing to deliver
        raise _no_transaction(mail, refused, commands[0][1])
    if len(replies) < len(commands):
        raise _named(Refused(last, commands[len(replies) - 1][1]))
    if with_data and not waits_for_data:
        raise _named(ContentRefused(last, "DATA"))
    reply = yield from _send_content(session, body)
    return Delivered(reply, accepted, MappingProxyType(refused))


def _ask_in_batches(
    session: ClientSession, commands: list[tuple[Phase, str]]
) -> Conversation[list[Reply]]:
    """Ask in batches; stop when MAIL is refused, or nobody is left to send DATA for."""
    size = MAX_UNANSWERED if "PIPELINING" in session.capabilities else 1
    replies: list[Reply] = []
    for start in range(0, len(commands), size):
        batch = commands[start : start + size]
        if batch[0][0] == "data" and not any(reply.is_success for reply in replies[1:]):
            break
        replies += yield from session.ask_all(batch)
        if not replies[0].is_success or not session.usable:
            break
    return replies


def _no_transaction(mail: Reply, refused: dict[str, Reply], command: str) -> Refused:
    if not mail.is_success:
        return _named(SenderRefused(mail, command))
    return _named(RecipientsRefused(refused))


def _named(error: Refused) -> Refused:
    """Give the error the id of the finding that its reply stands for, if it says that much."""
    error.slug = meaning_of(error.reply, "mail")
    return error


def _send_content(session: ClientSession, body: Body) -> Conversation[Reply]:
    if "CHUNKING" in session.capabilities:
        session.transcript.client(bdat_command(body))
        windows, command = chunked(body), "BDAT"
    else:
        windows, command = stuff(body.chunks()), "DATA"
    session.transcript.client(f"[{body.size} octets of content]")
    reply = yield from session.pour(windows, command)
    session.in_transaction = not reply.is_success
    if not reply.is_success:
        raise _named(ContentRefused(reply, command))
    return reply
