"""The texts of the pages: every language has every text that a page uses, and no other."""

import json
import re
from pathlib import Path
from string import Formatter

import pytest

from gatepost.console import catalogue
from gatepost.console.catalogue import LANGUAGES, Translator, choose_language

CONSOLE = Path(catalogue.__file__).parent
TEMPLATES = sorted((CONSOLE / "templates").iterdir())
ENGLISH = json.loads((CONSOLE / "locales" / "en.json").read_text())
_LITERAL = re.compile(r"""\bt\(\s*["']([a-z0-9_.]+)["']\s*[,)]""")
_JOINED = re.compile(r"""\bt\(\s*["']([a-z0-9_.]+\.)["']\s*\+""")
_REFUSED = re.compile(r"""(?:\bSentence\(|\bPageRefused\(\d+, )"([a-z_]+)\"""")
_OF_CODE = re.compile(r"""\btexts\(f?"([a-z_.]+)["{]""")
CODE = sorted(CONSOLE.rglob("*.py"))


def used(pattern: re.Pattern[str]) -> set[str]:
    return {key for each in TEMPLATES for key in pattern.findall(each.read_text())}


def used_by_code() -> tuple[set[str], set[str]]:
    """Return the keys that modules use, and the beginnings of others."""
    texts = [each.read_text() for each in CODE]
    keys = {f"refusal.detail.{key}" for text in texts for key in _REFUSED.findall(text)}
    others = {key for text in texts for key in _OF_CODE.findall(text)}
    prefixes = {each for each in others if each.endswith(".")}
    return keys | others - prefixes, prefixes


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts(language: str) -> None:
    texts = json.loads((CONSOLE / "locales" / f"{language}.json").read_text("utf-8"))
    assert texts.keys() == ENGLISH.keys()
    assert all(texts.values())
    for key, text in texts.items():
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert names == {name for _, name, _, _ in Formatter().parse(ENGLISH[key]) if name}, key


def test_every_text_that_a_page_uses_exists_and_each_is_used() -> None:
    of_code, prefixes_of_code = used_by_code()
    literal, joined = used(_LITERAL) | of_code, used(_JOINED) | prefixes_of_code
    assert literal <= ENGLISH.keys()
    prefixes = tuple(joined)
    unused = {
        each
        for each in ENGLISH
        if each.removesuffix(".one") not in literal and not each.startswith(prefixes)
    }
    assert unused == set()


def test_one_of_something_has_its_own_text() -> None:
    texts = Translator("en")
    assert texts("inbox.count", n=1) == "1 message"
    assert texts("inbox.count", n=2) == "2 messages"
    with pytest.raises(KeyError):
        texts("no.such.text")


ACCEPTED = [
    ("", "", "en"),
    ("", "ja", "ja"),
    ("", "ja-JP,ja;q=0.9,en;q=0.8", "ja"),
    ("", "en-GB,en;q=0.9,ja;q=0.8", "en"),
    ("", "fr, ja;q=0.5", "ja"),
    ("", "ja;q=0, fr", "en"),
    ("", "ja;q=x, en;q=0.1", "en"),
    ("en", "ja", "en"),
    ("ja", "en", "ja"),
    ("xx", "ja", "ja"),
]


@pytest.mark.parametrize(("setting", "accepted", "language"), ACCEPTED)
def test_the_setting_comes_before_the_browser(setting: str, accepted: str, language: str) -> None:
    assert choose_language(setting, accepted) == language
