"""The texts of the pages, in each language."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

Language = Literal["en", "ja"]
LANGUAGES: Final[Mapping[Language, str]] = {"en": "English", "ja": "日本語"}
_FOLDER: Final = Path(__file__).with_name("locales")


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return the texts of a language by key."""
    texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return texts


class Translator:
    """Looks up texts. A key that is missing is a mistake in a page, so it raises KeyError."""

    def __init__(self, language: Language) -> None:
        self.language: Final = language
        self._texts = catalogue(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values; ``n`` chooses ``KEY.one`` if it is 1 and there is one."""
        if values.get("n") == 1 and f"{key}.one" in self._texts:
            key = f"{key}.one"
        text = self._texts[key]
        return text.format_map(values) if values else text

    def has(self, key: str) -> bool:
        """Tell whether there is a text."""
        return key in self._texts


def choose_language(setting: str, accepted: str) -> Language:
    """Return the language of the setting, otherwise the first of Accept-Language that we have
    (RFC 9110 12.5.4), otherwise English."""
    for each in LANGUAGES:
        if setting == each:
            return each
    wanted: list[tuple[float, int, Language]] = []
    for index, part in enumerate(accepted[:1000].split(",")):
        tag, _, parameter = part.partition(";")
        name, weight = tag.strip().lower().partition("-")[0], _weight(parameter)
        wanted += [(-weight, index, each) for each in LANGUAGES if each == name and weight > 0]
    return min(wanted)[2] if wanted else "en"


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
