"""A rule of scripted failures that a test has added to a relay."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

Operate = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
Ask = Callable[[Callable[[Operate], Awaitable[dict[str, Any]]]], dict[str, Any]]
"""Runs something with the operations on the rules of a relay."""


class ScriptedFailure:
    """One rule; as a context manager, it ends with the ``with``."""

    def __init__(self, document: Mapping[str, Any], ask: Ask) -> None:
        self.id: str = document["id"]
        self.line: str = document["line"]
        """The rule in one line."""
        self._ask = ask

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.line}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.delete()

    @property
    def fired(self) -> int:
        """How often the rule fired."""
        return int(self._show()["fired"])

    @property
    def seen(self) -> int:
        """How many events its conditions fitted."""
        return int(self._show()["seen"])

    def _show(self) -> dict[str, Any]:
        return self._ask(lambda operate: operate("show", {"id": self.id}))

    def reset(self) -> None:
        """Clear its counters."""
        self._ask(lambda operate: operate("reset", {"id": self.id}))

    def delete(self) -> None:
        """End the rule. Raises KeyError if it has ended."""
        self._ask(lambda operate: operate("delete", {"id": self.id}))
