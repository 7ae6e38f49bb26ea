"""A message's content, wherever its bytes lie."""

from collections.abc import Iterator
from typing import Final, Protocol

from gatepost.model.quick import dataclass

WINDOW: Final = 262_144
"""Octets handed over at a time."""


class Body(Protocol):
    """Content that can be read more than once, in windows."""

    @property
    def size(self) -> int:
        """Octets in all."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in order, at most WINDOW octets at a time."""


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Content in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """Octets in all."""
        return len(self.content)

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in windows; a small one is yielded as it is."""
        if len(self.content) <= WINDOW:
            yield self.content
            return
        for start in range(0, len(self.content), WINDOW):
            yield self.content[start : start + WINDOW]
