"""A dataclass decorator for objects that every message needs: frozen for mypy, fast to create.

A frozen dataclass sets each field with ``object.__setattr__``, which takes four times as long as
creating the object, and a relayed message has some 150 such fields. With this decorator only the
type checker forbids assignments; at run time they are possible. Otherwise it is the same. Creating
the class itself takes little more than half of the time, too, which matters because a command has
dozens of them.
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
        """Like ``dataclasses.dataclass(frozen=True, slots=True)``, including the hash."""
        assert frozen  # noqa: S101 - what may change is an ordinary dataclass
        return _dataclass(slots=slots, eq=eq, order=order, unsafe_hash=eq)
