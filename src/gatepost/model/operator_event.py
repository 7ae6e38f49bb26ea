"""How the parts of a relay report events to the operator (docs/reference/events.md)."""

from typing import Any, Protocol


class ReportEvent(Protocol):
    """Reports an event to the operator. Facts must not contain secrets."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Report ``event`` with its facts, whose values are JSON types."""
