"""All rules of a server with their counters, and the decision about an event."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import Any, Final

from msgspec.structs import replace

from gatepost.errors import GatepostError
from gatepost.failures.compiled_rule import CompiledRule, NameTest, key_of
from gatepost.failures.counters import Counters, chance_of
from gatepost.failures.decision import NOTHING, Decision, Firing
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import FailureRule, Key, Quota, Stage
from gatepost.failures.reply_text import fill_in
from gatepost.failures.reserved_addresses import ReservedAddresses
from gatepost.model.reply import Reply

MAX_RULES: Final = 1_000
MAX_FIRED: Final = 1_000
"""Firings that are remembered, the last ones."""
Place = tuple[str, str]
"""The lane (empty: none) and the id of a rule."""


class StaleRevision(GatepostError):
    """The rule has changed since the caller read it."""


@dataclass(slots=True)
class Nearest:
    """The event that came nearest to a rule that has never applied."""

    holding: int
    session: str
    failing: str
    """The condition that does not hold."""


@dataclass(slots=True)
class RuleEntry:
    """A rule in the book."""

    compiled: CompiledRule
    number: int
    """By age."""
    revision: int
    origin: str = ""
    """What it belongs to, and is replaced with: ``file``, ``chaos``; empty: nothing."""
    counters: Counters = field(default_factory=Counters)
    nearest: Nearest | None = None
    is_paused: bool = False
    """It is not asked until it is resumed; its counters stay."""

    @property
    def rule(self) -> FailureRule:
        """The rule."""
        return self.compiled.rule

    @property
    def place(self) -> Place:
        """Its key."""
        return self.rule.lane or "", self.rule.id

    @property
    def is_exhausted(self) -> bool:
        """Whether it can never fire again for the keys that it has counted."""
        times, counters = self.rule.when.times, self.counters
        if times is None or not counters.keys:
            return False
        return self.rule.when.per == "rule" and counters.fired >= times


@dataclass(frozen=True, slots=True)
class FiredRecord:
    """One firing, as it is listed."""

    number: int
    rule: str
    lane: str
    at: float
    """Seconds since 1970."""
    stage: Stage
    session: str
    peer: str
    attempt: int
    key: str


class Rulebook:
    """The rules. Changes take the time, in seconds since 1970; so does the decision."""

    def __init__(
        self, seed: int, name_of: NameTest = lambda _: "", *, has_reserved: bool = False
    ) -> None:
        """``seed``: for rules without one; ``name_of`` names the application with an id.
        ``has_reserved``: addresses at the reserved domain need no rule."""
        self._reserved = ReservedAddresses() if has_reserved else None
        self.seed: Final = seed
        self._name_of = name_of
        self._entries: dict[Place, RuleEntry] = {}
        self._numbers, self._firings = count(1), count(1)
        self._at_stage: dict[tuple[str, Stage], list[RuleEntry]] = {}
        self.revision = 0
        """Changes with every change of the rules."""
        self.stages: frozenset[Stage] = frozenset()
        """The stages that have rules."""
        self.wants_header = False
        """Whether a rule needs the header of messages."""
        self.fired: deque[FiredRecord] = deque(maxlen=MAX_FIRED)
        self.on_change: Callable[[], None] = lambda: None

    # Changes.

    def add(self, rule: FailureRule, now: float, *, origin: str = "") -> RuleEntry:
        """Add a rule. Raises ValueError if its id exists, or if there are too many rules."""
        if not rule.id:
            rule = replace(rule, id=self._free_id(rule))
        place = rule.lane or "", rule.id
        if place in self._entries:
            raise ValueError(f"there is a rule {rule.id} already: replace or delete it")
        if len(self._entries) >= MAX_RULES:
            raise ValueError(f"there are {MAX_RULES} rules already")
        entry = self._make(rule, now, origin)
        self._entries[place] = entry
        self._arrange()
        return entry

    def _make(self, rule: FailureRule, now: float, origin: str) -> RuleEntry:
        compiled = CompiledRule(rule, now, self._name_of)
        self.revision += 1
        return RuleEntry(compiled, next(self._numbers), self.revision, origin)

    def _free_id(self, rule: FailureRule) -> str:
        stage = rule.when.stage if isinstance(rule.when.stage, str) else rule.when.stage[0]
        taken = self._entries.keys()
        lane = rule.lane or ""
        return next(name for n in count(1) if (lane, name := f"{stage}-{n}") not in taken)

    def replace(self, rule: FailureRule, now: float, *, revision: int | None = None) -> RuleEntry:
        """Replace the rule with the same lane and id; its counters begin anew. Raises KeyError if
        there is none, and StaleRevision if it has another ``revision``."""
        before = self.entry(rule.id, rule.lane or "")
        _check_revision(before, revision)
        entry = self._make(rule, now, before.origin)
        entry.number, entry.is_paused = before.number, before.is_paused
        self._entries[entry.place] = entry
        self._arrange()
        return entry

    def pause(self, id_: str = "", lane: str = "", *, is_paused: bool = True) -> list[RuleEntry]:
        """Do not ask a rule, or all of a lane or without one, or ask them again. Raises
        KeyError."""
        entries = [self.entry(id_, lane)] if id_ else self.entries(lane)
        for entry in entries:
            entry.is_paused = is_paused
        self.revision += 1
        self._arrange()
        return entries

    def move(self, id_: str, before: str = "", lane: str = "") -> RuleEntry:
        """Let a rule be asked right before another one of its lane, with the same ``order``, or
        after all others; its counters stay. Raises KeyError."""
        moved = self.entry(id_, lane)
        others = [each for each in self.entries(lane) if each is not moved]
        at = others.index(self.entry(before, lane)) if before and before != id_ else len(others)
        if before == id_ or not others:
            return moved
        neighbour = others[min(at, len(others) - 1)]
        if moved.rule.order != neighbour.rule.order:
            rule = replace(moved.rule, order=neighbour.rule.order)
            moved.compiled = CompiledRule(rule, moved.compiled.begin, self._name_of)
            moved.revision = self.revision + 1
        others.insert(at, moved)
        ages = sorted(each.number for each in others)
        for entry, age in zip(others, ages, strict=True):
            entry.number = age
        self.revision += 1
        self._arrange()
        return moved

    def delete(self, id_: str, lane: str = "", *, revision: int | None = None) -> RuleEntry:
        """Delete a rule, and return it. Raises KeyError and StaleRevision."""
        entry = self.entry(id_, lane)
        _check_revision(entry, revision)
        del self._entries[entry.place]
        self.revision += 1
        self._arrange()
        return entry

    def delete_all(self, lane: str = "") -> list[RuleEntry]:
        """Delete the rules of a lane, or those without one."""
        deleted = [each for each in self._entries.values() if each.place[0] == lane]
        for each in deleted:
            del self._entries[each.place]
        self.revision += 1
        self._arrange()
        return deleted

    def put_all(self, origin: str, rules: list[FailureRule], now: float) -> None:
        """Replace the rules of an origin. Those that have not changed keep their counters; together
        they keep their age, in the order of ``rules``.

        Raises ValueError if an id belongs to a rule of another origin; then nothing changes.
        """
        own = {each.place: each for each in self._entries.values() if each.origin == origin}
        others = {place: each for place, each in self._entries.items() if place not in own}
        if len(others) + len(rules) > MAX_RULES:
            raise ValueError(f"there can be {MAX_RULES} rules")
        merged, ages = dict(others), sorted(each.number for each in own.values())
        for rule in rules:
            place = rule.lane or "", rule.id
            if place in merged:
                raise ValueError(f"there is another rule {rule.id}")
            before = own.get(place)
            is_same = before is not None and before.rule == rule
            merged[place] = before if is_same else self._make(rule, now, origin)  # type: ignore[assignment]
        for rule, age in zip(rules, ages, strict=False):
            merged[rule.lane or "", rule.id].number = age
        self._entries = merged
        self.revision += 1
        self._arrange()

    def reset(self, now: float, id_: str = "", lane: str = "") -> list[RuleEntry]:
        """Clear the counters of a rule, or of all without a lane or of one; times such as ``+5s``
        begin anew. Raises KeyError."""
        entries = [self.entry(id_, lane)] if id_ else list(self.entries(lane))
        for entry in entries:
            entry.counters, entry.nearest = Counters(), None
            entry.compiled = CompiledRule(entry.rule, now, self._name_of)
        places = {each.place for each in entries}
        kept = [each for each in self.fired if (each.lane, each.rule) not in places]
        self.fired = deque(kept, maxlen=MAX_FIRED)
        return entries

    def _arrange(self) -> None:
        """Sort the rules by lane and stage."""
        self._at_stage = {}
        asked = [each for each in self._entries.values() if not each.is_paused]
        entries = sorted(asked, key=lambda each: (each.rule.order, each.number))
        for entry in entries:
            for stage in entry.compiled.stages:
                self._at_stage.setdefault((entry.place[0], stage), []).append(entry)
        self.stages = frozenset([stage for _, stage in self._at_stage])
        self.wants_header = any(
            each.rule.when.header or each.rule.when.subject or _needs_message_id(each.rule)
            for each in entries
        )
        self.on_change()

    # Questions.

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, id_: str, lane: str = "") -> RuleEntry:
        """Return a rule. Raises KeyError."""
        entry = self._entries.get((lane, id_))
        if entry is None:
            raise KeyError(f"rule {id_[:80]}")
        return entry

    def entries(self, lane: str | None = None) -> list[RuleEntry]:
        """Return the rules of a lane in the order in which they are asked; None: of all lanes."""
        listed = [each for each in self._entries.values() if lane in (None, each.place[0])]
        return sorted(listed, key=lambda each: (each.place[0], each.rule.order, each.number))

    def entries_of(self, origin: str) -> list[RuleEntry]:
        """Return the rules of an origin."""
        return [each for each in self._entries.values() if each.origin == origin]

    # The decision.

    def decide(self, facts: EventFacts, now: float) -> Decision:
        """Count an event, and return what happens. ``now`` is in seconds since 1970."""
        if facts.stage not in self.stages and self._reserved is None:
            return NOTHING
        firings: list[Firing] = []
        counted: list[str] = []
        for entry in self._candidates(facts):
            if entry.rule.id in facts.counted:
                continue
            failing = entry.compiled.failing(facts, now)
            if failing:
                _note_nearest(entry, facts, failing)
                continue
            counted.append(entry.rule.id)
            firing = self._fire(entry, facts, now)
            if firing is None:
                continue
            if not entry.rule.do.pass_:
                firings.append(firing)
            if not entry.rule.do.go_on:
                break
        else:
            reserved = self._reserved.firing_at(facts) if self._reserved is not None else None
            if reserved is not None:
                firings.append(reserved)
        if not (firings or counted):
            return NOTHING
        return Decision(tuple(firings), tuple(counted))

    def _candidates(self, facts: EventFacts) -> Iterator[RuleEntry]:
        lane, stage = facts.session.lane, facts.stage
        if lane:
            yield from self._at_stage.get((lane, stage), ())
        yield from self._at_stage.get(("", stage), ())

    def _fire(self, entry: RuleEntry, facts: EventFacts, now: float) -> Firing | None:
        """Count an event to which a rule applies; None if the rule does not fire at it."""
        when, counters = entry.rule.when, entry.counters
        key = key_of(when.per, facts)
        seed = when.seed if when.seed is not None else self._seed_of(entry)
        counts = counters.count_of(key)
        counts.seen += 1
        counters.seen += 1
        attempt = counts.seen
        if entry.compiled.attempt is not None and attempt not in entry.compiled.attempt:
            return None
        if when.chance is not None and chance_of(seed, key, attempt) >= when.chance:
            return None
        if when.times is not None and counts.fired >= when.times:
            return None
        wait = _wait_of(entry, facts, now)
        if wait == 0.0:
            return None
        counts.fired += 1
        self._record(entry, facts, now, attempt, key)
        delay = _delay_of(entry, chance_of(seed, key, attempt, "delay"))
        reply = _fill_in(entry.compiled.reply, facts, attempt, wait)
        outcome = entry.rule.do.outcome
        recipients = entry.compiled.recipients_in(facts) if outcome is not None else ()
        return Firing(entry.rule.id, entry.rule.do, delay, reply, recipients)

    def _seed_of(self, entry: RuleEntry) -> int:
        """Return the seed of a rule without one: of each, another one."""
        return int(chance_of(self.seed, entry.rule.id, 0, "seed") * 2**53)

    def _record(
        self, entry: RuleEntry, facts: EventFacts, now: float, attempt: int, key: str
    ) -> None:
        counters, session = entry.counters, facts.session
        if key.casefold() == facts.user.casefold():
            key = facts.shown_user or key
        counters.fired += 1
        counters.first_at = now if counters.first_at is None else counters.first_at
        counters.last_at, counters.last_session = now, session.session
        self.fired.append(
            FiredRecord(
                next(self._firings), entry.rule.id, entry.place[0], now, facts.stage,
                session.session, session.peer, attempt, key,
            )
        )  # fmt: skip


def _check_revision(entry: RuleEntry, revision: int | None) -> None:
    if revision is not None and revision != entry.revision:
        raise StaleRevision(
            f"rule {entry.rule.id} has changed: its revision is {entry.revision}, not {revision}"
        )


def _needs_message_id(rule: FailureRule) -> bool:
    keys: list[Key] = [rule.when.per]
    keys += [rule.do.greylist.per] if rule.do.greylist else []
    keys += [rule.do.quota.per] if rule.do.quota else []
    return "message_id" in keys


def _note_nearest(entry: RuleEntry, facts: EventFacts, failing: str) -> None:
    """Remember the event that came nearest to a rule, until the rule has applied once."""
    if entry.counters.seen:
        return
    holding = entry.compiled.nearness(facts)
    if entry.nearest is None or holding >= entry.nearest.holding:
        entry.nearest = Nearest(holding, facts.session.session, failing)


def _wait_of(entry: RuleEntry, facts: EventFacts, now: float) -> float | None:
    """Return the seconds for which a greylist or quota refuses, 0 if it lets pass; None if the rule
    has neither."""
    do, counters = entry.rule.do, entry.counters
    if do.greylist is not None:
        key = "g" + key_of(do.greylist.per, facts)
        return counters.wait_of_greylist(key, do.greylist.wait, now)
    if do.quota is not None:
        key, quota = "q" + key_of(do.quota.per, facts), do.quota
        amount = _amount_of(quota, facts)
        return counters.wait_of_quota(key, quota.limit, quota.window, now, amount)
    return None


def _amount_of(quota: Quota, facts: EventFacts) -> int:
    if quota.unit == "octet":
        return facts.size
    if quota.unit == "recipient":
        return max(1, len(facts.recipients))
    return 1


def _delay_of(entry: RuleEntry, number: float) -> float:
    delay = entry.rule.do.delay
    if isinstance(delay, list):
        return delay[0] + (delay[1] - delay[0]) * number
    return delay or 0.0


def _fill_in(
    reply: Reply | None, facts: EventFacts, attempt: int, wait: float | None
) -> Reply | None:
    if reply is None:
        return None
    values: dict[str, Any] = {
        "recipient": ", ".join(facts.recipients[:5]),
        "sender": facts.sender,
        "user": facts.shown_user or facts.user,
        "attempt": str(attempt),
        "wait": str(ceil(wait or 0)),
    }
    return fill_in(reply, values, "a rule")
