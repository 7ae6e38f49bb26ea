"""Which targets may be tried now: limits of connections and rates, and pauses after failures."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final, TypeVar

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply
from gatepost.model.route import (
    ApiTarget,
    Capture,
    HopLimits,
    MxTarget,
    ServerAddress,
    SmarthostTarget,
    Target,
    credential_of,
)
from gatepost.queue.attempt_slots import Lack, Liveness, Slot, pool_of
from gatepost.queue.circuit_breaker import HOST, Breaker
from gatepost.queue.cluster_contract import SharedPause
from gatepost.queue.fail_over import servers_in_turn
from gatepost.queue.login_pause import WITHOUT_SECRET, LoginPause
from gatepost.queue.next_hop_limits import (
    NextHopLimiter,
    ReplyContext,
    UpstreamCredential,
    learn,
)
from gatepost.queue.pause import Pause
from gatepost.queue.retry_schedule import Random
from gatepost.queue.why import silence
from gatepost.relay.attempt_permit import CROWDED, SOON, Permit, Wait
from gatepost.relay.in_flight import REMEMBERED, InFlight
from gatepost.relay.server_lookup import ServerGroup
from gatepost.relay.shared_pauses import SHARED, login_keys
from gatepost.relay.target_health import CircuitHealth, LoginHealth, LoginState, TargetHealth
from gatepost.relay.target_hosts import hosts_of

K = TypeVar("K")
V = TypeVar("V")
GRACE: Final = 5.0
"""Seconds without a greeting after which a next hop with one connection pauses, so that the next
target is used, and its other mail leaves the memory."""
ELSEWHERE: Final = 10.0
"""Seconds until the next look at a next hop whose connections all belong to other nodes."""
_GREETING: Final = (SmarthostTarget, MxTarget)
"""Targets whose servers speak first."""
SILENT: Final = 300.0
"""Seconds until the next look at a next hop that has not greeted, if its attempt does not end."""


class AttemptAdmission:
    """The limits and pauses of all targets, servers and credentials.

    ``seconds`` is a monotonic clock. ``changed`` is called with the key of a ``Wait`` that may be
    over, ``forgiven`` when an operator ends the pauses of a target. ``wire`` counts connections
    and messages beyond a reload.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        random: Random,
        forgiven: Callable[[], None] = lambda: None,
        wire: InFlight | None = None,
    ) -> None:
        """``seconds`` is the event loop's clock; ``forgiven`` forgets why there was no token,
        because the operator says that the problem is solved; ``wire`` is common to this and the
        one that it replaces."""
        self.seconds, self._random = seconds, random
        self.changed: Callable[[str], None] = lambda _: None
        """Called with the key of what does not limit any more."""
        self.wire = wire or InFlight()
        self._forgiven = forgiven
        self._limiters: dict[str, NextHopLimiter] = {}
        self._servers: dict[str, str] = {}
        """By target."""
        self._hosts: dict[str, Breaker] = {}
        self._credentials: dict[str, UpstreamCredential | None] = {}
        """By target."""
        self._by_host: dict[tuple[str, str], UpstreamCredential] = {}
        """The same by credential and server, because providers decide about it independently."""
        self._misfits: dict[str, LoginPause] = {}
        """By target: its server offers no mechanism that our credential can use, or refuses them
        before it has checked a secret."""

    def admit(self, target: Target, group: ServerGroup) -> Permit | Wait:
        """Permit an attempt at a target, or return why it must wait."""
        now, hop = self.seconds(), self._hop(target, group)
        key, limiter, credential = hop.key, hop.limiter, hop.credential
        wait = self._wait_of(target, group, hop, now)
        if wait is None and hop.login_pauses:
            wait = self._login_wait(target, hop, now)
        if wait is not None:
            return wait
        seconds = limiter.wait_to_connect(now)
        if seconds is None or seconds > 0:
            return Wait(key, seconds or SOON)
        if self.wire.count(hop.on_wire) >= limiter.connections:  # the configuration before has some
            return Wait(key, SOON)
        if (seconds := limiter.wait_to_send(now)) > 0:
            return Wait(key, seconds)
        if self.wire.shared is not None and (wait := self._shared_wait(target, hop)) is not None:
            return wait
        slot = self.wire.slots.take(hop.liveness, target.name, now)
        if not isinstance(slot, Slot):
            return self._lacking(slot, key, target, hop.liveness)
        if credential is not None:
            credential.begin(now)
        in_use = limiter.open_connections
        tries = [each for each in hop.login_pauses if each.try_login(key, in_use)]
        limiter.record_opening(now)
        limiter.record_message(now)
        if self.wire.shared is not None and limits_of(target).rate is not None:
            self.wire.shared.take(hop.on_wire)
        self.wire.begin(hop.on_wire)
        on_end = partial(self._on_permit_end, hop.on_wire)
        return Permit(key, limiter, credential, slot, on_end, tries)

    def _shared_wait(self, target: Target, hop: "_Hop") -> Wait | None:
        """Return the wait of an attempt that other nodes leave no room for; None if they do."""
        shared, rate = self.wire.shared, limits_of(target).rate
        if shared is None:
            return None
        share = shared.connections(hop.on_wire, hop.limiter.connections)
        if not share:
            return Wait(hop.key, ELSEWHERE, is_elsewhere=True)
        if hop.limiter.open_connections >= share:
            return Wait(hop.key, SOON)
        if rate is not None:
            seconds = shared.wait(hop.on_wire, rate, partial(self.changed, hop.key))
            return Wait(hop.key, seconds) if seconds > 0 else None
        return None

    def _lacking(self, lack: Lack, key: str, target: Target, hop: Liveness) -> Wait:
        """Return the wait of an attempt for which a slot, room or a greeting is missing."""
        if lack == "greeting":
            return Wait(key, GRACE)
        if lack == "room":
            return Wait(CROWDED, SOON)
        return Wait(_further_key(pool_of(hop.kind(self.seconds()), target.name)), SOON)

    def note_greeting(self, permit: Permit) -> None:
        """Note that the server of an attempt has greeted: its next hop may have more attempts."""
        now, hop = self.seconds(), permit.slot.hop
        had_greeted = hop.has_greeted(now)
        hop.record_greeting(now)
        if not had_greeted:
            for _ in range(permit.limiter.connections):
                self.changed(permit.key)

    def _on_wire(self, key: str, target: Target) -> str:
        """Return the key by which connections are counted. If a reload changes the servers of a
        target, it has another key, so that it does not wait for connections to the old ones."""
        servers = self._servers.get(target.name)
        if servers is None:
            servers = self._servers[target.name] = " ".join(hosts_of(target))
        return f"{key} {servers}"

    def _on_permit_end(self, on_wire: str, permit: Permit) -> None:
        slot = permit.slot
        pool = slot.pool
        self.wire.end(on_wire)
        self.wire.slots.end(slot)
        self.changed(permit.key)
        if pool is not None:
            self.changed(_further_key(pool))
        self.changed(CROWDED)

    def wait_of(self, target: Target, group: ServerGroup) -> Wait | None:
        """Return the wait of a target that is paused after failures; None if it is not."""
        return self._wait_of(target, group, self._hop(target, group), self.seconds())

    def _wait_of(self, target: Target, group: ServerGroup, hop: "_Hop", now: float) -> Wait | None:
        wait = self._foreign_wait(target, hop, now)
        return wait or self._own_wait(target, group, hop, now)

    def _foreign_wait(self, target: Target, hop: "_Hop", now: float) -> Wait | None:
        """Return the wait for a pause that another node has found; None: there is none."""
        if self.wire.shared is None or self.wire.shared.pauses.is_empty:
            return None
        places = {each: _credential_at(target) for each in login_keys(target)}
        for key, what in {**places, _next_hop_key(hop): target.name}.items():
            if (found := self.wire.shared.pauses.find(key, now)) is not None:
                pause = Pause(
                    what, "open", found.seconds, found.reason, needs_operator=found.needs_operator,
                    finding=found.finding, advice=found.advice,
                )  # fmt: skip
                return Wait(SHARED, found.seconds, pause)
        return None

    def publish(self, target: Target, group: ServerGroup) -> None:
        """Let the other nodes know after an attempt whether a target works. What MX names is too
        much for that: there each node finds out for itself."""
        shared = self.wire.shared
        if shared is None or isinstance(target, Capture | MxTarget):
            return
        now, hop = self.seconds(), self._hop(target, group)
        if (login := hop.credential) is not None:
            seconds = login.wait(now) if login.is_paused(now) else 0.0
            keys = login_keys(target) if seconds or not shared.pauses.is_empty else ()
            advice = (login.finding, login.advice) if login.is_refused else ("", "")
            for key in keys:
                pause = SharedPause(key, seconds, login.reason, login.is_refused, *advice)
                shared.pauses.update(pause, now)
        breaker = hop.limiter.breaker
        seconds, reason = breaker.wait(now) if breaker.state(now) == "open" else 0.0, breaker.reason
        wait = self._hosts_wait(target, group.servers, now)
        if not seconds and wait is not None and wait.pause is not None:
            is_open = wait.pause.state == "open"
            seconds, reason = wait.seconds if is_open else 0.0, wait.pause.reason
        shared.pauses.update(SharedPause(_next_hop_key(hop), seconds, reason), now)

    def _own_wait(self, target: Target, group: ServerGroup, hop: "_Hop", now: float) -> Wait | None:
        credential = hop.credential
        if credential is not None and (seconds := credential.wait(now)) > 0:
            what = target.name if credential.is_barred else _credential_at(target)
            return self._make_wait(
                credential_key(credential), what, seconds, credential.state(now), credential
            )
        wait = self._login_wait(target, hop, now)
        if wait is not None and wait.pause is not None:
            return wait
        breaker = hop.limiter.breaker
        if (seconds := breaker.wait(now)) > 0:
            return self._make_wait(hop.key, target.name, seconds, breaker.state(now), breaker)
        return self._hosts_wait(target, group.servers, now) or self._silence(target, hop, now)

    def health(self, target: Target) -> TargetHealth:
        """Return what is known of a target now."""
        now, name = self.seconds(), target.name
        limiters = {
            key: each for key, each in self._limiters.items() if key.partition(" ")[0] == name
        }
        breakers = {key: each.breaker for key, each in limiters.items()}
        for key, breaker in self._hosts.items():
            if key.endswith(f" {name}"):
                breakers[key.split(" ")[1]] = breaker
        return TargetHealth(
            sum(each.open_connections for each in limiters.values()),
            max([each.connections for each in limiters.values()], default=0)
            or (0 if isinstance(target, Capture) else limits_of(target).connections),
            self._login_health(target, now),
            [
                CircuitHealth(key, each.state(now), each.wait(now), each.reason)
                for key, each in breakers.items()
                if each.state(now) != "closed"
            ],
        )

    def _login_health(self, target: Target, now: float) -> LoginHealth | None:
        credential, name = self.credential(target), credential_of(target)
        if credential is None:
            return None
        if (found := self._foreign_login(target, now)) is not None:
            state: LoginState = "refused" if found.needs_operator else "paused"
            advice = found.finding, found.advice
            return LoginHealth(name, state, found.seconds, found.reason, *advice)
        pauses = [each for each in self._login_pauses(target, credential) if each.reason]
        seconds = max([credential.wait(now), *[each.seconds_left(now) for each in pauses]])
        if credential.is_refused:
            advice = credential.finding, credential.advice
            return LoginHealth(name, "refused", seconds, credential.reason, *advice)
        for each in pauses:
            return LoginHealth(name, "paused", seconds, each.reason, each.finding, each.advice)
        if credential.is_paused(now):
            return LoginHealth(name, "paused", seconds, credential.reason)
        return LoginHealth(name, "accepted" if credential.has_signed_in_lately(now) else "untried")

    def _foreign_login(self, target: Target, now: float) -> SharedPause | None:
        """Return the pause of a target's login that another node has found; None: there is none."""
        if (shared := self.wire.shared) is None:
            return None
        found = [shared.pauses.find(each, now) for each in login_keys(target)]
        return next((each for each in found if each is not None), None)

    def _silence(self, target: Target, hop: "_Hop", now: float) -> Wait | None:
        """Return the wait of a next hop whose one connection has got no greeting for a while."""
        liveness = hop.liveness
        if not (hop.limiter.open_connections and liveness.slots) or liveness.has_greeted(now):
            return None
        first = next(iter(liveness.slots))
        if now - first.begun < GRACE:
            return None
        server = str(first.server or target.name)
        reason = f"{server} {silence(now - first.begun, first.step())}"
        return Wait(hop.key, SILENT, Pause(server, "silent", SILENT, reason))

    def _login_pauses(
        self, target: Target, credential: UpstreamCredential | None
    ) -> Sequence[LoginPause]:
        """Return the pauses of logins at a target that are not over."""
        if credential is None or not (credential.logins.failures or self._misfits):
            return ()
        both = (credential.logins, self._misfits.get(target.name))
        return [each for each in both if each is not None and each.failures]

    def _login_wait(self, target: Target, hop: "_Hop", now: float) -> Wait | None:
        """Return the wait of an attempt that would have to sign in; None if it may."""
        key = hop.key
        for each in hop.login_pauses:
            seconds = each.wait(now, key, hop.limiter.open_connections)
            if seconds <= 0:
                continue
            if each.has_connections(key):
                return Wait(key, seconds)  # it is not down
            pause = Pause(_credential_at(target), "open", seconds, each.reason)
            if each.advice:
                pause = replace(
                    pause, needs_operator=True, finding=each.finding, advice=each.advice
                )
            return Wait(key, seconds, pause)
        return None

    def login_wait(self, target: Target) -> float:
        """Return the seconds until the next login there, if logins pause; else 0."""
        now, pauses = self.seconds(), self._login_pauses(target, self.credential(target))
        return max([each.seconds_left(now) for each in pauses], default=0.0)

    def others(self, target: Target, group: ServerGroup, begun: float) -> Wait | None:
        """Return the wait of an attempt that the target refused as one connection too many:
        until other attempts at the target end. None if there were none when it began."""
        hop = self._hop(target, group)
        has_others = hop.limiter.open_connections or begun <= hop.limiter.reduced_at
        return Wait(hop.key, SOON) if has_others else None

    def limit(self, target: Target, group: ServerGroup) -> str:
        """Return why a target without a pause accepts no further attempt; empty if it does."""
        now, hop = self.seconds(), self._hop(target, group)
        if limit := hop.limiter.limit(now):
            return limit
        for each in hop.login_pauses:
            if each.wait(now, hop.key, hop.limiter.open_connections) > 0:
                return f"opens no further connection at the moment: {each.reason}"
        if (shared := self.wire.shared) is not None:
            share = shared.connections(hop.on_wire, hop.limiter.connections)
            if hop.limiter.open_connections >= share:
                return "has the rest of its connections from other nodes"
            if limits_of(target).rate is not None and not shared.has_time(hop.on_wire):
                return "accepts no more at its rate, which other nodes use, too"
        if self.wire.count(hop.on_wire) >= hop.limiter.connections:
            return "still has connections in use by the previous configuration"
        return self.wire.slots.limit(hop.liveness, target.name, now)

    def recipients(self, target: Target, group: ServerGroup) -> int:
        """Return how many recipients a target accepts per message."""
        return self._hop(target, group).limiter.recipients

    def credential(self, target: Target) -> UpstreamCredential | None:
        """Return the state of the credential for a target; None without one.

        The servers of a target belong to one provider, so they share one state. Another target
        with the same credential and one of these servers shares it, too.
        """
        if target.name not in self._credentials:
            self._credentials[target.name] = self._find_credential(target)
        return self._credentials[target.name]

    def _find_credential(self, target: Target) -> UpstreamCredential | None:
        name = credential_of(target)
        if not name:
            return None
        keys = [(name, each) for each in hosts_of(target)]
        shared = [self._by_host[each] for each in keys if each in self._by_host]
        # an API locks no account, and an attempt there lasts until the message is delivered
        is_api = isinstance(target, ApiTarget)
        credential = shared[0] if shared else UpstreamCredential(unproven=not is_api)
        for each in keys:
            self._by_host.setdefault(each, credential)
        return credential

    def misfit(self, target: Target) -> LoginPause:
        """Return the pause of a target that does not let our credential sign in, or refused
        that before it got the secret."""
        return self._misfits.setdefault(target.name, LoginPause(WITHOUT_SECRET))

    def has_paused_logins(self, target: Target) -> bool:
        """Tell whether logins there are paused after a refusal. Messages may still be accepted on a
        connection that has signed in before."""
        credential, misfit = self.credential(target), self._misfits.get(target.name)
        if (
            credential is not None
            and credential.is_refused
            and credential.is_paused(self.seconds())
        ):
            return True
        return misfit is not None and misfit.failures > 0

    def note_login(self, target: Target, begun: float) -> None:
        """Note that a login at the target has succeeded, of an attempt that had ``begun`` then."""
        misfit = self._misfits.get(target.name)
        if misfit is not None:
            misfit.record_success(begun)
            if not misfit.failures:
                del self._misfits[target.name]

    def host(self, server: ServerAddress, target: Target) -> Breaker:
        """Return the circuit breaker of a server for one target."""
        key = host_key(server, target.name)
        breaker = self._hosts.get(key)
        if breaker is None:
            _make_room(self._hosts, self._is_forgotten)
            breaker = self._hosts[key] = Breaker(HOST)
        return breaker

    def in_turn(self, target: Target, servers: Sequence[ServerAddress]) -> Sequence[ServerAddress]:
        """Return the servers of a target in the order in which they are to be tried now."""
        if not isinstance(target, SmarthostTarget) or len(servers) == 1:
            return servers
        by_server = dict(zip(target.servers, servers, strict=True))
        turn = servers_in_turn(
            target.servers, self._random, lambda each: self.is_down(target, by_server[each])
        )
        return [by_server[each] for each in turn]

    def is_down(self, target: Target, server: ServerAddress) -> bool:
        """Tell whether a server of a target is paused now."""
        breaker = self._hosts.get(host_key(server, target.name))
        return breaker is not None and breaker.wait(self.seconds()) > 0

    def learn_later(self, target: Target, group: ServerGroup, reply: Reply) -> None:
        """Learn from a reply that came after its message had been accepted."""
        hop = self._hop(target, group)
        moment = ReplyContext(self.seconds(), self._random)
        learn(reply, "content", hop.limiter, hop.credential, moment)
        self.publish(target, group)

    def notify_changed(self, server: ServerAddress, target: Target) -> None:
        """Call ``changed`` for a server and its credential after a result, so that others go on."""
        self.changed(host_key(server, target.name))
        credential = self.credential(target)
        if credential is not None:
            self.changed(credential_key(credential))

    def forgive(self, targets: Iterable[Target]) -> None:
        """End all pauses of targets, except those of servers, because the operator says that the
        problem is solved."""
        self._forgiven()
        targets = tuple(targets)
        self._forgive_shared(targets)
        names = {each.name for each in targets}
        forgiven = {id(each) for name in names if (each := self._credentials.get(name)) is not None}
        self._credentials = _without(self._credentials, forgiven)
        self._by_host = _without(self._by_host, forgiven)
        for name in names:
            self._misfits.pop(name, None)
        for key, limiter in self._limiters.items():
            if key.partition(" ")[0] in names:
                limiter.forgive(self.seconds())

    def _forgive_shared(self, targets: Iterable[Target]) -> None:
        if (shared := self.wire.shared) is not None:
            for each in targets:
                for key in (*login_keys(each), f"next hop {each.name} "):
                    shared.pauses.forgive(key)

    def forgive_servers(self, target: Target, group: ServerGroup) -> None:
        """End the pauses of servers of a target."""
        for server in group.servers:
            self._hosts.pop(host_key(server, target.name), None)

    def _hosts_wait(
        self, target: Target, servers: Sequence[ServerAddress], now: float
    ) -> Wait | None:
        """Return the shortest wait if all servers are paused, or are being tried after a pause."""
        first: Wait | None = None
        for server in servers:
            key = host_key(server, target.name)
            breaker = self._hosts.get(key)
            seconds = 0.0 if breaker is None else breaker.wait(now)
            if breaker is None or seconds <= 0:
                return None
            wait = self._make_wait(key, str(server), seconds, breaker.state(now), breaker)
            if first is None or wait.seconds < first.seconds:
                first = wait
        return first

    def _make_wait(
        self, key: str, what: str, seconds: float, state: str, source: Breaker | UpstreamCredential
    ) -> Wait:
        if state == "half-open" and not source.reason:
            return Wait(key, SOON, is_first=True)
        if state == "half-open":  # the attempt may take minutes: the next target is used
            return Wait(key, SOON, Pause(what, "half-open", SOON, source.reason))
        pause = Pause(what, "open", seconds, source.reason)
        if isinstance(source, UpstreamCredential) and source.is_refused:
            pause = replace(
                pause, needs_operator=True, finding=source.finding, advice=source.advice,
                is_of_login=not source.is_barred,
            )  # fmt: skip
        return Wait(key, seconds, pause)

    def _hop(self, target: Target, group: ServerGroup) -> "_Hop":
        key = f"{target.name} {group.site}" if group.site else target.name
        on_wire = self._on_wire(key, target)
        limiter = self._limiters.get(key)
        if limiter is None:
            _make_room(self._limiters, self._is_idle)
            limiter = self._limiters[key] = NextHopLimiter(
                limits_of(target), self.wire.sent(on_wire)
            )
        credential = self.credential(target)
        pauses = self._login_pauses(target, credential)
        liveness = self.wire.liveness(on_wire, greets=isinstance(target, _GREETING))
        return _Hop(key, on_wire, limiter, credential, pauses, liveness)

    def _is_idle(self, limiter: NextHopLimiter) -> bool:
        return not limiter.open_connections and self._is_forgotten(limiter.breaker)

    def _is_forgotten(self, breaker: Breaker) -> bool:
        return breaker.state(self.seconds()) == "closed"


@dataclass(frozen=True, slots=True)
class _Hop:
    """What is known of a target with a group of servers."""

    key: str
    on_wire: str
    """The key by which connections are counted."""
    limiter: NextHopLimiter
    credential: UpstreamCredential | None
    login_pauses: Sequence[LoginPause]
    """Those that are not over."""
    liveness: Liveness


def _credential_at(target: Target) -> str:
    return f"credential {credential_of(target)} at {target.name}"


def _next_hop_key(hop: _Hop) -> str:
    """Return the key by which all nodes know a next hop."""
    return f"next hop {hop.on_wire}"


def _further_key(pool: str) -> str:
    return f"further attempts {pool}"


def _without(entries: dict[K, V], ids: Collection[int]) -> dict[K, V]:
    """Return the entries whose objects do not have one of these ids."""
    return {key: each for key, each in entries.items() if id(each) not in ids}


def _make_room(
    entries: dict[str, "NextHopLimiter"] | dict[str, Breaker], may_go: Callable[..., bool]
) -> None:
    """If there are too many, forget some entries without information, oldest first."""
    if len(entries) < REMEMBERED:
        return
    for key in [key for key, each in entries.items() if may_go(each)][: REMEMBERED // 10]:
        del entries[key]


def limits_of(target: Target) -> HopLimits:
    """Return the configured limits of a target."""
    return HopLimits() if isinstance(target, Capture) else target.limits


@lru_cache(maxsize=REMEMBERED)
def host_key(server: ServerAddress, target: str) -> str:
    """Return the key of a server's state; each of its addresses has a state of its own.

    So has each target (by its name), because TLS, authorities and credential differ: a server may
    refuse one credential and accept mail from another.
    """
    return f"host {server} {server.address} {target}"


def credential_key(credential: UpstreamCredential) -> str:
    """Return the key of a credential, valid while the relay runs."""
    return f"credential {id(credential)}"
