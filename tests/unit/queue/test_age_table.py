"""The numbers of deliveries by age."""

from datetime import UTC, datetime, timedelta

import pytest

from gatepost.queue import age_table
from gatepost.queue.age_table import EDGES, AgeTable

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_columns_begin_where_those_of_qshape_do() -> None:
    assert [edge // 60 for edge in EDGES] == [5, 10, 20, 40, 80, 160, 320, 640, 1280]
    for column, edge in enumerate(EDGES):
        table = AgeTable(NOW)
        table.count(["hub"], "younger", NOW - timedelta(seconds=edge - 1))
        table.count(["hub"], "older", NOW - timedelta(seconds=edge))
        assert table.whole.ages[column : column + 2] == [1, 1]
        assert (table.whole.total, table.whole.oldest) == (2, "older")


def test_a_message_from_the_future_is_young() -> None:
    table = AgeTable(NOW)
    table.count(["hub"], "m1.0", NOW + timedelta(days=1))
    assert table.whole.ages[0] == 1


def test_rows_are_ordered_by_their_numbers_and_the_rest_is_added_up() -> None:
    table = AgeTable(NOW)
    for number, key in enumerate("abbbcc"):
        table.count([key], f"m{number}.0", NOW - timedelta(hours=number))
    rows, others = table.largest(2)
    assert [(key, row.total, row.oldest) for key, row in rows.items()] == [
        ("b", 3, "m3.0"),
        ("c", 2, "m5.0"),
    ]
    assert (others.total, others.oldest) == (1, "m0.0")
    assert table.whole.total == 6


def test_a_delivery_of_two_rows_is_one_in_the_total() -> None:
    table = AgeTable(NOW)
    table.count(["a", "b"], "m1.0", NOW)
    rows, _ = table.largest(10)
    assert [row.total for row in rows.values()] == [1, 1]
    assert table.whole.total == 1


def test_however_many_keys_there_are_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age_table, "MOST_ROWS", 3)
    table = AgeTable(NOW)
    for number in range(100):
        table.count([f"{number % 10}.example"], f"m{number}.0", NOW)
    rows, others = table.largest(100)
    assert len(rows) == 3
    assert others.total + sum(row.total for row in rows.values()) == 100
