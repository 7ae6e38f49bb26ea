"""One transaction: MAIL, RCPT and the content, in as few round trips as the server permits.

With PIPELINING (RFC 2920) the commands are sent together, including DATA, at most 100 without a
reply; with CHUNKING (RFC 3030) the content is sent with its size instead of being dot-stuffed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final

from gatepost.client.mail_commands import in_ascii, mail_command, rcpt_command
from gatepost.client.session import ClientSession, CommandBatch
from gatepost.client.steps import Conversation
from gatepost.errors import (
    ContentRefused,
    Disconnected,
    LocalProtocolError,
    MissingExtension,
    Phase,
    RecipientsRefused,
    Refused,
    RemoteProtocolError,
    SenderRefused,
)
from gatepost.model.body import Body, is_made_on_the_way, traits_of
from gatepost.model.capabilities import Capabilities
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply


def stuff(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content with each leading dot doubled, and the end of data.

    The content has CRLF line ends; the last line gets one if it has none.
    """
    tail = b"\r\n"  # the last two octets before: a dot may start the next chunk
    for chunk in chunks:
        if b"\r\n." in chunk or b"\r\n." in tail + chunk[:2]:
            yield (tail + chunk).replace(b"\r\n.", b"\r\n..")[2:]
        else:
            yield chunk
        tail = (tail + chunk[-2:])[-2:]
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def stuffed(body: Body) -> Iterator[bytes]:
    """Yield a body as ``stuff`` does; a body without leading dots is not searched."""
    traits = traits_of(body)
    if traits is None or not traits.is_undotted:
        return stuff(body.chunks())
    return chain(body.chunks(), (b".\r\n",))


def bdat_command(body: Body) -> str:
    """Return the command that announces all of ``body`` as the last chunk."""
    return f"BDAT {body.size} LAST"


def chunked(body: Body) -> Iterator[bytes]:
    """Yield the command and the content, whose size the command contains."""
    yield f"{bdat_command(body)}\r\n".encode()
    yield from body.chunks()


MAX_PENDING: Final = 100
GO_AHEAD: Final = 354
_SIGN_IN_FIRST: Final = 530
"""For connections with TLS: in clear, these may mean that TLS is required first (RFC 4954 6, RFC
3207 4)."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server accepted the message. ``refused`` are the recipients that it refused."""

    reply: Reply
    accepted: tuple[str, ...]
    refused: Mapping[str, Reply]


@dataclass(slots=True)
class Course:
    """The state of a transaction. Every reply updates it, so it is right after an error, too."""

    replies: list[Reply] = field(default_factory=list)
    """The replies to MAIL and to each RCPT, in the order of the recipients."""
    last: Reply | None = None
    """The reply that decided for the accepted recipients: to DATA, to the content, or an earlier
    421."""
    has_content: bool = False
    """The server has received some or all of the content."""

    @property
    def mail(self) -> Reply | None:
        """The reply to MAIL."""
        return self.replies[0] if self.replies else None

    @property
    def recipients(self) -> list[Reply]:
        """The replies to RCPT; fewer than recipients if it ended early."""
        return self.replies[1:]

    @property
    def accepted(self) -> int:
        """The number of accepted recipients."""
        return [reply.is_success for reply in self.recipients].count(True)


def deliver(session: ClientSession, envelope: Envelope, body: Body) -> Conversation[Delivered]:
    """Send one message.

    Raises LocalProtocolError or MissingExtension before anything is sent; SenderRefused,
    RecipientsRefused (if no recipient is left), ContentRefused.
    """
    course = Course()
    batches = opening(envelope, body, session.capabilities)
    yield from transact(session, batches, body, course)
    by_address = dict(
        zip((str(one.address) for one in envelope.recipients), course.recipients, strict=False)
    )
    accepted = tuple(address for address, reply in by_address.items() if reply.is_success)
    refused = {address: reply for address, reply in by_address.items() if not reply.is_success}
    mail, last = course.mail, course.last
    assert mail is not None  # noqa: S101 - it was answered, or an error was raised
    commands = [command for batch in batches for _, command in batch.commands]
    if not mail.is_success:
        raise _with_finding(SenderRefused(mail, commands[0]).at("mail"), session)
    if not accepted:
        raise _with_finding(RecipientsRefused(refused).at("rcpt"), session)
    assert last is not None  # noqa: S101 - as above
    if not last.is_success:
        if session.phase in ("mail", "rcpt"):
            raise _with_finding(Refused(last, commands[len(course.replies) - 1]), session)
        data = commands[-1] if commands[-1] == "DATA" else "BDAT"
        raise _with_finding(ContentRefused(last, data), session)
    return Delivered(last, accepted, MappingProxyType(refused))


def opening(envelope: Envelope, body: Body, offered: Capabilities) -> tuple[CommandBatch, ...]:
    """Return the commands before the content, in the batches in which they are sent.

    Raises LocalProtocolError or MissingExtension.
    """
    most = MAX_PENDING if "PIPELINING" in offered else 1
    try:
        commands = _commands(envelope, body, offered)
        starts = range(0, len(commands), most)
        return tuple([CommandBatch(commands[start : start + most]) for start in starts])
    except (LocalProtocolError, MissingExtension) as error:
        error.at("mail")
        raise


def _commands(envelope: Envelope, body: Body, offered: Capabilities) -> list[tuple[Phase, str]]:
    if not envelope.recipients:
        raise LocalProtocolError("the message has no recipient")
    spelled = in_ascii(envelope, offered)
    commands: list[tuple[Phase, str]] = [("mail", mail_command(spelled, offered, body.size))]
    commands += [("rcpt", rcpt_command(one, offered)) for one in spelled.recipients]
    if "CHUNKING" not in offered:
        commands.append(("data", "DATA"))
    return commands


def transact(
    session: ClientSession, batches: Sequence[CommandBatch], body: Body, course: Course
) -> Conversation[None]:
    """Perform one transaction with the commands in ``batches``; refusals are replies in ``course``.

    Raises NetworkError and RemoteProtocolError.
    """
    if not session.is_usable:
        raise Disconnected("the server sent an unexpected reply: nothing more is sent")
    session.phase = "mail"
    yield from session.reset()
    replies = course.replies
    for batch in batches:
        if replies and not (replies[0].is_success and session.is_usable):
            break
        if batch.commands[0][0] == "data" and not course.accepted:
            break  # there are no recipients left
        yield from session.ask_all(batch, replies)
    is_begun = replies[0].is_success
    is_complete = len(replies) == sum([len(batch.commands) for batch in batches])
    data = replies.pop() if is_complete and batches[-1].commands[-1][0] == "data" else None
    session.in_transaction = is_begun
    refusal = None if data is None or data.code == GO_AHEAD else _refusal(data)
    if data is None or refusal is not None:
        session.check_step()
    if not (is_begun and course.accepted):
        if data is not None and data.code == GO_AHEAD:
            yield from session.pour([b".\r\n"], "DATA")  # RFC 2920 3.1: nothing to deliver
    elif not is_complete or (data is None and not session.is_usable):
        course.last = _refusal(replies[-1])  # a 421: nothing more was sent
    elif refusal is not None:
        course.last = refusal
    else:
        course.has_content = True
        course.last = yield from _send_content(session, body, is_counted=data is None)


def _refusal(reply: Reply) -> Reply:
    """Return the reply that decided before the content was sent, which is never an acceptance.

    Raises RemoteProtocolError for any other reply (RFC 5321 4.3.2), because mail would be lost.
    """
    if reply.is_transient or reply.is_permanent:
        return reply
    raise RemoteProtocolError("an unexpected reply", str(reply))


def _with_finding(error: Refused, session: ClientSession) -> Refused:
    """Add the id of the finding, if a login is missing."""
    if error.reply.code == _SIGN_IN_FIRST and session.facts and not session.mechanism:
        error.slug = "auth_not_performed"
    return error


def _send_content(session: ClientSession, body: Body, *, is_counted: bool) -> Conversation[Reply]:
    if is_counted:
        session.transcript.client(bdat_command(body))
        windows, command = chunked(body), "BDAT"
    else:
        windows, command = stuffed(body), "DATA"
    session.transcript.client(f"[{body.size} octets of content]")
    reply = yield from session.pour(windows, command, in_thread=is_made_on_the_way(body))
    session.in_transaction = not reply.is_success
    return reply
