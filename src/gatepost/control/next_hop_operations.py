"""``next-hops`` of Gatepost's own API: deliveries, rates, latencies, and their series."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gatepost.control.queue_control import QueueControl
from gatepost.model.rfc3339 import utc_text
from gatepost.model.route import parse_next_hop
from gatepost.queue.deliveries_contract import QueueCount
from gatepost.queue.next_hop_series import METRICS, Metric, NextHopSeries
from gatepost.queue.pause import Pause

Document = dict[str, Any]
RECENT: Final = 300
"""Seconds over which the rates of a listing are taken."""
DAY: Final = 86_400
MOST_POINTS: Final = 120
"""Points of a series, unless its step is chosen."""
_UNITS: Final[Mapping[Metric, str]] = {
    "delivered": "deliveries", "deferred": "deliveries", "failed": "deliveries",
    "depth": "deliveries", "latency_p50": "seconds", "latency_p95": "seconds",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NextHopControl:
    """What the operations work on."""

    queue: QueueControl
    series: NextHopSeries
    now: Callable[[], datetime]

    async def operate(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """``list``, or ``series`` of ``key``. Raises KeyError and ValueError."""
        if operation == "list":
            return await self._list()
        if operation == "series":
            return self._series(fields)
        raise ValueError(f"unknown operation {operation[:40]!r}")

    async def _list(self) -> Document:
        counts = await self.queue.deliveries.count()
        keys = sorted({*counts, *self.series.keys()})
        return {"next_hops": [self._document(key, counts.get(key, QueueCount())) for key in keys]}

    def _document(self, key: str, count: QueueCount) -> Document:
        next_hop, deliverer = parse_next_hop(key), self.queue.deliverer
        pause = None if deliverer is None else deliverer.pause_of(next_hop)
        return {
            "next_hop": key,
            "waiting": count.waiting,
            "leased": count.leased,
            "held": count.held,
            "targets": list(self.queue.targets(next_hop)),
            "delivered_per_minute": self._recent(key, "delivered"),
            "deferred_per_minute": self._recent(key, "deferred"),
            "failed_per_minute": self._recent(key, "failed"),
            "latency_p50": self._latency(key, "latency_p50"),
            "latency_p95": self._latency(key, "latency_p95"),
            "pause": None if pause is None else pause_document(pause),
        }

    def _recent(self, key: str, metric: Metric) -> float:
        return round(sum(self._last_values(key, metric)) / (RECENT / 60), 2)

    def _latency(self, key: str, metric: Metric) -> float | None:
        return max(self._last_values(key, metric), default=0.0) or None

    def _last_values(self, key: str, metric: Metric) -> list[float]:
        if not self.series.has(key):
            return []
        now = self.now().timestamp()
        return list(self.series.points(key, metric, now - RECENT + 60, 60, now).values)

    def _series(self, fields: Mapping[str, Any]) -> Document:
        key, metric = str(fields["key"]), str(fields.get("metric") or "delivered")
        if metric not in METRICS:
            raise ValueError(f"there is no metric {metric[:40]}; known: {', '.join(METRICS)}")
        now = self.now().timestamp()
        start = _moment(fields.get("from"), now)
        step = int(fields.get("step") or _usual_step(now - start))
        points = self.series.points(key, metric, start, step, now)
        times = [points.start + at * points.step for at in range(len(points.values))]
        return {
            "next_hop": key,
            "metric": metric,
            "unit": _UNITS[metric],
            "step": points.step,
            "points": [[_time(at), value] for at, value in zip(times, points.values, strict=True)],
            "by_class": {name: list(values) for name, values in points.by_class.items()},
        }


def pause_document(pause: Pause) -> Document:
    """Return why nothing is tried."""
    return {
        "what": pause.what,
        "state": pause.state,
        "seconds": round(pause.seconds, 1),
        "reason": pause.reason,
        "needs_operator": pause.needs_operator,
        "finding": pause.finding or None,
        "advice": pause.advice,
    }


def _usual_step(span: float) -> int:
    """Return the step of a series of so many seconds: whole minutes."""
    return max(1, -(-int(span) // (60 * MOST_POINTS))) * 60


def _moment(text: Any, now: float) -> float:
    """Return the beginning of a series: a time, or seconds before now as a negative number; the
    last hour if it is missing. Raises ValueError."""
    if text in (None, ""):
        return now - 3_600 + 60
    try:
        seconds = float(text)
    except ValueError:
        moment = datetime.fromisoformat(str(text))
        return max(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp(), now - DAY)
    return max(now + seconds if seconds <= 0 else seconds, now - DAY)


def _time(moment: int) -> str:
    return utc_text(datetime.fromtimestamp(moment, UTC))
