"""A message's content, wherever its bytes lie."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final, NamedTuple, Protocol

from gatepost.model.fast_dataclass import dataclass

WINDOW: Final = 262_144
"""Octets handed over at a time."""
MANY: Final = 512
"""Pieces written together at most; a system takes 1024 in one call."""


class Traits(NamedTuple):
    """What was seen of a content while it passed, so that nobody has to read it for that."""

    checksum: int | None
    """Its CRC-32; None: nobody took it."""
    is_seven_bit: bool
    """ASCII without NUL."""
    is_undotted: bool
    """Whole lines, none of which begins with a dot; False: perhaps not."""


class Body(Protocol):
    """Content that can be read more than once, in windows. It may have ``traits``."""

    @property
    def size(self) -> int:
        """Octets in all."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in order, at most WINDOW octets at a time."""


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Content in memory."""

    content: bytes
    traits: Traits | None = field(default=None, compare=False)

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


def traits_of(body: Body) -> Traits | None:
    """Return what is known of a content; None: it must be read for that."""
    traits: Traits | None = getattr(body, "traits", None)
    return traits


def windows_of(pieces: Iterable[bytes], most: int = WINDOW) -> Iterator[Sequence[bytes]]:
    """Yield pieces that are written together: at most ``most`` octets, or one that is larger."""
    window: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if window and (size > most or len(window) == MANY):
            yield window
            window, size = [], len(piece)
        window.append(piece)
    if window:
        yield window
