"""How much the tests try: ``make test`` a quarter of what ``make oldest`` tries.

For tests that ``make oldest`` runs: others, as in ``tests/shell``, would never try all.
"""

import os
from typing import Final

THOROUGH: Final = "THOROUGH" in os.environ
"""Whether this is a run with all examples, as ``make oldest`` is."""
SHARE: Final = 4


def examples(number: int) -> int:
    """Return how many of ``number`` examples to try: a quarter, unless the run is thorough."""
    return number if THOROUGH else -(-number // SHARE)
