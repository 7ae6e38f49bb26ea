"""The syntax trees of our sources."""

import ast
import gc
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "src" / "gatepost"
SOURCES: Final = sorted(PACKAGE.rglob("*.py"))


@cache
def trees() -> Mapping[Path, ast.Module]:
    """Return the trees of all modules, by path.

    The garbage collector would look at them again and again, and take longer than the parser.
    """
    gc.disable()
    try:
        return {path: ast.parse(path.read_text("utf-8"), str(path)) for path in SOURCES}
    finally:
        gc.freeze()
        gc.enable()
