"""How much a next hop gets at once: the configured limits, reduced after its complaints."""

from collections import deque
from typing import Final

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply
from gatepost.model.route import HopLimits
from gatepost.queue.circuit_breaker import HOST, RATE, SIGN_IN, Breaker, BreakerState
from gatepost.queue.login_pause import DOUBTED, LATELY, LoginPause
from gatepost.queue.provider_quotas import quota_of
from gatepost.queue.reply_lessons import NONE, PAUSE_CREDENTIAL, Change, Lesson, lesson_of
from gatepost.queue.retry_schedule import Random

MINUTE: Final = 60.0
GROW_AFTER: Final = 50
"""Consecutive messages after which one more connection is tried, and twice as many recipients."""
RELAX: Final = 1.25
"""Factor by which a learned rate grows with each minute without a complaint."""
LEAST_RATE: Final = 1.0
"""Messages a minute; instead of a lower rate a circuit breaker pauses."""
FEW: Final = 3
"""Messages of the last minute below which a complaint is about them, not about their number."""
BRIEF: Final = 10.0
"""Minimum number of seconds over which a rate is measured, so that a burst is not taken for a
lasting rate."""
SPACING: Final = 1.0
"""Under a rate, the messages of this number of seconds may be sent at once."""


class NextHopLimiter:
    """One next hop's limits: connections, rate, recipients, and its circuit breaker.

    Times are seconds of a monotonic clock. Ask ``wait_to_connect`` and ``wait_to_send``; report
    with ``record_opening``, ``record_closing``, ``record_message``, and ``learn`` for each error
    reply.
    """

    def __init__(self, limits: HopLimits, sent: deque[float] | None = None) -> None:
        """``sent`` has the times of the messages of the last minute, and is updated; None: there
        were none."""
        self._limits = limits
        self.breaker = Breaker(HOST)
        self.open_connections = 0
        self._connections = float(max(1, limits.connections))
        self._recipients = max(1, limits.recipients)
        self._learned_rate: float | None = None
        self._relaxed = 0.0
        self._next_send = float("-inf")
        self._sent: deque[float] = deque() if sent is None else sent
        self._good = 0
        self._complaints: dict[str, str] = {}
        """The replies that reduced a limit, by limit."""
        self.reduced_at = float("-inf")
        """When its connections were last reduced."""
        if self._sent:
            self.record_message(self._sent.pop())  # so that the next one waits

    @property
    def connections(self) -> int:
        """How many connections it accepts now."""
        return max(1, int(self._connections))

    @property
    def recipients(self) -> int:
        """How many recipients it accepts per transaction now."""
        return self._recipients

    @property
    def messages_per_connection(self) -> int:
        """Number of messages after which a connection is closed."""
        return max(1, self._limits.messages_per_connection)

    def rate(self, now: float) -> float | None:
        """Return its current limit of messages a minute; None: no limit."""
        self._relax(now)
        configured, learned = self._limits.rate, self._learned_rate
        if configured is None or learned is None:
            return learned if configured is None else configured
        return min(configured, learned)

    def wait_to_connect(self, now: float) -> float | None:
        """Return the seconds until a connection may be opened; None: when one is closed."""
        if self.open_connections >= self.connections:
            return None
        if self.breaker.state(now) == "half-open" and self.open_connections:
            return max(self.breaker.wait(now), 1.0)
        return self.breaker.wait(now)

    def record_opening(self, now: float) -> None:
        """Note that a connection is being opened."""
        self.open_connections += 1
        self.breaker.begin(now)

    def record_closing(self) -> None:
        """Note that a connection was closed, or could not be opened; a trial then has no result."""
        self.open_connections -= 1
        self.breaker.abandon_trial()

    def wait_to_send(self, now: float) -> float:
        """Return the seconds until the next message may be sent."""
        if self.breaker.state(now) == "open":
            return self.breaker.wait(now)
        return max(0.0, self._next_send - now)

    def record_message(self, now: float) -> None:
        """Note that a message is being sent; it counts whatever its result is."""
        self._sent.append(now)
        while self._sent[0] <= now - MINUTE:
            self._sent.popleft()
        rate = self.rate(now)
        if rate is None:
            return
        step = MINUTE / max(rate, 1e-6)
        earliest = now - max(0.0, SPACING - step)
        self._next_send = max(self._next_send, earliest) + step
        if len(self._sent) >= rate >= MINUTE / SPACING:  # what went at once counts in its minute
            self._next_send = max(self._next_send, self._sent[-int(rate)] + MINUTE)

    def record_success(self, now: float) -> None:
        """Note that a message was accepted."""
        self.breaker.record_success(now)
        self._good += 1
        if self._good >= GROW_AFTER and self._is_reduced():
            self._connections = min(float(self._limits.connections), self.connections + 1.0)
            self._recipients = min(self._limits.recipients, 2 * self._recipients)
            self._good = 0

    def _is_reduced(self) -> bool:
        most = self._limits
        return self._connections < most.connections or self._recipients < most.recipients

    def forgive(self, now: float) -> None:
        """Forget what was learned; the configured limits hold."""
        self.breaker = Breaker(HOST)
        self._connections = float(max(1, self._limits.connections))
        self._recipients = max(1, self._limits.recipients)
        self._complaints.clear()
        if self._learned_rate is not None:
            self._learned_rate = None
            last, rate = self._sent[-1] if self._sent else now, self._limits.rate
            self._next_send = last + MINUTE / rate if rate else now

    def limit(self, now: float) -> str:
        """Return why it gets no more at the moment, as the end of a sentence; empty if it does."""
        if self.open_connections >= self.connections:
            most = self.connections
            uses = f"all {most} connections" if most > 1 else "one connection"
            is_learned = most < self._limits.connections
            return f"has {uses} in use{self._since('fewer_connections', is_learned)}"
        rate = self.rate(now)
        if rate is not None and self.wait_to_send(now) > 0:
            since = self._since("slower", self._learned_rate is not None)
            return f"accepts {_a_minute(rate)}{since}"
        return ""

    def _since(self, change: Change, is_learned: bool) -> str:
        complaint = self._complaints.get(change) if is_learned else None
        return f' since it answered "{complaint}"' if complaint else ""

    def keep_to_open(self, now: float) -> None:
        """Note that the server works, but lets in no more connections than are open now."""
        self._good = 0
        self._connections = max(1.0, min(self._connections, self.open_connections))
        self._complaints.pop("fewer_connections", None)
        self.reduced_at = now

    def take_lesson(
        self, lesson: Lesson, now: float, random: Random, reason: str, accepted: int = 0
    ) -> None:
        """Apply what a reply teaches about this hop; ``accepted`` recipients were accepted before
        it."""
        if lesson.change == "nothing" or lesson.scope == "credential":
            return
        self._good = 0
        if lesson.change == "fewer_recipients":
            if accepted:
                self._recipients = min(self._recipients, accepted)
        elif lesson.change == "fewer_connections":
            self._complaints[lesson.change] = reason
            self._connections = max(1.0, min(self._connections, self.open_connections) // 2)
            self.reduced_at = now
        elif lesson.change == "slower":
            self._complaints[lesson.change] = reason
            self._slow_down(now)
        else:
            self.breaker.record_failure(now, random, reason)

    def _slow_down(self, now: float) -> None:
        """Continue at two thirds of the excessive rate, with one step per quarter of a minute."""
        if self._learned_rate is not None and now - self._relaxed < MINUTE / 4:
            return
        current, recent = self.rate(now), self._recent_rate(now)
        if recent is None:
            return
        too_much = recent if current is None else min(recent, current)
        self._learned_rate = max(LEAST_RATE, too_much * 2 / 3)
        self._relaxed = now
        self._next_send = max(self._next_send, now + MINUTE / self._learned_rate)

    def _recent_rate(self, now: float) -> float | None:
        """Return the rate of recent messages a minute; None: too few to be too many."""
        recent = [each for each in self._sent if each > now - MINUTE]
        if len(recent) < FEW:
            return None
        span = (now - recent[0]) * len(recent) / (len(recent) - 1)
        return len(recent) * MINUTE / min(MINUTE, max(BRIEF, span))

    def _relax(self, now: float) -> None:
        """Let a learned rate grow, until it is no longer a limit."""
        if self._learned_rate is None or now - self._relaxed < MINUTE:
            return
        minutes = int((now - self._relaxed) // MINUTE)
        self._relaxed += minutes * MINUTE
        self._learned_rate *= RELAX ** min(minutes, 100)
        if self._learned_rate > (self._limits.rate or 60_000.0):
            self._learned_rate = None


class UpstreamCredential:
    """A credential at all servers that share it: it is paused as a whole.

    Until a login has succeeded, there is one at a time: if the secret were wrong, each login would
    count as a failed one.
    """

    def __init__(self, *, unproven: bool = True) -> None:
        """``unproven`` False: failed logins do not count there."""
        self._rate = Breaker(RATE)
        self._sign_in = Breaker(SIGN_IN, unproven=unproven)
        self._signed_in = self._sent = float("-inf")
        self.logins = LoginPause(DOUBTED)
        """After refusals that contradict an accepted login."""
        self.finding, self.advice = "", ""
        """What the doctor said when its login was refused last."""
        self.is_barred = False
        """Not the login was refused last, but all mail: the account is suspended, or the target's
        endpoint is another server."""

    def wait(self, now: float) -> float:
        """Return the seconds until it may be used; 0: now."""
        return max(self._rate.wait(now), self._sign_in.wait(now))

    def state(self, now: float) -> BreakerState:
        """Return its state: ``half-open`` permits one message as a trial."""
        both = {self._rate.state(now), self._sign_in.state(now)}
        return "open" if "open" in both else "half-open" if "half-open" in both else "closed"

    def is_paused(self, now: float) -> bool:
        """Tell whether it may not be used at all, not even by the current trial."""
        return self.state(now) == "open"

    @property
    def reason(self) -> str:
        """Why it is paused; empty if it is not."""
        return self._sign_in.reason or self._rate.reason

    @property
    def is_refused(self) -> bool:
        """The provider refused the login; no message can be sent until that is solved."""
        return bool(self._sign_in.reason)

    def has_signed_in_lately(self, now: float) -> bool:
        """Tell whether a login was accepted not long ago."""
        return now - self._signed_in < LATELY

    def has_sent_lately(self, now: float) -> bool:
        """Tell whether a message was accepted not long ago."""
        return now - self._sent < LATELY

    def is_trusted(self, now: float, begun: float) -> bool:
        """Tell whether a refusal of an attempt that had ``begun`` then contradicts an accepted
        login, and is to be checked soon."""
        return self.has_signed_in_lately(now) and self.logins.has_steps_left(begun)

    def begin(self, now: float) -> None:
        """Note that it is used for a message now; after a pause, for one at a time."""
        self._rate.begin(now)
        self._sign_in.begin(now)

    def abandon_trial(self) -> None:
        """Note that the message ended before it told anything about the credential."""
        self._rate.abandon_trial()
        self._sign_in.abandon_trial()

    def record_login(self, now: float, begun: float) -> None:
        """Note that a login has succeeded, of an attempt that had ``begun`` then."""
        self._signed_in = now
        self._sign_in.record_success(now)
        self.logins.record_success(begun)

    def record_success(self, now: float) -> None:
        """Note that a message was accepted."""
        self._sent = now
        self._rate.record_success(now)

    def take_lesson(
        self, lesson: Lesson, now: float, random: Random, reason: str, at_least: float = 0.0
    ) -> None:
        """Apply what a reply teaches about this credential; ``at_least`` is its Retry-After in
        seconds."""
        if lesson.scope == "credential" and lesson.change == "pause_long":
            self._sign_in.record_failure(now, random, reason, at_least)
        elif at_least > 0:
            self._rate.pause(now, at_least, reason)
        elif lesson.scope == "credential" and lesson.change == "pause":
            self._rate.record_failure(now, random, reason)


def learn(
    reply: Reply,
    phase: str,
    limiter: NextHopLimiter,
    credential: UpstreamCredential | None,
    moment: "ReplyContext",
) -> Lesson:
    """Apply what an error reply teaches to the hop and the credential; return it.

    Without a credential, what it teaches about one applies to the hop.
    """
    lesson = lesson_of(reply, phase)
    if lesson.change == "fewer_connections" and moment.begun < limiter.reduced_at:
        return NONE  # it began before the last reduction
    reason, now, random = reply.reason or str(reply), moment.now, moment.random
    quota = quota_of(reply)
    at_least = moment.at_least or (quota.seconds if quota else 0.0)
    if quota is not None:
        reason = quota.reason(reply)
    if credential is None and at_least > 0:
        limiter.breaker.pause(now, at_least, reason)
        return lesson
    if credential is None and lesson.scope == "credential":
        if lesson.change != "nothing":
            limiter.breaker.record_failure(now, random, reason, MINUTE)
        return lesson
    if credential is not None:
        has_shown = phase == "auth" and lesson.change == "fewer_connections"
        of_credential = PAUSE_CREDENTIAL if has_shown else lesson  # the server has seen the secret
        credential.take_lesson(of_credential, now, random, reason, at_least)
    limiter.take_lesson(lesson, now, random, reason, moment.accepted)
    return lesson


def _a_minute(rate: float) -> str:
    return "one message a minute" if rate <= 1 else f"{rate:.3g} messages a minute"


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """When and under which circumstances a reply was received."""

    now: float
    random: Random
    at_least: float = 0.0
    """Retry-After in seconds."""
    accepted: int = 0
    """Recipients that the server had accepted in the transaction."""
    seconds: float = 0.0
    """How long the attempt had taken that got the reply."""

    @property
    def begun(self) -> float:
        """When that attempt began."""
        return self.now - self.seconds
