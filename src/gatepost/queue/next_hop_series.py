"""How many deliveries each next hop took and deferred, how quickly, and how many waited: a value
for each minute of the last 24 hours, in memory. Time is an argument."""

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Metric = Literal["delivered", "deferred", "failed", "depth", "latency_p50", "latency_p95"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
CLASSES: Final = ("42z", "43z", "45z", "47z", "other")
"""Deferrals by the second digit of the code (RFC 5321 4.2.1): of the connection, of what is not
specified, of the mail system, of security (RFC 4954), and others."""
MINUTES: Final = 1_440
MAX_NEXT_HOPS: Final = 200
"""Next hops with series; the one without deliveries for longest is forgotten for a new one."""
MAX_LATENCIES: Final = 1_000
"""Latencies of a minute of which the percentiles are taken."""
_COUNTS: Final = ("delivered", "failed", "depth", *CLASSES)
_LATENCIES: Final[tuple[Metric, ...]] = ("latency_p50", "latency_p95")


@dataclass(slots=True)
class _Hop:
    """The rings of one next hop; the place of a minute is its number modulo MINUTES."""

    minute: int
    """The last one that has a value."""
    counts: dict[str, "array[int]"] = field(
        default_factory=lambda: {name: array("I", bytes(4 * MINUTES)) for name in _COUNTS}
    )
    latencies: dict[str, "array[float]"] = field(
        default_factory=lambda: {name: array("f", bytes(4 * MINUTES)) for name in _LATENCIES}
    )
    seconds: list[float] = field(default_factory=list)
    """The latencies of this minute, in order."""

    def move_to(self, minute: int) -> None:
        """Clear the minutes since the last one with a value."""
        first = max(self.minute + 1, minute - MINUTES + 1)
        for each in range(first, minute + 1):
            for counts in self.counts.values():
                counts[each % MINUTES] = 0
            for latencies in self.latencies.values():
                latencies[each % MINUTES] = 0.0
            depth = self.counts["depth"]  # the same until it is counted
            depth[each % MINUTES] = depth[(each - 1) % MINUTES]
        if minute > self.minute:
            self.minute = minute
            self.seconds = []


@dataclass(frozen=True, slots=True)
class SeriesPoints:
    """One metric of one next hop; each point has the beginning of its step, and a value."""

    start: int
    """Seconds since 1970."""
    step: int
    values: Sequence[float]
    by_class: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Of ``deferred``: the same by class."""


class NextHopSeries:
    """The series of all next hops, fed by the events of deliveries."""

    def __init__(self) -> None:
        self._hops: OrderedDict[str, _Hop] = OrderedDict()

    def record_delivery(self, key: str, seconds: float, now: float) -> None:
        """Count a delivery that took so many seconds."""
        hop, at = self._take(key, now)
        hop.counts["delivered"][at] += 1
        if len(hop.seconds) < MAX_LATENCIES:
            insort(hop.seconds, seconds)
        hop.latencies["latency_p50"][at] = _percentile(hop.seconds, 0.5)
        hop.latencies["latency_p95"][at] = _percentile(hop.seconds, 0.95)

    def record_deferral(self, key: str, reply: str, now: float) -> None:
        """Count a deferral; ``reply`` begins with its code."""
        hop, at = self._take(key, now)
        name = f"{reply[:2]}z"
        hop.counts[name if name in CLASSES else "other"][at] += 1

    def record_failure(self, key: str, now: float) -> None:
        """Count a delivery that has failed for good."""
        hop, at = self._take(key, now)
        hop.counts["failed"][at] += 1

    def record_depths(self, depths: Mapping[str, int], now: float) -> None:
        """Take the numbers of unsettled deliveries; next hops that are missing have none."""
        for key, depth in depths.items():
            hop, at = self._take(key, now)
            hop.counts["depth"][at] = depth
        for key, hop in self._hops.items():
            if key not in depths:
                hop.move_to(int(now // 60))
                hop.counts["depth"][int(now // 60) % MINUTES] = 0

    def has(self, key: str) -> bool:
        """Tell whether there is a series of a next hop."""
        return key in self._hops

    def keys(self) -> Sequence[str]:
        """Return the keys of the next hops that have series."""
        return tuple(self._hops)

    def points(self, key: str, metric: Metric, start: float, step: int, now: float) -> SeriesPoints:
        """Return a metric from ``start`` until now, in steps of so many seconds, which are whole
        minutes. Counts are sums, depths and latencies the highest of a step. Raises KeyError."""
        if key not in self._hops:
            raise KeyError(f"next hop {key}")
        hop, last = self._hops[key], int(now // 60)
        hop.move_to(last)
        every = max(1, step // 60)
        first = max(int(start // 60), last - MINUTES + 1)
        first += -first % every if first > last - MINUTES + every else 0
        minutes = [range(at, min(at + every, last + 1)) for at in range(first, last + 1, every)]
        if metric == "deferred":
            by_class = {name: _sums(hop.counts[name], minutes) for name in CLASSES}
            values = [sum(each) for each in zip(*by_class.values(), strict=True)]
            return SeriesPoints(first * 60, every * 60, values, by_class)
        if metric in ("delivered", "failed"):
            return SeriesPoints(first * 60, every * 60, _sums(hop.counts[metric], minutes))
        ring = hop.counts["depth"] if metric == "depth" else hop.latencies[metric]
        highest = [max(ring[each % MINUTES] for each in step_) for step_ in minutes]
        return SeriesPoints(first * 60, every * 60, [round(each, 3) for each in highest])

    def _take(self, key: str, now: float) -> tuple[_Hop, int]:
        """Return the rings of a next hop, and the place of this minute in them."""
        minute, hop = int(now // 60), self._hops.get(key)
        if hop is None:
            if len(self._hops) >= MAX_NEXT_HOPS:
                self._hops.popitem(last=False)
            hop = self._hops[key] = _Hop(minute)
        else:
            self._hops.move_to_end(key)
            hop.move_to(minute)
        return hop, minute % MINUTES


def _sums(ring: "array[int]", minutes: Sequence[range]) -> list[int]:
    return [sum([ring[each % MINUTES] for each in step]) for step in minutes]


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
