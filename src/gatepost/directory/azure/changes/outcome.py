"""The result of a change: entries to write and delete, or a refusal."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from gatepost.directory.azure.entries import Entry

E_co = TypeVar("E_co", bound=Entry, covariant=True)


@dataclass(frozen=True, slots=True)
class Changes(Generic[E_co]):
    """What to save in one commit."""

    put: tuple[Entry, ...]
    delete: tuple[Entry, ...]
    entry: E_co
    """The entry that the change is about: as it is now, or as it was before it was deleted."""


class Rejected(Exception):
    """The directory does not permit the change.

    ``code`` is the provider's code (``ResourceNotFound``), ``status`` its HTTP status, the message
    a sentence for people without secrets.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)
