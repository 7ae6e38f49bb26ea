"""How a change was refused."""

from collections.abc import Callable

from gatepost.directory.azure.changes import Rejected


def refusal(make: Callable[[], object]) -> tuple[str, int]:
    """Return the code and the status of a refusal; an empty code and 0 when there was none."""
    try:
        make()
    except Rejected as rejected:
        return rejected.code, rejected.status
    return "", 0


def code(make: Callable[[], object]) -> str:
    """Return the code alone."""
    return refusal(make)[0]
