"""Plays a dialogue's server against our client, and compares what it sends with the client lines.

The dialogue itself determines what the client does: the EHLO line has its name, the TLS mark its
kind of connection, MAIL, RCPT and the content its message.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.client.authentication import authenticate, channel_of
from gatepost.client.session import ClientSession, Peer
from gatepost.client.steps import BeginTls, Conversation, Read, StepResult, Write, WriteFrom, drive
from gatepost.client.steps import Step as ClientStep
from gatepost.client.transaction import deliver
from gatepost.errors import Disconnected, GatepostError
from gatepost.model.body import BytesBody
from gatepost.model.credentials import Credentials
from gatepost.model.envelope import Envelope
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.tls import TlsFacts
from gatepost.testing.dialogue import Dialogue, NoLine, Say, Step, Values
from gatepost.testing.dialogue_server import Mismatch, perform_server
from gatepost.wire.content import DataReader
from gatepost.wire.server.parameters import OF_MAIL, OF_RCPT, parse_mail, parse_rcpt

FACTS: Final = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", (), verified=True)
"""What the client learns about a TLS handshake that did not happen."""

_TOKEN_MECHANISMS: Final = ("XOAUTH2", "OAUTHBEARER")
_EXTENSIONS: Final = frozenset(
    parameter.extension for table in (OF_MAIL, OF_RCPT) for parameter in table.values()
)


@dataclass(frozen=True, slots=True)
class ClientPerformance:
    """How a dialogue ended for our client."""

    session: ClientSession
    error: GatepostError | None


def perform(dialogue: Dialogue, values: Values | None = None) -> None:
    """Play ``dialogue`` in each of its roles: no sockets, no waiting.

    As ``server`` the client's lines are fed to our session and its replies are checked; as
    ``client`` the server's lines are fed to our client's conversation and what it sends is
    checked. Raises Mismatch, an AssertionError, at the first difference.
    """
    if "server" in dialogue.roles:
        perform_server(dialogue, values)
    if "client" in dialogue.roles:
        perform_client(dialogue, values)


def perform_client(dialogue: Dialogue, values: Values | None = None) -> ClientPerformance:
    """Play the server's lines against our client's conversation.

    Raises Mismatch (an AssertionError) if the client sends something else than the dialogue says,
    or ends with another error.
    """
    values = values or Values()
    script = _Script(dialogue, values)
    session = ClientSession(Peer(Server(values.host, 587), script.local_name))
    error: GatepostError | None = None
    try:
        drive(session.guard(_talk(session, dialogue, values)), script.perform)
    except GatepostError as raised:
        error = raised
    got, expected = type(error).__name__ if error else "", dialogue.raises
    if got != expected:
        raise script.mismatch(expected or "no error", f"{got}: {error}") from error
    script.finish()
    return ClientPerformance(session, error)


def _talk(session: ClientSession, dialogue: Dialogue, values: Values) -> Conversation[None]:
    says = [step for step in dialogue.steps if isinstance(step, Say) and step.speaker == "C"]
    implicit = isinstance(dialogue.steps[0], NoLine)
    uses_tls = dialogue.tls == "starttls" or any(
        isinstance(step, NoLine) and step.what == "TLS" for step in dialogue.steps
    )
    yield from session.open(implicit=implicit, start_tls=uses_tls)
    if any(say.text.upper().startswith("AUTH") for say in says) or dialogue.auth:
        credentials = make_credentials(dialogue.auth, values)
        yield from authenticate(session, credentials, channel_of(session), only=dialogue.auth)
    for envelope, body in transactions(says, values):
        yield from deliver(session, envelope, body)
    if says and says[-1].text == "QUIT":
        yield from session.quit()


def make_credentials(mechanism: str, values: Values) -> Credentials:
    """Return the credentials in ``values`` for a client that uses ``mechanism``."""
    if mechanism in _TOKEN_MECHANISMS:
        return Credentials(values.username, token=Secret(values.of("token")))
    return Credentials(values.username, Secret(values.password))


def transactions(says: list[Say], values: Values) -> Iterator[tuple[Envelope, BytesBody]]:
    """Return the messages in the client's lines."""
    lines = [text for say in says for text in say.texts(values)]
    envelope: Envelope | None = None
    content: bytearray | None = None
    for line in lines:
        verb = line[:5].upper()
        if content is not None and envelope is not None:
            content += f"{line}\r\n".encode()
            if line == ".":
                yield envelope, BytesBody(DataReader().read(content) or b"")
                envelope = content = None
        elif verb == "MAIL ":
            if envelope is not None:
                yield envelope, BytesBody(b"")  # refused before its content
            envelope = parse_mail(line[10:], _EXTENSIONS)
        elif verb == "RCPT " and envelope is not None:
            recipient = parse_rcpt(line[8:], _EXTENSIONS)
            envelope = envelope.addressed_to((*envelope.recipients, recipient))
        elif verb == "DATA":
            content = bytearray()
    if envelope is not None:
        yield envelope, BytesBody(b"")


class _Script:
    """The dialogue's steps, which the client's actions take one by one."""

    def __init__(self, dialogue: Dialogue, values: Values) -> None:
        self.name = dialogue.name
        self._values = values
        self._steps: list[Step] = list(dialogue.steps)
        self._written = b""
        hello = next((step for step in self._steps if _is_hello(step)), None)
        self.local_name = hello.text.partition(" ")[2] if isinstance(hello, Say) else "localhost"

    def perform(self, step: ClientStep) -> StepResult:
        """Take a step of the client's. Raises Disconnected if the dialogue ends."""
        match step:
            case Write(octets):
                self._written += octets
            case WriteFrom(windows):
                self._written += b"".join(windows)
            case Read():
                return self._read()
            case BeginTls():
                self._start_tls()
                return FACTS
        return b""

    def finish(self) -> None:
        """Check that the dialogue is at its end. Raises Mismatch."""
        self._check_written()
        if self._steps and not (
            isinstance(self._steps[0], NoLine) and self._steps[0].what == "CLOSED"
        ):
            raise self.mismatch("more steps", "the client is done")

    def _read(self) -> bytes:
        self._check_written()
        reply = b""
        while self._steps and isinstance(step := self._steps[0], Say) and step.speaker == "S":
            reply += step.octets(self._values)
            del self._steps[0]
        if not reply:
            raise Disconnected("the dialogue ends here")
        return reply

    def _start_tls(self) -> None:
        self._check_written()
        if not self._steps or not isinstance(self._steps[0], NoLine):
            raise self.mismatch("no handshake", "a TLS handshake")
        del self._steps[0]

    def _check_written(self) -> None:
        """Compare what the client wrote with the client's lines at this place."""
        expected = b""
        while self._steps and isinstance(step := self._steps[0], Say) and step.speaker == "C":
            expected += step.octets(self._values)
            if expected != self._written[: len(expected)]:
                raise self.mismatch(repr(expected), repr(self._written))
            del self._steps[0]
        if expected != self._written:
            raise self.mismatch(repr(expected), repr(self._written))
        self._written = b""

    def mismatch(self, expected: str, got: str) -> Mismatch:
        """Return the error that names the place."""
        number = self._steps[0].number if self._steps else 0
        where = f"line {number}" if number else "end"
        return Mismatch(f"{self.name}, {where}: expected {expected} of the client, got {got}")


def _is_hello(step: Step) -> bool:
    return isinstance(step, Say) and step.speaker == "C" and step.text[:5].upper() == "EHLO "
