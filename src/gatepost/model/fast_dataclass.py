"""A decorator for dataclasses of which every message needs several: frozen for mypy, fast to make.

A frozen dataclass sets each field with ``object.__setattr__``, which takes four times as long as
creating the object, and a relayed message has some 150 such fields. With this decorator only the
type checker forbids assignments; at run time they are possible. Otherwise it is the same. The class
itself takes little more than half of the time to make, which counts where a command needs dozens.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from dataclasses import dataclass as _dataclass

    T = TypeVar("T")

    def dataclass(
        *, frozen: bool, slots: bool, eq: bool = True, order: bool = False
    ) -> Callable[[type[T]], type[T]]:
        """As ``dataclasses.dataclass(frozen=True, slots=True)``, hash included."""
        assert frozen  # noqa: S101 - what may change is an ordinary dataclass
        return _dataclass(slots=slots, eq=eq, order=order, unsafe_hash=eq)
