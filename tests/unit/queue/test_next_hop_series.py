"""The series of next hops: a value for each minute of a day, within a bound."""

import pytest

from gatepost.queue.next_hop_series import MAX_NEXT_HOPS, METRICS, MINUTES, NextHopSeries

NOON = 1_795_996_800.0
HOUR = 3_600.0


@pytest.fixture
def series() -> NextHopSeries:
    series = NextHopSeries()
    for minute in range(10):
        for number in range(minute):
            series.record_delivery("out/a", 0.1 * (number + 1), NOON + 60 * minute)
    return series


def test_counts_are_sums_of_their_steps(series: NextHopSeries) -> None:
    now = NOON + 9 * 60
    minutes = series.points("out/a", "delivered", NOON, 60, now)
    assert (minutes.start, minutes.step) == (int(NOON), 60)
    assert list(minutes.values) == list(range(10))
    steps = series.points("out/a", "delivered", NOON, 300, now)
    assert list(steps.values) == [0 + 1 + 2 + 3 + 4, 5 + 6 + 7 + 8 + 9]


def test_latencies_are_percentiles(series: NextHopSeries) -> None:
    now = NOON + 9 * 60
    [p50] = series.points("out/a", "latency_p50", now, 60, now).values
    [p95] = series.points("out/a", "latency_p95", now, 60, now).values
    assert (p50, p95) == (0.5, 0.9)


def test_deferrals_are_counted_by_class() -> None:
    series = NextHopSeries()
    for reply in ("421 4.7.0 Later", "450 4.2.0 Greylisted", "451 no", "454 no", "471 no", "", "4"):
        series.record_deferral("out/a", reply, NOON)
    series.record_failure("out/a", NOON)
    points = series.points("out/a", "deferred", NOON, 60, NOON)
    assert list(points.values) == [7]
    by_class = {name: list(values) for name, values in points.by_class.items()}
    assert by_class == {"42z": [1], "43z": [0], "45z": [3], "47z": [1], "other": [2]}
    assert list(series.points("out/a", "failed", NOON, 60, NOON).values) == [1]


def test_the_depth_is_the_same_until_it_is_counted_again() -> None:
    series = NextHopSeries()
    series.record_depths({"out/a": 7}, NOON)
    series.record_depths({"out/a": 3}, NOON + 180)
    series.record_depths({}, NOON + 240)
    points = series.points("out/a", "depth", NOON, 60, NOON + 300)
    assert list(points.values) == [7, 7, 7, 3, 0, 0]


def test_a_day_is_kept_and_what_is_older_forgotten(series: NextHopSeries) -> None:
    later = NOON + 24 * HOUR + 5 * 60
    points = series.points("out/a", "delivered", NOON, 60, later)
    assert len(points.values) == MINUTES
    assert list(points.values[:4]) == [6, 7, 8, 9]
    assert sum(points.values) == 6 + 7 + 8 + 9
    much_later = NOON + 1_000 * HOUR
    assert sum(series.points("out/a", "delivered", NOON, 60, much_later).values) == 0


def test_next_hops_are_bounded_and_the_idlest_is_forgotten() -> None:
    series = NextHopSeries()
    for number in range(MAX_NEXT_HOPS):
        series.record_failure(f"out/{number}", NOON)
    series.record_failure("out/0", NOON)
    series.record_failure("out/new", NOON)
    assert len(series.keys()) == MAX_NEXT_HOPS
    assert series.has("out/0")
    assert not series.has("out/1")
    for metric in METRICS:
        with pytest.raises(KeyError):
            series.points("out/1", metric, NOON, 60, NOON)
