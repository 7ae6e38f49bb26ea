"""Opens connections to the servers that a relay delivers to, with TLS and login."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from gatepost.client.authentication import authenticate, channel_of, hide_secrets
from gatepost.client.connection import AsyncConnection, meet
from gatepost.client.session import ClientSession
from gatepost.client.settings import Timeouts
from gatepost.client.smtp_sign_in import CredentialSource
from gatepost.client.steps import Conversation
from gatepost.errors import (
    AuthenticationRefused,
    GatepostError,
    NetworkError,
    Refused,
    RemoteProtocolError,
)
from gatepost.model.credentials import Credentials
from gatepost.model.route import HopTls
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.system_resolver import Find, Names
from gatepost.net.tls import Context, Contexts, Trust
from gatepost.relay.transport.starttls_policy import may_go_on_in_clear, open_session, trust_of

GLANCE: Final = Timeouts(connect=5.0, tls=5.0, greeting=5.0, ehlo=5.0)
"""Timeouts for an additional check."""
REFUSED_FOR: Final = 600.0
"""Seconds for which a mechanism that a server has refused is tried last. Not for long, because
those that are tried first show the server less."""
SERVERS: Final = 1_000
"""Maximum number of servers of which that is remembered."""
GLANCES: Final = 16
"""Additional checks at once."""
REPEATED: Final = 8
"""Passwords of a server that are looked for in what it says."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One server, and the settings of connections to it."""

    server: Server
    """Host name, for which its certificate must be valid, and port."""
    address: str = ""
    """IP address to connect to; empty: the addresses of its name."""
    tls: HopTls = "required"
    trust: Trust = field(default_factory=Trust)
    mechanisms: tuple[str, ...] = ()
    """Permitted mechanisms; a single one is used even if the server does not list it."""
    local_name: str = ""
    """The name in EHLO; by default this host's full name, or its address."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Implements ``connection.ConnectionPlan`` for one connection to a server."""

    upstream: ServerSettings
    context: Context
    timeouts: Timeouts
    credentials: Credentials | None
    met: Callable[[ClientSession, str], None]
    sent_passwords: tuple[Secret, ...] = ()
    """What the server may repeat: passwords that it got before."""
    find: Find | None = None
    """Looks the server's addresses up."""
    in_clear: bool = False
    """Do not try TLS, because it failed and is optional."""
    last: frozenset[str] = frozenset()
    """Mechanisms to try after all others."""

    @property
    def server(self) -> Server:
        return self.upstream.server

    @property
    def endpoint(self) -> Server:
        server = self.upstream.server
        return Server(self.upstream.address or server.host, server.port)

    def meet(self, local_address: str, peer_address: str) -> ClientSession:
        session = meet(self.server, self.upstream.local_name, local_address, peer_address)
        if self.credentials is not None:
            hide_secrets(session, self.credentials)
        for each in self.sent_passwords:
            session.transcript.hide(each.reveal())
        self.met(session, peer_address)
        return session

    def sign_in(self, session: ClientSession) -> Conversation[None]:
        yield from open_session(session, self.upstream.tls, in_clear=self.in_clear)
        if self.credentials is not None:
            mechanisms = self.upstream.mechanisms
            yield from authenticate(
                session,
                self.credentials,
                channel_of(session),
                only=mechanisms[0] if len(mechanisms) == 1 else "",
                allowed=mechanisms,
                last=self.last,
            )


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens connections for one relay."""

    contexts: Contexts = field(default_factory=Contexts)
    timeouts: Timeouts = field(default_factory=Timeouts)
    names: Names = field(default_factory=Names)
    _glances: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, GLANCES))
    _sent_passwords: dict[str, tuple[Secret, ...]] = field(default_factory=dict, repr=False)
    """By server, the newest passwords that it got."""
    _refused: dict[Server, dict[str, float]] = field(default_factory=dict)
    """By server, mechanisms that it refused without having checked a secret, and until when these
    are tried last (``time.monotonic``)."""

    async def open(
        self,
        upstream: ServerSettings,
        sign_in: CredentialSource | None,
        met: Callable[[ClientSession, str], None] = lambda _session, _address: None,
    ) -> AsyncConnection:
        """Connect and sign in. With a ``sign_in``, a connection without login is never returned.

        A refused token that should be valid is renewed once. If TLS is opportunistic and fails, the
        connection is made without it (RFC 7435 3). ``met`` is called with the session and the
        address of each server that accepts a connection, before its greeting. Raises TokenError,
        and what ``AsyncConnection.open`` raises.
        """
        credentials = await sign_in.credentials() if sign_in is not None else None
        context = self.contexts.get(trust_of(upstream.tls, upstream.trust, sign_in))
        way = _Way(
            upstream,
            context,
            self.timeouts,
            credentials,
            met,
            self._passwords_sent_to(upstream, credentials),
            self.names.find,
        )
        try:
            return await self._open(way)
        except AuthenticationRefused:
            if sign_in is None or credentials is None or not sign_in.try_replace(credentials):
                raise
        credentials = await sign_in.credentials()
        earlier = self._passwords_sent_to(upstream, credentials)
        try:
            return await self._open(replace(way, credentials=credentials, sent_passwords=earlier))
        except AuthenticationRefused:
            sign_in.try_replace(credentials)  # the next attempt must not begin with it
            raise

    async def _open(self, way: _Way) -> AsyncConnection:
        """Open a connection. If a server disconnects after it has refused a mechanism without
        having checked a secret, the other mechanisms are tried on a second connection."""
        sessions: list[ClientSession] = []

        def meet(session: ClientSession, address: str) -> None:
            sessions.append(session)
            way.met(session, address)

        async def attempt() -> AsyncConnection:
            server = way.upstream.server
            try:
                return await _open(replace(way, met=meet, last=self._tried_last(server)))
            finally:
                if sessions:
                    self._note_refused(server, sessions[-1].refused_mechanisms)

        try:
            return await attempt()
        except (NetworkError, RemoteProtocolError, AuthenticationRefused):
            if not (sessions and _may_be_tried_anew(sessions[-1])):
                raise
        return await attempt()

    def _tried_last(self, server: Server) -> frozenset[str]:
        """Return the mechanisms that a server has refused lately."""
        now = time.monotonic()
        refused = self._refused.get(server, {})
        return frozenset([name for name, until in refused.items() if now < until])

    def _note_refused(self, server: Server, mechanisms: Collection[str]) -> None:
        if not mechanisms:
            return
        if server not in self._refused and len(self._refused) >= SERVERS:
            del self._refused[next(iter(self._refused))]  # the oldest
        until = time.monotonic() + REFUSED_FOR
        self._refused.setdefault(server, {}).update(dict.fromkeys(mechanisms, until))

    def _passwords_sent_to(
        self, upstream: ServerSettings, credentials: Credentials | None
    ) -> tuple[Secret, ...]:
        """Return the passwords that were sent to a server before: it may repeat them to anybody.
        An access token expires by itself."""
        host = upstream.server.host.lower()
        sent_passwords = self._sent_passwords.get(host, ())
        password = credentials.password if credentials is not None else None
        if password is not None and password not in sent_passwords:
            self._sent_passwords[host] = (*sent_passwords, password)[-REPEATED:]
        return sent_passwords

    async def is_implicit_tls(self, upstream: ServerSettings) -> bool:
        """Tell whether a server speaks SMTP over implicit TLS (RFC 8314 3); sends no secret.

        False also if too many servers are being asked already.
        """
        if self._glances.locked():
            return False
        implicit = replace(upstream, tls="implicit")
        context = self.contexts.get(replace(upstream.trust, verify=False))
        find = self.names.find
        way = _Way(implicit, context, GLANCE, None, lambda _session, _address: None, find=find)
        async with self._glances:
            try:
                connection = await AsyncConnection(way, find=find).open()
            except (GatepostError, OSError):
                return False
            await connection.close()
            return True


async def _open(way: _Way) -> AsyncConnection:
    try:
        return await AsyncConnection(way, find=way.find).open()
    except (NetworkError, RemoteProtocolError, Refused) as error:  # also a 421 to STARTTLS
        if not may_go_on_in_clear(way.upstream.tls, error):
            raise
    return await AsyncConnection(replace(way, in_clear=True), find=way.find).open()


def _may_be_tried_anew(session: ClientSession) -> bool:
    """Tell whether the server ended the session after it had refused a mechanism, before another
    one was tried."""
    return session.left_mechanisms and not (session.is_usable or session.has_shown_secret)
