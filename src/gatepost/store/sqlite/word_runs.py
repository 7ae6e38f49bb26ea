"""A Bloom filter of runs of words: it may have one that is not there, and never misses one."""

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Final
from zlib import crc32

LONGEST: Final = 3
"""Words of a run."""
_PER_RUN: Final = 8
"""Bits for each run: then one in twenty is found that is not there."""
_SMALLEST: Final = 64
"""Bits of the smallest filter."""
_SPREAD: Final = 2_654_435_761
"""2 ** 32 divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4)."""


def runs_in(words: list[str]) -> Iterable[str]:
    """Yield the words that follow each other, two and three at a time, with blanks between them."""
    pairs = list(map(" ".join, pairwise(words)))
    yield from pairs
    yield from map(" ".join, zip(pairs, words[2:], strict=False))


def make_filter(runs: Collection[str]) -> bytes:
    """Return a filter with these runs."""
    size = max(_SMALLEST, (len(runs) * _PER_RUN + 7) // 8 * 8)
    bits = bytearray(size // 8)
    for run in runs:
        for place in _places(run.encode(), size):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def has_run(bits: bytes, run: bytes) -> bool:
    """Tell whether a filter has a run, or perhaps has it."""
    return all(bits[place >> 3] >> (place & 7) & 1 for place in _places(run, len(bits) * 8))


def _places(run: bytes, size: int) -> tuple[int, int]:
    """Return the two bits of a run in a filter of so many bits."""
    number = crc32(run)
    return number % size, (number * _SPREAD & 0xFFFFFFFF) % size
