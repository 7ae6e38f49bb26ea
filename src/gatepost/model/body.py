"""The content of a message, in memory or elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final, NamedTuple, Protocol

from gatepost.model.fast_dataclass import dataclass

WINDOW: Final = 262_144
"""Maximum octets of one chunk."""
MANY: Final = 512
"""Maximum number of pieces that are written together; a system permits 1024 in one call."""


class Traits(NamedTuple):
    """What was learned about a content while it was received, so that it need not be read for
    that."""

    checksum: int | None
    """Its CRC-32; None if it was not calculated."""
    is_seven_bit: bool
    """ASCII without NUL."""
    is_undotted: bool
    """It ends with a line end, and no line begins with a dot; False if that is unknown."""


class Body(Protocol):
    """Content that can be read more than once, in chunks. It may have ``traits``, and be
    ``made_on_the_way``."""

    @property
    def size(self) -> int:
        """Octets of the content."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in order, at most WINDOW octets at a time."""


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Content in memory."""

    content: bytes
    traits: Traits | None = field(default=None, compare=False)
    size: int = field(init=False, repr=False, compare=False)
    """Octets of the content."""

    def __post_init__(self) -> None:
        """Count the octets, once for all who ask."""
        object.__setattr__(self, "size", len(self.content))

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks; small content is yielded as it is."""
        if self.size <= WINDOW:
            return iter((self.content,))
        starts = range(0, self.size, WINDOW)
        return (self.content[start : start + WINDOW] for start in starts)


def traits_of(body: Body) -> Traits | None:
    """Return what is known about a content; None if it must be read for that."""
    traits: Traits | None = getattr(body, "traits", None)
    return traits


def is_made_on_the_way(body: Body) -> bool:
    """Tell whether each chunk is made when it is read, for which an event loop has no time."""
    return getattr(body, "made_on_the_way", False)


def windows_of(pieces: Iterable[bytes], most: int = WINDOW) -> Iterator[Sequence[bytes]]:
    """Yield pieces that are written together: at most ``most`` octets, or one larger piece."""
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
