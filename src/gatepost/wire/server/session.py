"""One server session as a state machine without I/O.

Feed octets to ``receive``, take events from ``next_event`` until it returns
None, give each pausing event its ``reply``, and write what ``send`` returns;
begin again when the session ``is_full``.
"""

import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from gatepost.model.address import Address
from gatepost.model.body import Traits
from gatepost.model.credentials import Principal
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.wire.base64 import challenge_reply, decode_base64
from gatepost.wire.command_lines import LineReader, LineTooLong, take_line
from gatepost.wire.content import ChunkReader, DataReader, Newlines
from gatepost.wire.server import events
from gatepost.wire.server.command_variants import commands_of
from gatepost.wire.server.commands import COMMANDS, Command, State, missing_condition
from gatepost.wire.server.ehlo_capabilities import Offer, make_offer
from gatepost.wire.server.replies import Replies, replies_with

_TLS_RECORD: Final = b"\x16\x03"
"""How a ClientHello begins (RFC 8446 5.1)."""

POSTMASTER: Final = Address("postmaster", "")
"""The only recipient without a domain, as it is written."""
MAX_REFUSALS: Final = 100
"""Maximum refusals that are kept until they are collected; the oldest are dropped."""

MAX_UNSENT: Final = 256
"""Maximum number of replies that wait for ``send``; then no further command is read. With
replies to EHLO these are some 64 KiB."""

_DROPPED: Final = Reply(421, "Closed without a reply", reason="the profile drops the connection")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOTIFICATIONS: Final = frozenset(
    {events.ContentPiece, events.ContentDropped, events.AuthAborted, events.Closing}
)
"""Events that do not pause the session."""
_INCOMPLETE: Final = cast("events.Event", object())
"""Returned instead of the event of a line whose end has not come yet."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionSettings:
    """The settings of a session that do not depend on the client; shared by all sessions of a
    listener, and not compared."""

    profile: Profile
    host: str
    """Our name in the greeting and EHLO."""
    mechanisms: frozenset[str] = frozenset()
    """The mechanisms that the directory can verify here."""
    can_tls: bool = True
    """Whether there is a certificate."""
    postmaster: Address | None = POSTMASTER
    """The address for ``postmaster`` without a domain (RFC 5321 4.5.1); None: it is refused."""
    messages: int = sys.maxsize
    """Maximum messages of a session, after which it gets 421."""
    open_domains: frozenset[str] | None = None
    """The domains, in lower case, that clients may send to without a login; None: all, if they need
    none."""


@lru_cache(maxsize=64)
def replies_of(setting: SessionSettings) -> Replies:
    """Return the reply table of a listener's profile."""
    return replies_with(setting.profile.replies)


@lru_cache(maxsize=64)
def command_table(setting: SessionSettings) -> Mapping[bytes, Command]:
    """Return the commands of a listener's profile."""
    return commands_of(setting.profile)


@lru_cache(maxsize=256)
def offer_of(
    setting: SessionSettings, encrypted: bool, can_tls: bool, certified: bool = False
) -> Offer:
    """Return what a session offers. ``certified``: the client has a verified certificate."""
    mechanisms = setting.mechanisms if certified else setting.mechanisms - {"EXTERNAL"}
    return make_offer(setting.profile, mechanisms, encrypted=encrypted, can_tls=can_tls)


class Session:
    """The server's half of one connection."""

    # fmt: off
    __slots__ = (
        "_auth_open", "_buffer", "_checksum", "_closing", "_command_line", "_commands",
        "_content_limit", "_envelope", "_errors", "_is_seven_bit", "_line", "_newlines",
        "_notice", "_out", "_over", "_pending", "_pieces", "_reader", "_received", "_refusal",
        "_table", "can_tls", "encrypted", "hello", "is_full", "message_limit",
        "offer", "peer_name", "presented", "profile", "protocol", "recipients", "refusals",
        "replies", "setting", "signed_in_as", "state",
    )
    # fmt: on

    serial: int = 0
    """Distinguishes sessions for greylisting: see ``command_variants``."""

    def __init__(self, setting: SessionSettings, peer: str, *, encrypted: bool = False) -> None:
        self.setting = setting
        self.profile: Final = setting.profile
        self.replies: Final = replies_of(setting)
        self.encrypted = encrypted
        self.can_tls = setting.can_tls and not encrypted
        self.message_limit = setting.profile.limits.message_size
        self._table = command_table(setting)
        self._command_line = setting.profile.limits.command_line
        self._content_limit = min(
            self.message_limit, setting.profile.strict.effective_size or self.message_limit
        )
        self.hello = setting.profile.hello.format(host=setting.host, peer=peer)
        self._buffer = bytearray()
        self._line = LineReader()
        self._out: list[bytes] = []
        self.is_full = False
        """Commands are waiting only because ``send`` was not called."""
        self._errors = 0
        self._commands = 0
        self._closing: events.Closing | None = None
        self._over = False
        self._notice: events.Event | None = None
        """A notification, which comes before all other events."""
        self._pieces = False
        self.refusals: tuple[Reply, ...] = ()
        """The protocol's 4yz and 5yz replies to commands; whoever logs them empties it."""
        self._start_over()
        self._say(Reply(220, setting.profile.greeting.format(host=setting.host, peer=peer)))

    def _start_over(self) -> None:
        """Forget everything that the client said: at the start, and after STARTTLS (RFC 3207
        4.2)."""
        self.state = State.START
        self.peer_name = ""
        self.protocol = ""
        self.signed_in_as: Principal | None = None
        self._auth_open = False
        self._pending: events.Event | None = None
        self.presented: tuple[str, ...] = ()
        """The names in the client's certificate."""
        self.offer = offer_of(self.setting, self.encrypted, self.can_tls)
        self._end_transaction()

    def _end_transaction(self) -> None:
        if self._pieces:
            self._notice = events.ContentDropped(self._refusal)
            self._pieces = False
        self._envelope: Envelope | None = None
        self.recipients: list[Recipient] = []
        self._forget_content()
        if self.state is not State.START:
            self.state = State.READY

    def _forget_content(self) -> None:
        self._reader: DataReader | ChunkReader | None = None
        """Reads content; None while commands are read."""
        self._newlines: Newlines | None = None
        self._refusal: Reply | None = None
        self._received = 0
        self._checksum = 0
        self._is_seven_bit = True

    # What the application calls.

    def receive(self, octets: bytes) -> None:
        """Take octets received from the peer."""
        if not self._over:
            self._buffer += octets

    def next_event(self) -> events.Event | None:
        """Return the next event for the application; None if more octets are needed."""
        while self._pending is None:
            if self._notice is not None:
                notice, self._notice = self._notice, None
                return notice
            if self._closing is not None:
                return self._take_closing()
            if (reader := self._reader) is not None:
                chunk = reader.read(self._buffer)
                if chunk is None:
                    return None
                event = self._take_content(reader, chunk)
            elif not self._buffer:
                return None
            elif len(self._out) >= MAX_UNSENT:
                self.is_full = True
                return None
            elif (event := self._take_line()) is _INCOMPLETE:
                return None
            if event is None:
                continue
            if type(event) not in _NOTIFICATIONS:
                self._pending = event
            return event
        return None

    def reply(self, reply: Reply) -> None:
        """Give the pending event its reply: a 2yz makes it happen, a 421 ends the session.

        Octets that came after STARTTLS turn its 220 into a refusal and end the session:
        ``encrypted`` stays false, and there is no handshake.
        """
        event, self._pending = self._pending, None
        if event is None:
            raise RuntimeError("no event is waiting for a reply")
        self._auth_open = False
        if self._buffer and reply.code == 220:
            self.close(self.replies.BYTES_BEFORE_TLS)
            return
        self._say(reply)
        if isinstance(event, events.Message):
            self._pieces = False
            self._end_transaction()
        elif not reply.is_success:
            pass  # it does not happen
        elif isinstance(event, events.Sender):
            self._envelope = event.envelope
            self.state = State.SENDER
        elif isinstance(event, events.Rcpt):
            self.recipients.append(event.recipient)
            self.state = State.RECIPIENTS
        elif isinstance(event, events.StartTls):
            self.encrypted, self.can_tls = True, False
            self._start_over()
        if reply.code == 421 and self._closing is None:
            self._closing = events.Closing(reply)

    def present(self, names: tuple[str, ...]) -> None:
        """Take the names in a verified client certificate; EXTERNAL is offered from then on."""
        if names:
            self.presented = names
            self.offer = offer_of(self.setting, self.encrypted, self.can_tls, certified=True)

    def challenge(self, data: bytes) -> None:
        """Send a SASL challenge; the response comes as an event."""
        self._pending = None
        self._auth_open = True
        self._say(challenge_reply(data))

    def accept_login(self, principal: Principal) -> None:
        """End a SASL exchange successfully."""
        self.signed_in_as = principal
        self.reply(self.replies.SIGNED_IN)

    def refuse_content(self, reply: Reply) -> None:
        """Refuse the message that is arriving: its rest is discarded, and the reply sent at its
        end."""
        self._refusal = self._refusal or reply

    def end(self, reply: Reply) -> None:
        """Send a last reply (421) and end the session in any state."""
        if self._closing is None:
            self._pending = None
            self.close(reply)

    def send(self) -> bytes:
        """Return the octets to send, and remove them from the session."""
        if not self._out:
            return b""
        octets = b"".join(self._out)  # copies nothing if it is one
        self._out.clear()
        self.is_full = False
        return octets

    def withhold(self) -> None:
        """Discard what ``send`` would return."""
        self._out.clear()

    @property
    def buffered(self) -> int:
        """Number of octets received, but not processed yet."""
        return len(self._buffer)

    @property
    def is_waiting(self) -> bool:
        """Whether an event waits for its reply."""
        return self._pending is not None

    @property
    def wants_utf8(self) -> bool:
        """Whether there is a transaction with SMTPUTF8 (RFC 6531 3.4)."""
        return self._envelope is not None and self._envelope.smtputf8

    # What the command handlers call.

    def greet(self, name: str, *, extended: bool) -> None:
        """Note a valid EHLO or HELO; it ends a transaction, like RSET."""
        self.peer_name = name
        self.protocol = "ESMTP" if extended else "SMTP"
        self.state = State.READY
        self._end_transaction()

    def reset(self) -> None:
        """End the transaction; the login remains (RFC 5321 4.1.1.5)."""
        self._end_transaction()

    def begin_data(self) -> None:
        """Read content until CRLF.CRLF."""
        self._reader = DataReader(self._newlines)

    def read_through(self, newlines: Newlines) -> None:
        """Pass the content that follows through ``newlines``, unless some of it has been read."""
        self._newlines = self._newlines or newlines

    def begin_chunk(self, size: int, *, last: bool, well_formed: bool) -> None:
        """Read ``size`` octets of content, which are discarded if they cannot be accepted."""
        if "CHUNKING" not in self.offer.keywords:
            self.refuse_content(self.replies.NOT_IMPLEMENTED)
        elif not well_formed:
            self.refuse_content(self.replies.BAD_ARGUMENTS)
        elif not self.recipients:
            self.refuse_content(self.replies.BAD_SEQUENCE)
        self._newlines = self._newlines or Newlines()
        self._reader = ChunkReader(self._newlines, size, last=last)

    def close(self, reply: Reply) -> None:
        """Send ``reply`` and end; no further command is read."""
        self._closing = events.Closing(reply)
        self._out.append(reply.encode())

    def drop(self) -> None:
        """End without a reply."""
        self._closing = events.Closing(_DROPPED)

    @property
    def sender(self) -> str:
        """The sender of the transaction; empty for the null sender, and without a transaction."""
        sender = self._envelope.sender if self._envelope is not None else None
        return sender.key if sender is not None else ""

    # Private methods.

    def _say(self, reply: Reply) -> None:
        self._out.append(reply.encode())
        if reply.code >= 500:
            self._errors += 1
            if self._errors >= self.profile.limits.errors and self._closing is None:
                self.close(self.replies.TOO_MANY_ERRORS)

    def _take_closing(self) -> events.Event | None:
        self._buffer.clear()
        if self._over:
            return None
        self._over = True
        return self._closing

    def _take_line(self) -> events.Event | None:
        """Run the first line in the buffer, and return its event; _INCOMPLETE if more is needed."""
        buffer, reader = self._buffer, self._line
        if buffer[0] == _TLS_RECORD[0] and self._is_handshake():
            self.close(self.replies.NOT_SMTP.because("a TLS handshake came in clear"))
            return None
        end = buffer.find(b"\n", 0, self._command_line)
        if end >= 0 and not (self._auth_open or reader.dropping):
            return self._command(take_line(buffer, end))
        try:
            line = reader.read(buffer, self._line_limit())
        except LineTooLong:
            return self._line_too_long()
        if line is None:
            return _INCOMPLETE
        return self._respond(line) if self._auth_open else self._command(line)

    def _is_handshake(self) -> bool:
        return (
            not self.encrypted and self._buffer.startswith(_TLS_RECORD) and not self._line.dropping
        )

    def _line_limit(self) -> int:
        """Maximum octets of the next line."""
        limits = self.profile.limits
        if self._auth_open:
            return limits.auth_line
        verb = bytes(self._buffer[:4]).upper()
        if verb == b"AUTH":
            return limits.auth_line
        command = COMMANDS.get(verb)
        return limits.command_line + (command.room if command else 0)

    def _line_too_long(self) -> events.Event | None:
        """Reply to a line that was too long; during AUTH this ends the exchange (RFC 4954 4)."""
        if not self._auth_open:
            self._say_to_command(self.replies.LINE_TOO_LONG)
            return None
        return self._abort_auth(self.replies.AUTH_LINE_TOO_LONG)

    def _command(self, line: bytes) -> events.Event | None:
        """Run one command line: send its reply, or return an event."""
        self._commands += 1
        if self._commands > self.profile.limits.commands:
            self.close(self.replies.TOO_MANY_COMMANDS)
            return None
        if _CONTROL.search(line):
            malformed = self.replies.MALFORMED_LINE.because("control characters in a command")
            self._say_to_command(malformed)
            return None
        verb, _, argument = line.partition(b" ")
        command = self._table.get(verb.upper())
        if command is None:
            # The line may be a secret that was sent at the wrong time.
            self._say_to_command(self.replies.UNKNOWN_COMMAND.because("a verb that is none"))
            return None
        result = missing_condition(self, command) or command.handle(self, argument.strip())
        if not isinstance(result, Reply):
            return result
        if result.code < 400:
            self._say(result)
        else:
            self._say_to_command(
                result if result.reason else result.because(f"in answer to {command.name}")
            )
        return None

    def _say_to_command(self, reply: Reply) -> None:
        self._say(reply)
        if reply.code >= 400:
            self.refusals = (*self.refusals[-MAX_REFUSALS:], reply)

    def _respond(self, line: bytes) -> events.Event:
        """Process the client's line after a 334 (RFC 4954 4)."""
        if line == b"*":
            reply = self.replies.AUTH_CANCELLED
        else:
            try:
                return events.AuthResponse(decode_base64(line.strip()))
            except ValueError:
                reply = self.replies.BAD_BASE64
        return self._abort_auth(reply)

    def _abort_auth(self, reply: Reply) -> events.Event:
        self._auth_open = False
        self._say(reply)
        return events.AuthAborted(reply)

    def _take_content(self, reader: DataReader | ChunkReader, chunk: bytes) -> events.Event | None:
        """Pass on a piece of content, unless the message was refused."""
        self._received += len(chunk)
        self._inspect(reader.newlines)
        if self._refusal is None:
            self._checksum = zlib.crc32(chunk, self._checksum)
            self._is_seven_bit = self._is_seven_bit and chunk.isascii()
        if reader.is_complete:
            if isinstance(reader, DataReader):
                return self._end_content(chunk, is_undotted=reader.is_undotted)
            if reader.last:
                return self._end_content(chunk)
            self._end_chunk()
        if self._refusal is not None or not self.recipients or not chunk:
            return None
        self._pieces = True
        return events.ContentPiece(chunk)

    def _inspect(self, newlines: Newlines) -> None:
        """Refuse a message that is too large, or contains what is not permitted."""
        if self._received > self._content_limit:
            self.refuse_content(self.replies.MESSAGE_TOO_BIG)
        elif newlines.met_nul:
            self.refuse_content(self.replies.NUL_IN_MESSAGE)
        elif newlines.met_bare and self.profile.bare_newline == "refuse":
            self.refuse_content(self.replies.BARE_NEWLINE)

    def _end_chunk(self) -> None:
        """Reply to a complete BDAT that is not the last; a refused one remains refused (RFC 3030
        2)."""
        self._reader = None
        self._say(self._refusal or self.replies.CHUNK_OK)
        if self.recipients:
            self.state = State.CHUNKS
        else:
            self._forget_content()  # nothing of a chunk outside of a transaction may be kept

    def _end_content(self, chunk: bytes, *, is_undotted: bool = False) -> events.Event:
        """End the content: refuse the message, or return it as an event."""
        refusal, envelope = self._refusal, self._envelope
        if refusal is None and envelope is not None:
            self._reader = None
            traits = Traits(self._checksum, self._is_seven_bit, is_undotted)
            return events.Message(envelope.addressed_to(tuple(self.recipients)), chunk, traits)
        refusal = refusal or self.replies.BAD_SEQUENCE
        self._say(refusal)
        self._pieces = False
        self._end_transaction()
        return events.ContentDropped(refusal)
