"""Dataclasses that every message makes several of: frozen for the type checker, quick to make.

A frozen dataclass sets each field through ``object.__setattr__``, which takes four times as long as
making the object, and a relayed message makes some hundred and fifty such fields. What the strict
type checker refuses is not refused again at run time. Otherwise the two are the same.
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
