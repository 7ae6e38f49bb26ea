"""A connection for several messages, blocking or for asyncio."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

from gatepost.client.authentication import authenticate, channel_of
from gatepost.client.drivers import AsyncDriver, SyncDriver
from gatepost.client.message import AnyMessage, PreparedMessage, prepare
from gatepost.client.session import ClientSession, Peer
from gatepost.client.settings import Options, Timeouts, Tls, Token
from gatepost.client.steps import Conversation, T
from gatepost.client.transaction import Delivered, deliver
from gatepost.errors import ConfigError, Disconnected, GatepostError, TimedOut
from gatepost.model.credentials import Credentials
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.transcript import Transcript
from gatepost.net.dial import Server, host_name, parse_server
from gatepost.net.sync_stream import CLOSE_TIMEOUT, SyncStream
from gatepost.net.tls import Context, client_context
from gatepost.sasl.mechanisms import MECHANISMS

if TYPE_CHECKING:
    from gatepost.net.async_stream import AsyncStream
    from gatepost.net.system_resolver import Find

Password = str | Secret | Token | Credentials
"""A password, a token, or credentials of another kind (with their own user name)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server has accepted the message. ``reply`` is its last reply, which often contains a
    queue id."""

    reply: Reply
    accepted: tuple[str, ...]
    message_id: str
    server: str
    refused: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}))
    """Recipients that the server refused, with its replies."""
    tls: str = ""
    """The version, such as ``TLSv1.3``; empty in clear."""
    mechanism: str = ""
    """The mechanism of the login; empty without one."""
    transcript: Transcript = field(default_factory=Transcript, repr=False, compare=False)


class ConnectionPlan(Protocol):
    """Where to connect to, and the steps until MAIL."""

    @property
    def server(self) -> Server:
        """The name of the server, for its certificate."""

    @property
    def endpoint(self) -> Server:
        """The address to connect to: the same, or one of its IP addresses."""

    @property
    def context(self) -> Context:
        """The TLS context."""

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of the phases."""

    def meet(self, local_address: str, peer_address: str) -> ClientSession:
        """Return the session of an open connection."""

    def sign_in(self, session: ClientSession) -> Conversation[None]:
        """Perform all steps from a new connection until MAIL."""


@dataclass(frozen=True, slots=True)
class SubmissionPlan:
    """Where to connect to, with which credentials and settings."""

    server: Server
    credentials: Credentials | None
    tls: Tls
    options: Options
    context: Context
    explain: Callable[[GatepostError], None] | None = None
    """Sets the findings of errors, for those who show them to users."""

    @property
    def endpoint(self) -> Server:
        return self.server

    @property
    def timeouts(self) -> Timeouts:
        return self.options.timeouts

    def meet(self, local_address: str, peer_address: str) -> ClientSession:
        session = meet(self.server, self.options.local_name, local_address, peer_address)
        session.explain = self.explain
        return session

    def sign_in(self, session: ClientSession) -> Conversation[None]:
        implicit = self.tls.is_implicit(self.server.port)
        yield from session.open(implicit=implicit, start_tls=self.tls.mode != "none")
        if self.credentials is not None:
            channel = channel_of(session, reveal_anyway=self.tls.reveal_anyway)
            only = self.options.mechanism
            yield from authenticate(session, self.credentials, channel, only=only)


def meet(server: Server, local_name: str, local_address: str, peer_address: str) -> ClientSession:
    """Return the session of a connection between these addresses; the name is sent in EHLO."""
    loopback = ip_address(peer_address.partition("%")[0]).is_loopback
    return ClientSession(Peer(server, local_name or _local_name(local_address), loopback))


def make_login(
    server: str, username: str | None, password: Password | None, tls: Tls, options: Options
) -> SubmissionPlan:
    """Check the user's arguments. Raises ConfigError, or TlsError for a bad CA file."""
    context = client_context(
        ca_file=tls.ca_file,
        verify=tls.verify,
        minimum=tls.minimum,
        certificate=tls.certificate,
        key=tls.key,
    )
    if (
        tls.certificate
        and password is None
        and (username or options.mechanism.upper() == "EXTERNAL")
    ):
        password = Credentials(certificate=True, authzid=username or "")
    credentials = make_credentials(username, password)
    if options.mechanism:
        _check_mechanism(options.mechanism, credentials)
    return SubmissionPlan(parse_server(server), credentials, tls, options, context)


def _check_mechanism(name: str, credentials: Credentials | None) -> None:
    """Raise ConfigError for a mechanism that cannot be used."""
    if name.upper() not in MECHANISMS:
        from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

        near = get_close_matches(name.upper(), MECHANISMS, 1)
        raise ConfigError(f"unknown mechanism {name}", did_you_mean=near[0] if near else "")
    if credentials is None:
        raise ConfigError(f"no credential for {name}")


def make_credentials(username: str | None, password: Password | None) -> Credentials | None:
    """Return the credentials of these arguments; None without any. Raises ConfigError."""
    if isinstance(password, Credentials):
        return password
    if password is None:
        if username:
            raise ConfigError("a user name without a password or token")
        return None
    if not username:
        raise ConfigError("a password or token without a user name")
    if isinstance(password, Token):
        return Credentials(username, token=password.secret)
    return Credentials(username, Secret(password) if isinstance(password, str) else password)


def _local_name(local_address: str) -> str:
    """Return this host's full name, or an address literal (RFC 5321 4.1.3)."""
    name = host_name()
    if "." in name and name.isascii():
        return name
    address = local_address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _receipt(session: ClientSession, letter: PreparedMessage, delivered: Delivered) -> Receipt:
    return Receipt(
        delivered.reply,
        delivered.accepted,
        letter.message_id,
        str(session.peer.server),
        delivered.refused,
        session.facts.version if session.facts else "",
        session.mechanism,
        session.transcript,
    )


def time_limit(timeout: float | None) -> float:
    """Return the time (``time.monotonic``) in ``timeout`` seconds; never for None.

    Raises ConfigError if they are not a positive number.
    """
    if timeout is None:
        return inf
    if not timeout > 0:  # nor NaN
        raise ConfigError(f"timeout={timeout!r}: it is a positive number of seconds")
    return time.monotonic() + timeout


class Connection:
    """A signed-in connection; a context manager. For one thread at a time."""

    end: float = inf
    """The time (``time.monotonic``) by which everything must be done."""

    def __init__(
        self, login: SubmissionPlan, end: float = inf, timeout: float | None = None
    ) -> None:
        """Connect and sign in until ``end``, and in ``timeout`` seconds, which then each message
        has, too.

        Raises NetworkError, NegotiationError, Refused and ProtocolError.
        """
        self.end, self._timeout = end, timeout
        self._begin()
        timeouts = login.options.timeouts
        self._stream = SyncStream.connect(login.server, timeouts.connect, self.end)
        try:
            self.session = login.meet(self._stream.local_address, self._stream.peer_address)
            self._driver = SyncDriver(self._stream, login.context, login.server.host, timeouts)
            self._run(login.sign_in(self.session))
        except GatepostError:
            self.close()
            raise
        except BaseException:
            self._stream.abort()
            raise

    def send(self, message: AnyMessage, envelope: Envelope | None = None) -> Receipt:
        """Send one message; as ``gatepost.send``."""
        return self.deliver(prepare(message, envelope))

    def deliver(self, letter: PreparedMessage) -> Receipt:
        """Send a message from ``prepare``; raises as ``gatepost.send`` does."""
        if not self.session.is_usable:
            raise Disconnected("the connection can no longer be used").at("mail")
        self._begin()
        self.session.begin()
        delivered = self._run(deliver(self.session, letter.envelope, letter.body))
        return _receipt(self.session, letter, delivered)

    def close(self) -> None:
        """Send QUIT and close; a second call does nothing."""
        if self.session.is_usable:
            self._begin()
            self._run(self.session.quit())
        self._stream.close(_close_timeout(self.end))

    def _begin(self) -> None:
        if self._timeout is not None:
            self.end = time_limit(self._timeout)

    def _run(self, conversation: Conversation[T]) -> T:
        return self._driver.run(self.session.guard(conversation), self.end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncConnection:
    """``Connection`` for asyncio: ``async with connect_async(...)``. For one task at a time."""

    session: ClientSession
    end: float
    """The time (``time.monotonic``) by which everything must be done."""

    def __init__(
        self,
        plan: ConnectionPlan,
        end: float = inf,
        timeout: float | None = None,
        find: "Find | None" = None,
    ) -> None:
        """``find`` looks the server's addresses up; None: with the system's name service."""
        self._plan, self.end, self._timeout, self._find = plan, end, timeout, find
        self._stream: AsyncStream | None = None
        self._driver: AsyncDriver

    async def open(self) -> Self:
        """Connect and sign in; raises as ``Connection`` does."""
        from gatepost.net.async_stream import AsyncStream  # noqa: PLC0415  # asyncio only here
        from gatepost.net.system_resolver import find_endpoints  # noqa: PLC0415

        self._begin()
        plan, timeouts = self._plan, self._plan.timeouts
        find = self._find or find_endpoints
        connecting = AsyncStream.connect(plan.endpoint, timeouts.connect, find)
        if self.end != inf:
            connecting = _within(connecting, plan.endpoint, self.end)
        self._stream = stream = await connecting
        try:
            self.session = plan.meet(stream.local_address, stream.peer_address)
            self._driver = AsyncDriver(stream, plan.context, plan.server.host, timeouts)
            await self.run(plan.sign_in(self.session))
        except GatepostError:
            await self.close()
            raise
        except BaseException:
            stream.abort()
            raise
        return self

    async def send(self, message: AnyMessage, envelope: Envelope | None = None) -> Receipt:
        """Send one message; as ``gatepost.send_async``."""
        return await self.deliver(prepare(message, envelope))

    async def deliver(self, letter: PreparedMessage) -> Receipt:
        """Send a message from ``prepare``; raises as ``gatepost.send`` does."""
        if not self.session.is_usable:
            raise Disconnected("the connection can no longer be used").at("mail")
        self._begin()
        self.session.begin()
        delivered = await self.run(deliver(self.session, letter.envelope, letter.body))
        return _receipt(self.session, letter, delivered)

    async def close(self) -> None:
        """Send QUIT and close; a second call does nothing."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            if self.session.is_usable:
                self._begin()
                await self.run(self.session.quit())
            await stream.close(_close_timeout(self.end))
        finally:
            stream.abort()

    @property
    def is_usable(self) -> bool:
        """True as far as is known: the server is connected, and has sent nothing unexpected."""
        session, stream = self.session, self._stream
        return session.is_usable and stream is not None and stream.is_quiet

    @property
    def peer_address(self) -> str:
        """The IP address of the server."""
        return self._stream.peer_address if self._stream is not None else ""

    async def check(self) -> None:
        """Check whether the server still answers. Raises NetworkError, ProtocolError, Refused."""
        await self.run(self.session.check())

    def _begin(self) -> None:
        if self._timeout is not None:
            self.end = time_limit(self._timeout)

    def run(self, conversation: Conversation[T], deadline: float = inf) -> Coroutine[Any, Any, T]:
        """Run a conversation of the session; errors get phase and transcript.

        ``deadline``: a time of ``time.monotonic``, after which no step continues.
        """
        return self._driver.run(self.session.guard(conversation), min(deadline, self.end))

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _close_timeout(end: float) -> float:
    return min(CLOSE_TIMEOUT, max(end - time.monotonic(), 0.0))


async def _within(
    connecting: "Coroutine[Any, Any, AsyncStream]", server: Server, end: float
) -> "AsyncStream":
    import asyncio  # noqa: PLC0415 - only here

    try:
        async with asyncio.timeout(end - time.monotonic()):
            return await connecting
    except TimeoutError as error:
        if isinstance(error, TimedOut):
            raise
        raise TimedOut(f"cannot connect to {server} in time").at("connect") from None
