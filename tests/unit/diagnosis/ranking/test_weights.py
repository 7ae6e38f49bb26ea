"""Weights are found in sorted lines."""

from gatepost.diagnosis.ranking.weights import (
    WeightTable,
    find_rows,
    pack_weights,
    unpack_weights,
)

WEIGHTS = {"bad_credentials": 1.5, "rate_limited": -0.25}


def test_a_column_is_read_as_it_was_written() -> None:
    assert unpack_weights(pack_weights(WEIGHTS)) == WEIGHTS
    assert unpack_weights("") == {}


def test_the_weights_of_a_feature() -> None:
    names = ("code 53", "code 535", "code 535 auth")
    table = WeightTable(sorted(f"{name}\tcause={number}" for number, name in enumerate(names)))
    assert [table.find(name) for name in names] == [{"cause": 0}, {"cause": 1}, {"cause": 2}]
    assert table.find("code") == table.find("zzz") == table.find("") == {}


def test_all_lines_of_a_key() -> None:
    lines = ["\tnone", "a\tone", "a\ttwo", "ab\tthree"]
    assert list(find_rows(lines, "a")) == lines[1:3]
    assert list(find_rows(lines, "")) == lines[:1]
