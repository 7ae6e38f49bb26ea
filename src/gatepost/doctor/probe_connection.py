"""One connection of the doctor: sends commands, returns replies without secrets."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Final, TypeVar

from gatepost.client.authentication import CANCEL, hide_secrets
from gatepost.client.drivers import SyncDriver
from gatepost.client.session import ClientSession, Peer
from gatepost.client.settings import Timeouts
from gatepost.client.steps import Conversation
from gatepost.doctor.probe_settings import Visit
from gatepost.doctor.repeated_secrets import hide, hide_in_name
from gatepost.errors import Disconnected, GatepostError, Phase
from gatepost.model.evidence import EhloExchange
from gatepost.model.reply import Reply
from gatepost.model.transcript import Line
from gatepost.net.dial import Endpoint, connect_to
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import Context, TlsFacts
from gatepost.wire.ehlo_reply import parse_capabilities

T = TypeVar("T")
NOTHING: Final = Reply(0)
"""Used if no reply was received."""
_COMMAND_WORDS: Final = 2
"""Number of words of ``AUTH MECHANISM``; a third one is its initial response."""
GOODBYE: Final = 0.2
"""Seconds for a server to close its side; what it does then proves nothing."""


class Talk:
    """A connected server. A refusal is a reply, not an error.

    Raises NetworkError and ProtocolError, as the session does.
    """

    def __init__(self, visit: Visit, stream: SyncStream, context: Context) -> None:
        address = ip_address(stream.peer_address.partition("%")[0])
        peer = Peer(visit.server, "", address.is_loopback)
        self.stream = stream
        self.session = ClientSession(peer)
        if visit.credentials is not None:
            hide_secrets(self.session, visit.credentials)
            hide_in_name(self.session.transcript, visit.credentials.username)
            for secret in filter(None, (visit.credentials.password, visit.credentials.token)):
                hide(self.session.transcript, secret.reveal())
        self._visit = visit
        self._context = context
        host, timeouts = visit.server.host, visit.patience.timeouts()
        self._driver = SyncDriver(stream, context, host, timeouts)

    @classmethod
    def open(cls, visit: Visit, endpoint: Endpoint, context: Context) -> "Talk":
        """Connect to this one address. Raises OSError."""
        return cls(visit, SyncStream(connect_to(endpoint, visit.patience.connect)), context)

    def run(self, conversation: Conversation[T]) -> T:
        """Run a conversation of the session."""
        return self._driver.run(self.session.guard(conversation))

    def greeting(self) -> Reply:
        """Wait for the greeting."""
        return self.clean(self.run(self.session.await_reply("greeting")))

    def reply_within(self, seconds: float) -> Reply:
        """Wait for a reply, or the greeting, for a moment; after TimedOut, waiting can continue.

        Nothing is lost by a TimedOut: what was received stays in the session's reader.
        """
        patient = self._driver
        self._driver = SyncDriver(self.stream, self._context, "", Timeouts(greeting=seconds))
        try:
            return self.clean(self._driver.run(self.session.await_reply("greeting")))
        except GatepostError as error:
            error.at("greeting", self.session.transcript)
            raise
        finally:
            self._driver = patient

    def ask(self, command: str, phase: Phase) -> Reply:
        """Send a command without secrets and return its reply."""
        return self.clean(self.run(self.session.ask(command, phase)))

    def say(self, *commands: str) -> None:
        """Send commands in one piece without waiting."""
        for command in commands:
            self.session.transcript.client(command)
        octets = "".join(f"{command}\r\n" for command in commands).encode()
        self.stream.send(octets, self._visit.patience.reply)

    def hello(self, name: str) -> EhloExchange:
        """Send EHLO; a refused one offers nothing."""
        reply = self.ask(f"EHLO {name}", "ehlo")
        if not reply.is_success:
            return EhloExchange(name, reply)
        self.session.capabilities = parse_capabilities(reply)
        return EhloExchange(name, reply, self.session.capabilities)

    def hello_or_end(self, name: str) -> EhloExchange:
        """The same, without a code if the server disconnects because it does not like the name."""
        try:
            return self.hello(name)
        except Disconnected:
            return EhloExchange(name, NOTHING)

    @property
    def responses_sent(self) -> int:
        """Number of SASL responses sent since the last AUTH, including an initial one."""
        own = [line.text for line in self.lines if line.speaker == "C"]
        at = max((n for n, text in enumerate(own) if text.startswith("AUTH ")), default=None)
        if at is None:
            return 0
        later = [text for text in own[at + 1 :] if text != CANCEL]
        return len(later) + (len(own[at].split(" ")) > _COMMAND_WORDS)

    def secure(self) -> TlsFacts:
        """Do the TLS handshake."""
        return self.run(self.session.secure())

    def reach_tls(self, name: str, *, implicit: bool) -> Reply | None:
        """Do the handshake at once, or after STARTTLS. Return a refusal of STARTTLS: then there is
        no handshake."""
        if not implicit:
            self.greeting()
            self.hello(name)
            reply = self.ask("STARTTLS", "starttls")
            if not reply.is_success:
                return reply
        self.secure()
        return None

    def explain(self, error: Exception) -> str:
        """Return what went wrong, without secrets, because it may quote the server."""
        return self.session.transcript.redact(str(error))

    def clean(self, reply: Reply) -> Reply:
        """Remove secrets from a reply, because servers may repeat them."""
        return replace(reply, text=self.session.transcript.redact(reply.text))

    @property
    def lines(self) -> tuple[Line, ...]:
        """The dialogue on this connection."""
        return self.session.transcript.lines

    def close(self, *, politely: bool = True) -> None:
        """Send QUIT if that is still possible, and close."""
        try:
            if politely and self.session.is_usable:
                self.run(self.session.quit())
        finally:
            if politely:
                self.stream.close(GOODBYE)
            else:
                self.stream.abort()
