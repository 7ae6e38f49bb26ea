"""Pieces of content that are written together."""

from gatepost.model.body import MANY, WINDOW, windows_of


def sizes(*pieces: int) -> list[list[int]]:
    return [list(map(len, window)) for window in windows_of(bytes(size) for size in pieces)]


def test_small_pieces_go_together_and_large_ones_alone() -> None:
    assert sizes() == []
    assert sizes(1, 100_000, 3) == [[1, 100_000, 3]]
    assert sizes(1, WINDOW, 3) == [[1], [WINDOW], [3]]
    assert sizes(2 * WINDOW, WINDOW - 1, 1, 1) == [[2 * WINDOW], [WINDOW - 1, 1], [1]]


def test_the_number_of_pieces_per_window_is_bounded() -> None:
    assert sizes(*[1] * (MANY + 1)) == [[1] * MANY, [1]]
