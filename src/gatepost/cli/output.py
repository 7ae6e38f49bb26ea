"""Exit codes and the one way to print a JSON document."""

import sys
from typing import Any, Final

OK: Final = 0
FAILED: Final = 1
FINDING: Final = 2
UNREACHABLE: Final = 3
USAGE: Final = 64


def print_json(document: Any) -> None:
    """Print one JSON document and nothing else on standard output."""
    import json  # noqa: PLC0415 - not for --help

    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
