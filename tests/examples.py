"""How much the tests try: ``make test`` an eighth of what ``make oldest`` tries.

For tests that ``make oldest`` runs: others, as in ``tests/shell``, would never try all.
"""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

THOROUGH: Final = "THOROUGH" in os.environ
"""Whether this is a run with all examples, as ``make oldest`` is."""
SHARE: Final = 8
T = TypeVar("T")


def examples(number: int) -> int:
    """Return how many of ``number`` examples to try: an eighth, unless the run is thorough."""
    return number if THOROUGH else -(-number // SHARE)


def share(table: Sequence[T], number: int) -> Sequence[T]:
    """Return the rows of a table that the ``number``-th of several tests tries: an eighth of them,
    unless the run is thorough. Eight tests in a row try them all."""
    return table if THOROUGH else table[number % SHARE :: SHARE]
