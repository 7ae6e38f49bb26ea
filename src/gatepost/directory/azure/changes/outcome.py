"""What a change comes to: entries to write and delete, or why not."""

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
    """The one that it is about: as it is from now on, or as it was before it was deleted."""


class Rejected(Exception):
    """The directory does not allow it.

    ``code`` is the provider's word for it (``ResourceNotFound``), ``status`` the HTTP status that
    goes with it, the message a sentence for people without any secret.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)
