"""The logins of one session: each AUTH, its result, and the place of the client in its
subscription."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from gatepost.model.credentials import Principal
from gatepost.model.operator_event import ReportEvent
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import When
from gatepost.relay.authenticate import Authentication, Claim
from gatepost.relay.counted_client import UNCOUNTED, CountedClient
from gatepost.relay.shared_by_connections import Relay
from gatepost.wire.server.session import Session

T = TypeVar("T")
MAX_DELAYS: Final = 8
"""Each refused login is answered later than the one before, up to this multiple of the first delay.
"""


class SignIn:
    """Handles AUTH in one session, from the first AUTH to the end of the connection."""

    __slots__ = (
        "_auth", "_failures", "_peer", "_place", "_refuse", "_relay", "_report", "_session",
        "_when",
    )  # fmt: skip

    def __init__(
        self,
        relay: Relay,
        session: Session,
        peer: str,
        when: When,
        refuse: Callable[[Reply], None],
        report: ReportEvent,
    ) -> None:
        """``peer`` is the client's address; ``refuse`` replies, and reports to the operator;
        ``report`` is that of the connection."""
        self._relay = relay
        self._session = session
        self._peer = peer
        self._when = when
        self._refuse, self._report = refuse, report
        self._auth: Authentication | None = None
        self._failures = 0
        self._place: CountedClient[Reply | None] = UNCOUNTED

    @property
    def is_open(self) -> bool:
        """Whether an AUTH is in progress."""
        return self._auth is not None

    def begin(self, claim: Claim) -> None:
        """Start an AUTH command."""
        self._auth = Authentication(self._relay, self._session, claim, self._when, self._conclude)
        self._auth.begin()

    def respond(self, response: bytes) -> None:
        """Take the client's response to a challenge."""
        if self._auth is not None:
            self._auth.respond(response)

    def drop(self) -> None:
        """Abandon an AUTH in progress."""
        if self._auth is not None:
            self._auth.close()
            self._auth = None

    def leave(self) -> None:
        """Uncount the client, which has disconnected or is no longer signed in."""
        self._place.end()

    def _conclude(self, auth: Authentication, verdict: Principal | Reply) -> None:
        self._auth = None
        if isinstance(verdict, Principal):
            self._enter(verdict)
            return
        self._report(
            "auth_refused", peer=self._peer, mechanism=auth.mechanism,
            username=auth.username, reply=str(verdict), reason=verdict.reason,
        )  # fmt: skip
        self._failures += 1
        clients = self._relay.clients
        if verdict.is_transient:
            self._session.reply(verdict)
        elif clients is not None:
            self._when(clients.delay(self._peer), partial(self._delay, verdict))
        else:
            self._delay(verdict, self._relay.login_delay * min(self._failures, MAX_DELAYS))

    def _delay(self, reply: Reply, seconds: float) -> None:
        self._when(after(seconds, reply) if seconds else reply, self._session.reply)

    def _enter(self, principal: Principal) -> None:
        quotas = self._relay.quotas
        if quotas is None:
            self._admit(principal, None)
            return
        leave = partial(quotas.leave, principal)
        self._place = CountedClient(lambda refusal: refusal is None, leave)
        self._place.begin(quotas.enter(principal), self._when, partial(self._admit, principal))

    def _admit(self, principal: Principal, refusal: Reply | None) -> None:
        """Accept the login if the subscription may have one more connection."""
        if refusal is not None:
            self._refuse(refusal)
            return
        self._session.accept_login(principal)
        self._report(
            "signed_in", peer=self._peer, mechanism=principal.mechanism, principal=principal.name
        )


def after(seconds: float, answer: T) -> "asyncio.Future[T]":
    """Return a future of the running loop that has ``answer`` after the given number of seconds."""
    loop = asyncio.get_running_loop()
    later: asyncio.Future[T] = loop.create_future()
    loop.call_later(seconds, _give, later, answer)
    return later


def _give(later: "asyncio.Future[T]", answer: T) -> None:
    if not later.done():
        later.set_result(answer)
