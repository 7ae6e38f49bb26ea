"""What the console says when it refuses: in English, as the APIs do, and in a reader's language."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from gatepost.console.catalogue import Language, Translator


class Sentence:
    """A text of the catalogue with its values."""

    def __init__(self, key: str, **values: object) -> None:
        """``key`` is the end of the text's key."""
        self._key, self._values = key, values

    def in_language(self, language: Language) -> str:
        """Return it translated."""
        return Translator(language)(f"refusal.detail.{self._key}", **self._values)

    def __str__(self) -> str:
        return self.in_language("en")


class PageRefused(HTTPException):
    """A handler of a page refuses a request."""

    def __init__(
        self, status: int, key: str, headers: Mapping[str, str] | None = None, **values: Any
    ) -> None:
        """The others are those of a Sentence."""
        self.sentence = Sentence(key, **values)
        super().__init__(status, str(self.sentence), headers)
