"""One connection to a server, as a conversation: greeting, EHLO, STARTTLS, QUIT.

AUTH is in ``authentication``, the transaction in ``transaction``.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatepost.client.steps import BeginTls, Conversation, Read, T, Write, WriteFrom
from gatepost.errors import (
    Disconnected,
    GatepostError,
    LocalProtocolError,
    NetworkError,
    Phase,
    ProtocolError,
    Refused,
    RemoteProtocolError,
    TlsError,
    TlsUnavailable,
)
from gatepost.model.capabilities import Capabilities
from gatepost.model.reply import Reply
from gatepost.model.transcript import REDACTED, Transcript
from gatepost.net.dial import Server
from gatepost.net.tls import TlsFacts
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.wire.ehlo_reply import parse_capabilities
from gatepost.wire.reply_reader import ReplyReader

_KEYWORDS: Final = frozenset({
    "8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DSN", "PIPELINING", "SIZE", "SMTPUTF8",
    "STARTTLS", *MECHANISMS,
})  # fmt: skip
"""Words that are shown, whatever they contain."""
_WORD: Final = re.compile(r"[^\s=]+")


def without_secrets(reply: Reply, redact: Callable[[str], str]) -> Reply:
    """Return a reply whose words all may be shown in errors, and which offers the same as before.

    A password may be a known word, so known words of a line with a secret are kept.
    """
    is_across = redact(reply.text) == REDACTED
    lines = [
        line if not is_across and redact(line) == line else _WORD.sub(_unless_keyword, line)
        for line in reply.lines
    ]
    return replace(reply, text="\n".join(lines))


def _unless_keyword(word: re.Match[str]) -> str:
    return word[0] if word[0].upper() in _KEYWORDS else REDACTED


CLOSING: Final = 421
CHALLENGE: Final = 334
_OF_MAIL: Final = frozenset({"mail", "rcpt", "data", "content"})
_OUT_OF_PLACE: Final = frozenset({220, 221, 235, 334, 354})
"""Codes that do not reply to these commands, except 354 to DATA (RFC 5321 4.3.2, RFC 4954 4)."""
_GOODBYE: Final = 221
_BREAK: Final = re.compile("[\r\n\0]")


@dataclass(frozen=True, slots=True)
class TimedReply:
    """One reply for a listener: the command, and the time (seconds of ``time.monotonic``)."""

    phase: Phase
    command: str
    """Without secrets; empty for the greeting."""
    reply: Reply
    asked_at: float
    answered: float


@dataclass(frozen=True, slots=True)
class Peer:
    """The server, and our name in EHLO."""

    server: Server
    local_name: str
    loopback: bool = False
    """True if the server is on this machine."""


class CommandBatch:
    """Commands that are sent together, each with its phase."""

    __slots__ = ("commands", "octets", "text")

    def __init__(self, commands: Sequence[tuple[Phase, str]]) -> None:
        """Raises LocalProtocolError for a command that is not one line."""
        self.commands = commands
        self.text = text = "\r\n".join([command for _, command in commands])
        breaks = text.count("\r") + text.count("\n") + text.count("\0")
        if breaks > 2 * len(commands) - 2:
            bad = next(command for _, command in commands if _BREAK.search(command))
            raise LocalProtocolError(f"CR, LF or NUL in a command: {bad[:20]!r}...")
        self.octets = f"{text}\r\n".encode("utf-8", "surrogateescape")


class ClientSession:
    """The state of one connection; most methods return a conversation (see ``steps``)."""

    def __init__(self, peer: Peer, listen_in: Callable[[TimedReply], None] | None = None) -> None:
        self.peer = peer
        self.transcript = Transcript()
        self.reader = ReplyReader(self.transcript.redact)
        self.capabilities = Capabilities()
        self.facts: TlsFacts | None = None
        """Set after the TLS handshake."""
        self.phase: Phase = "greeting"
        self.mechanism = ""
        """The mechanism of the successful login."""
        self.refused_mechanisms: list[str] = []
        """Mechanisms that the server refused without having checked a secret."""
        self.left_mechanisms = False
        """True if others could be tried then."""
        self.has_shown_secret = False
        """True if the server has the secret, or a proof of it, and may have checked it."""
        self.is_usable = True
        """False if no further commands can be sent: after a 421, a lost connection, a partly sent
        message."""
        self.in_transaction = False
        self.has_served = False
        """True if a MAIL was accepted on this connection."""
        self._opening: Transcript | None = None
        self.listen_in = listen_in
        """Called with every reply, if not None."""
        self.explain: Callable[[GatepostError], None] | None = None
        """Called with every error, if not None."""
        self._lost: Disconnected | None = None
        self.is_poured = False
        """True while a complete content waits for its reply."""

    def guard(self, conversation: Conversation[T]) -> Conversation[T]:
        """Run ``conversation``; an error leaves it with phase and transcript.

        A server that has sent too many replies is not used again, because its further replies
        would be taken for replies to the wrong commands.
        """
        try:
            return (yield from conversation)
        except GatepostError as error:
            if isinstance(error, NetworkError | RemoteProtocolError):
                self.is_usable = False
            error.at(self.phase, self.transcript)
            if self.explain is not None:
                self.explain(error)
            raise
        except GeneratorExit:
            self.is_usable = False
            raise
        finally:
            if self.reader.has_unread:
                self.is_usable = False

    # Commands and replies.

    def ask(self, command: str, phase: Phase) -> Conversation[Reply]:
        """Send one command and return the reply."""
        replies: list[Reply] = []
        yield from self.ask_all(CommandBatch([(phase, command)]), replies)
        return replies[0]

    def ask_all(self, batch: CommandBatch, replies: list[Reply]) -> Conversation[None]:
        """Send commands together and append their replies; after a 421 none are awaited."""
        self.phase = batch.commands[0][0]
        if self.reader.has_unread:
            replies.append(self._take_unexpected_421())
            return
        self.transcript.client(batch.text)
        yield from self._write(Write(batch.octets, self.phase))
        asked_at = time.monotonic()
        for phase, command in batch.commands:
            self.phase = phase
            if (reply := self.reader.next_reply()) is None:  # most came with the one before
                reply = yield from self._read_reply(Read(phase))
            replies.append(self._note_reply(reply, command, asked_at))
            if not self.is_usable:
                break

    def check_step(self) -> None:
        """Raise RemoteProtocolError if there is a reply after those to all commands, because each
        of them may then belong to another command. A 421 or 221 may come at any time, and after a
        421 not all replies were read."""
        code = self.reader.next_code
        is_reply = code.isdecimal() and len(code) == 3
        if self.is_usable and is_reply and int(code) not in (CLOSING, _GOODBYE):
            raise RemoteProtocolError("more replies than commands: they may be out of step")

    def _take_unexpected_421(self) -> Reply:
        """Return a 421 that came before the command, as its reply.

        Raises RemoteProtocolError for any other reply, because all would be one command late.
        """
        reply = self.reader.next_reply()
        if reply is None or reply.code != CLOSING:
            redacted = self.transcript.redact(str(reply or ""))
            raise RemoteProtocolError("the server sent an unexpected reply", redacted)
        return self._note_reply(reply, "", time.monotonic())

    def await_reply(self, phase: Phase, command: str = "") -> Conversation[Reply]:
        """Return the next reply."""
        self.phase, asked_at = phase, time.monotonic()
        if (reply := self.reader.next_reply()) is None:
            reply = yield from self._read_reply(Read(phase))
        return self._note_reply(reply, command, asked_at)

    def _note_reply(self, reply: Reply, command: str, asked_at: float) -> Reply:
        received, redacted = self.reader.text, reply
        if self.transcript.server(received) != received or "\n" in received:  # maybe a secret
            text = self.transcript.redact(reply.text)
            redacted = reply if text == reply.text else replace(reply, text=text)
        if self.listen_in is not None:
            command = self.transcript.redact(command)
            self.listen_in(TimedReply(self.phase, command, redacted, asked_at, time.monotonic()))
        if reply.code == CLOSING:
            self.is_usable = False
        elif reply.code in _OUT_OF_PLACE and self.phase in _OF_MAIL:
            self._check_code(reply)
        if redacted is not reply and self.phase == "ehlo" and reply.is_success:
            return without_secrets(reply, self.transcript.redact)
        return reply if reply.code == CHALLENGE and self.phase == "auth" else redacted

    def _check_code(self, reply: Reply) -> None:
        """Refuse a reply that cannot be to the command (RFC 5321 4.2.1): replies may be out of
        step, and a refused message would then count as delivered."""
        if reply.code == _GOODBYE:
            self.is_usable = False
            raise Disconnected("the server closed the session (221) instead of answering")
        if self.phase != "data" or not reply.is_intermediate:
            redacted = self.transcript.redact(str(reply))
            raise RemoteProtocolError(f"an unexpected reply: {redacted[:80]}", redacted)

    def _read_reply(self, read: Read) -> Conversation[Reply]:
        while True:
            try:
                self.reader.feed((yield read))
            except NetworkError:
                if self._lost is not None:
                    raise self._lost from None
                raise
            if (reply := self.reader.next_reply()) is not None:
                return reply

    def pour(
        self, windows: Iterable[bytes], command: str, *, in_thread: bool = False
    ) -> Conversation[Reply]:
        """Send the content in ``windows``, and return the reply, even one that comes too early.

        ``in_thread``: making a window takes time.
        """
        self.phase = "content"
        is_early = bool(
            self.reader.has_unread
        )  # a reply before any content: it is not sent any more
        if not is_early:
            try:
                step = WriteFrom(windows, in_thread=in_thread)
                early = yield from self._write(step)
            except GatepostError:  # it may not read the content any further
                self.is_usable = False  # further commands would be taken for content
                raise
            if early:
                self.reader.feed(early)
                is_early = True
        if is_early:
            self.is_usable = False
        self.is_poured = True
        reply = yield from self.await_reply("content", command)
        self.is_poured = False
        if is_early and reply.is_success:
            raise RemoteProtocolError(
                "the message was accepted before all of it was sent", str(reply)
            )
        return reply

    def _write(self, step: Write | WriteFrom) -> Conversation[bytes]:
        """Perform ``step``; if the connection is lost, replies that came before are still read."""
        try:
            octets: bytes = yield step
        except Disconnected as error:
            self._lost, self.is_usable = error, False
            return b""
        return octets

    def begin(self) -> None:
        """Start the transcript of the next message: that of the login, without earlier messages."""
        self._opening = self._opening or self.transcript
        self.transcript = self._opening.copy()
        self.reader.redact = self.transcript.redact

    # The phases.

    def greet(self) -> Conversation[Reply]:
        """Wait for the greeting. Raises Refused when it is not 220."""
        reply = yield from self.await_reply("greeting")
        if reply.code != 220:
            raise Refused(reply)
        return reply

    def hello(self) -> Conversation[Capabilities]:
        """Send EHLO, or HELO if the server does not know EHLO (RFC 5321 3.2). Raises Refused."""
        command = f"EHLO {self.peer.local_name}"
        reply = answer = yield from self.ask(command, "ehlo")
        if reply.is_permanent and self.is_usable:
            answer = yield from self.ask(f"HELO {self.peer.local_name}", "ehlo")
        if not answer.is_success:
            raise Refused(reply, command)
        self.capabilities = parse_capabilities(answer)
        return self.capabilities

    def secure(self) -> Conversation[TlsFacts]:
        """Start implicit TLS (RFC 8314 3)."""
        self.phase = "tls"
        facts: TlsFacts = yield BeginTls()
        self.facts = facts
        self.transcript.tls = True
        return facts

    def start_tls(self) -> Conversation[Capabilities]:
        """Send STARTTLS and EHLO; discard everything received in clear (RFC 3207 4.2).

        Raises TlsUnavailable, Refused, RemoteProtocolError or TlsError.
        """
        self.phase = "starttls"
        if "STARTTLS" not in self.capabilities:
            offers = ", ".join(self.capabilities.keywords) or "nothing"
            raise TlsUnavailable(f"the server does not offer STARTTLS; it offers {offers}")
        reply = yield from self.ask("STARTTLS", "starttls")
        if not reply.is_success:
            raise Refused(reply, "STARTTLS")
        if self.reader.has_unread:
            raise RemoteProtocolError("octets in clear behind the reply to STARTTLS")
        try:
            yield from self.secure()
        except TlsError as error:  # the server does not expect implicit TLS
            error.slug = "" if error.slug == "implicit_tls_on_starttls_port" else error.slug
            raise
        self.capabilities = Capabilities()
        return (yield from self.hello())

    def open(self, *, implicit: bool, start_tls: bool) -> Conversation[Capabilities]:
        """Perform all steps from a new connection until AUTH or MAIL may be sent."""
        if implicit:
            yield from self.secure()
        yield from self.greet()
        yield from self.hello()
        if start_tls and not implicit:
            yield from self.start_tls()
        return self.capabilities

    def check(self) -> Conversation[None]:
        """Ask whether the server is still there. Raises NetworkError, RemoteProtocolError, Refused.

        The timeout is that of QUIT.
        """
        reply = yield from self.ask("NOOP", "quit")
        if not reply.is_success:
            self.is_usable = False
            raise Refused(reply, "NOOP")

    def reset(self) -> Conversation[None]:
        """End an incomplete transaction with RSET (RFC 5321 4.1.1.5)."""
        if self.in_transaction and self.is_usable:
            reply = yield from self.ask("RSET", "mail")
            if not reply.is_success:  # it may be in the transaction before, with its recipients
                self.is_usable = False
                raise Disconnected(f"the server does not reset the transaction: {reply}")
        self.in_transaction = False

    def quit(self) -> Conversation[None]:
        """Send QUIT; errors are ignored."""
        if not self.is_usable:
            return
        try:
            yield from self.ask("QUIT", "quit")
        except (NetworkError, ProtocolError):
            pass
        finally:
            self.is_usable = False
