"""Which attempts may be in progress at once, so that servers that hang delay no others.

Each next hop may have one attempt. Once its server has greeted it may have more, which need a slot
of its target. Room for all attempts together is kept for next hops that accepted mail lately, and
for those that were not tried yet. Times are seconds of a monotonic clock.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final, Literal

from gatepost.model.route import ServerAddress
from gatepost.queue.why import AttemptStep, silence

LATELY: Final = 300.0
"""Seconds for which it counts that a server has greeted, or accepted or refused a message."""
ATTEMPTS: Final = 8192
"""Attempts at once, if the process may open enough files. One that waits takes some 20 KB."""
FURTHER: Final = 256
"""Attempts at once at the next hops of one target, besides the first at each of them."""
STALLED, STALLED_AT_CONTENT = 10.0, 60.0
"""Seconds without a new step after which an attempt gives its slot to others, and goes on without
one. Servers may examine a content for long."""
EXPENDABLE, EXPENDABLE_AGAIN = 3.0, 30.0
"""Seconds without an answer after which an attempt is given up if there is no room for others: for
a next hop that was not tried yet, and for another one that did not answer."""
LOOKS: Final = 32
"""Attempts that are looked at to find one to give up."""
PERIOD: Final = 1.0
"""Seconds between two looks for stalled attempts."""

Kind = Literal["suspect", "new", "proven"]
"""A next hop whose last attempt got no answer; of which nothing is known; that works."""
Lack = Literal["greeting", "further", "room"]
"""What an attempt must wait for: the greeting of its server, a slot of its target, or room."""


class Liveness:
    """Whether the servers of a next hop answer, and its attempts in progress.

    ``greets`` False: they do not speak first, as APIs, so nothing waits for a greeting.
    """

    __slots__ = ("_answered", "_is_suspect", "_proven", "greets", "slots", "without_pool")

    def __init__(self, *, greets: bool = True) -> None:
        self.greets = greets
        self.slots: dict[Slot, None] = {}
        """The attempts, oldest first."""
        self.without_pool = 0
        """How many of them have no slot of a pool: the first one, and stalled ones."""
        self._answered = self._proven = float("-inf")
        self._is_suspect = False

    def kind(self, now: float) -> Kind:
        """Return what is known of it."""
        if now - self._proven < LATELY:
            return "proven"
        return "suspect" if self._is_suspect else "new"

    def has_greeted(self, now: float) -> bool:
        """Tell whether it may have more than one attempt."""
        return not self.greets or now - self._answered < LATELY

    def record_greeting(self, now: float) -> None:
        """Note that a server has greeted."""
        self._answered = now

    def record_reply(self, now: float) -> None:
        """Note that a server replied to the end of an attempt."""
        self._answered = self._proven = now
        self._is_suspect = False

    def record_failure(self, *, is_silent: bool) -> None:
        """Note that an attempt ended without a reply; ``is_silent``: nothing came in time."""
        self._is_suspect = True
        if is_silent:
            self.record_stall()

    def record_stall(self) -> None:
        """Note that a server has fallen silent: it must greet again before it gets more."""
        self._answered = self._proven = float("-inf")


def _unknown() -> AttemptStep:
    return ""


class Slot:
    """One attempt in progress; ``Slots.end`` ends it."""

    __slots__ = (
        "_seen", "_seen_at", "begun", "give_up", "hop", "kind", "pool", "server", "step",
    )  # fmt: skip

    def __init__(self, hop: Liveness, kind: Kind, pool: str | None, now: float) -> None:
        self.hop, self.kind, self.begun = hop, kind, now
        self.pool = pool
        """Of which it has a slot; None: the first attempt needs none, nor does a stalled one."""
        self.server: ServerAddress | None = None
        """The server that is being tried."""
        self.step: Callable[[], AttemptStep] = _unknown
        """Returns the step that the attempt has reached."""
        self.give_up: Callable[[], None] | None = None
        """Ends the attempt as if the server had not answered in time; None: impossible now."""
        self._seen: AttemptStep = "connect"
        self._seen_at = now

    def silence(self, now: float) -> float:
        """Return for how many seconds the attempt is known to have made no progress."""
        step = self.step()
        if step != self._seen and (step, self._seen) != ("greeting", "connect"):
            self._seen_at = now
        self._seen = step
        return now - self._seen_at

    def is_stalled(self, now: float) -> bool:
        """Tell whether it has made no progress for a while."""
        silence = self.silence(now)
        is_late = self._seen in ("content", "answer", "")
        return silence >= (STALLED_AT_CONTENT if is_late else STALLED)

    def is_expendable(self, now: float, seconds: float) -> bool:
        """Tell whether it may be given up: it has sent no content and no secret, and got no answer
        for the given number of seconds."""
        silence = self.silence(now)
        is_early = self._seen not in ("auth", "content", "answer", "")
        return self.give_up is not None and is_early and silence >= seconds


class Slots:
    """The attempts of all next hops; ``most`` is their number."""

    def __init__(self, most: int = ATTEMPTS) -> None:
        self._most: dict[Kind, int] = {
            "suspect": max(1, most // 2), "new": max(1, most * 3 // 4), "proven": most,
        }  # fmt: skip
        """How many there may be of a kind and those before it."""
        self._roomy = min(self._most.values())
        """With fewer, there is room for each kind."""
        self._all: dict[Kind, OrderedDict[Slot, None]] = {
            "suspect": OrderedDict(), "new": OrderedDict(), "proven": OrderedDict(),
        }  # fmt: skip
        self._count = 0
        self._pools: Counter[str] = Counter()
        self._looked: dict[str, float] = {}
        """By pool, when it was searched for stalled attempts."""

    def __len__(self) -> int:
        """Return the number of attempts."""
        return self._count

    def take(self, hop: Liveness, target: str, now: float) -> Slot | Lack:
        """Begin an attempt, or return what it must wait for."""
        kind = hop.kind(now)
        pool: str | None = None
        if hop.without_pool:
            if not hop.has_greeted(now):
                return "greeting"
            pool = pool_of(kind, target)
            if self._pools[pool] >= FURTHER and not self._try_reclaim(pool, now):
                return "further"
        if self._count >= self._roomy and not self._has_room(kind):
            self._make_room(kind, now)
            return "room"
        slot = Slot(hop, kind, pool, now)
        hop.slots[slot] = self._all[kind][slot] = None
        self._count += 1
        if pool is None:
            hop.without_pool += 1
        else:
            self._pools[pool] += 1
        return slot

    def end(self, slot: Slot) -> None:
        """End an attempt."""
        del slot.hop.slots[slot], self._all[slot.kind][slot]
        self._count -= 1
        self._leave_pool(slot)
        slot.hop.without_pool -= 1

    def limit(self, hop: Liveness, target: str, now: float) -> str:
        """Return why a next hop gets no further attempt, as the end of a sentence; empty if it
        does."""
        kind = hop.kind(now)
        if hop.slots and not hop.has_greeted(now):
            first = next(iter(hop.slots))
            return silence(now - first.begun, first.step())
        pool = pool_of(kind, target)
        if hop.slots and self._pools[pool] >= FURTHER:
            return f"must share {FURTHER} further connections with other next hops"
        if not self._has_room(kind):
            return f"must wait while {len(self)} connections to other servers are in use"
        return ""

    def _leave_pool(self, slot: Slot) -> None:
        if slot.pool is not None:
            self._pools[slot.pool] -= 1
            if not self._pools[slot.pool]:
                del self._pools[slot.pool]
                self._looked.pop(slot.pool, None)
            slot.pool = None
            slot.hop.without_pool += 1

    def _has_room(self, kind: Kind) -> bool:
        count, is_limited = 0, False
        for each, slots in self._all.items():
            count += len(slots)
            is_limited = is_limited or each == kind
            if is_limited and count >= self._most[each]:
                return False
        return True

    def _try_reclaim(self, pool: str, now: float) -> bool:
        """Take the slots of stalled attempts back; tell whether there were any."""
        if now - self._looked.get(pool, float("-inf")) < PERIOD:
            return False
        self._looked[pool] = now
        held = [each for slots in self._all.values() for each in slots if each.pool == pool]
        stalled = [each for each in held if each.is_stalled(now)]
        for slot in stalled:
            self._leave_pool(slot)
            slot.hop.record_stall()
        return bool(stalled)

    def _make_room(self, kind: Kind, now: float) -> None:
        """Give up an old attempt that waits for its server, so that an attempt of this kind, or a
        better one, finds room at its next try."""
        seconds = EXPENDABLE_AGAIN if kind == "suspect" else EXPENDABLE
        for each, slots in self._all.items():
            for slot in list(islice(slots, LOOKS)):
                if slot.is_expendable(now, seconds) and slot.give_up is not None:
                    give_up, slot.give_up = slot.give_up, None
                    give_up()
                    return
                slots.move_to_end(slot)
            if each == kind:
                return


def pool_of(kind: Kind, target: str) -> str:
    """Return whose slots the further attempts at a next hop need: those of its target, or of all
    next hops together that have accepted nothing lately."""
    return target if kind == "proven" else ""
