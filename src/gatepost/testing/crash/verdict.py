"""Judges what arrived by what was acknowledged. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from gatepost.testing.crash.database import BLOWS, Blow
from gatepost.testing.upstream import Taken

Victim = Literal["worker", "store", "relay", "node paused"] | Blow
"""A front process, the store process alone, all processes of the relay at once, a node that is only
stopped for a while, or what happened to the database."""

SETTLED_WITHIN: Final = 10.0
"""Maximum seconds from the upstream's 250 to the commit that settles the delivery: a later kill
cannot have interrupted it. While something happens to the database, no delivery is settled, and
this time begins at the end of that."""
SETTLING: Final = 3.0
"""Seconds that a database may need for it, when nothing has happened to it."""
_FINAL: Final = "Final-Recipient: rfc822;"
_FAILED: Final = "Action: failed"

Pair = tuple[str, str]
"""A Message-ID and one of its recipients, for whom an acknowledgement is valid."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message whose final 250 its sender has read."""

    message_id: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill; ``at`` is a time of the clock of ``Taken.at``."""

    victim: Victim
    at: float
    over: float
    """When the upstreams had read the last of what had been sent to them."""
    in_flight: int = 0
    """Number of deliveries that may have been in progress, each of which may be repeated."""


@dataclass(frozen=True, slots=True)
class CrashRecords:
    """What a crash run has recorded: mail sent, mail delivered, kills, mail left in the queue."""

    sent: Sequence[SentMessage]
    taken: Sequence[Taken]
    kills: Sequence[Kill]
    queued: Collection[Pair] = frozenset()
    refused: Collection[str] = frozenset()
    """Recipients of whom an event says that they were not reached."""


@dataclass(slots=True)
class CrashVerdict:
    """The result for every recipient of every acknowledged message."""

    acknowledged: int = 0
    """Number of messages."""
    promised: int = 0
    """Number of their recipients."""
    arrived: int = 0
    notified: int = 0
    """The sender was notified of the failure, or an event says so."""
    queued: int = 0
    lost: list[Pair] = field(default_factory=list)
    damaged: list[Pair] = field(default_factory=list)
    """Arrived with another content than was sent."""
    unacknowledged: int = 0
    """Messages that arrived although no 250 was read: the relay was killed before that."""
    doubled_by_kill: int = 0
    """Deliveries that were in progress at a kill, and arrived twice."""
    doubled_by_upstream: int = 0
    """The upstream accepted it and disconnected: RFC 5321 4.5.3.2.6 requires to send it again."""
    unexplained: list[Pair] = field(default_factory=list)
    """Arrived twice without an explanation."""
    crowded: list[str] = field(default_factory=list)
    """Kills after which more messages arrived twice than had been in progress."""
    notified_twice: list[Pair] = field(default_factory=list)
    """Two different notifications of one failure."""

    @property
    def is_good(self) -> bool:
        """The promise was kept."""
        return not (
            self.lost or self.damaged or self.unexplained or self.crowded or self.notified_twice
        )


def judge(records: CrashRecords) -> CrashVerdict:
    """Compare what arrived with what was acknowledged."""
    mail = [each for each in records.taken if each.sender]
    arrivals = _by_pair(mail)
    notices = _notices(each for each in records.taken if not each.sender)
    verdict = CrashVerdict(acknowledged=len(records.sent))
    for message in records.sent:
        for address in message.recipients:
            verdict.promised += 1
            pair = (message.message_id, address)
            if pair in arrivals:
                verdict.arrived += 1
                if not all(each.content.endswith(message.content) for each in arrivals[pair]):
                    verdict.damaged.append(pair)
            elif address in notices or address in records.refused:
                verdict.notified += 1
            elif pair in records.queued:
                verdict.queued += 1
            else:
                verdict.lost.append(pair)
    acknowledged = {each.message_id for each in records.sent}
    verdict.unacknowledged = len({each.message_id for each in mail} - acknowledged)
    verdict.notified_twice = [("", to) for to, ids in notices.items() if len(ids) > 1]
    _count_doubles(verdict, _by_pair(records.taken), records.kills)
    return verdict


def _by_pair(taken: Iterable[Taken]) -> Mapping[Pair, list[Taken]]:
    by_pair: defaultdict[Pair, list[Taken]] = defaultdict(list)
    for each in taken:
        for address in each.recipients:
            by_pair[each.message_id, address].append(each)
    return by_pair


def _notices(taken: Iterable[Taken]) -> Mapping[str, set[str]]:
    """Return the Message-IDs of failure notices, by the recipient that they are about."""
    by_pair: defaultdict[str, set[str]] = defaultdict(set)
    for each in taken:
        for address in failed_recipients(each.content.decode("utf-8", "replace")):
            by_pair[address].add(each.message_id)
    return by_pair


def failed_recipients(report: str) -> Iterator[str]:
    """Yield the failed recipients of a delivery status notification (RFC 3464 2.3)."""
    for block in report.replace("\r\n", "\n").split("\n\n"):
        lines = block.split("\n")
        if _FAILED in lines:
            for line in lines:
                if line.startswith(_FINAL):
                    yield line.removeprefix(_FINAL).strip()


def _count_doubles(
    verdict: CrashVerdict, arrivals: Mapping[Pair, list[Taken]], kills: Sequence[Kill]
) -> None:
    blows = [each for each in kills if each.victim in BLOWS]
    fatal = [each for each in kills if each.victim in ("store", "relay", "node paused")]
    by_kill: Counter[Kill] = Counter()
    counted: set[tuple[int, int]] = set()
    for pair, copies in arrivals.items():
        for first, second in pairwise(sorted(copies, key=lambda each: each.at)):
            if (id(first), id(second)) in counted:
                continue  # another recipient of the same transaction
            counted.add((id(first), id(second)))
            if first.silent:
                verdict.doubled_by_upstream += 1
            elif (kill := _kill_between(first, second, fatal, blows)) is not None:
                verdict.doubled_by_kill += 1
                by_kill[kill] += 1
            else:
                verdict.unexplained.append(pair)
    for kill, count in by_kill.items():
        if count > kill.in_flight:
            verdict.crowded.append(f"{count} after a kill with {kill.in_flight} in flight")


def _kill_between(
    first: Taken, second: Taken, kills: Sequence[Kill], blows: Sequence[Kill]
) -> Kill | None:
    """Return the kill that can have prevented the settlement of the first delivery, which ``blows``
    to the database can have delayed."""
    begun = first.at
    for each in sorted(blows, key=lambda blow: blow.at):
        if each.at - SETTLING <= begun <= each.over:
            begun = each.over
    until = min(second.at, begun + SETTLED_WITHIN)
    return next((each for each in kills if first.at <= each.over and each.at <= until), None)
