"""What must not be printed."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.unprintable import escape_unprintable

DANGEROUS = [
    *map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), *map(chr, range(0x7F, 0xA0)),
    "\u00ad", "\u061c", "\u180e", *map(chr, range(0x200B, 0x2010)), "\u2028", "\u2029",
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2060, 0x2070)), "\ufeff", "\ufff9",
    "\U000e0041", "\udcff", "\ud800", "\ue000", "\U0010ffff",
]  # fmt: skip


@pytest.mark.parametrize("character", DANGEROUS)
def test_each_is_escaped(character: str) -> None:
    shown = escape_unprintable(f"é{character}漢")
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == f"é{character}漢"


def test_text_stays_as_it_is() -> None:
    text = 'Grüße, 東京\u3000五輪, "naïve" \\u202e, 12\u00a0%\nनमस्ते 👋\n'
    assert escape_unprintable(text) == text


def test_the_form_of_an_escape() -> None:
    assert escape_unprintable("a\x1b\x7f\u202e\U000e0041") == r"a\u001b\u007f\u202e\udb40\udc41"


@given(
    st.recursive(
        st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_json_document_keeps_its_meaning(document: object) -> None:
    for text in (json.dumps(document, ensure_ascii=False, indent=1), json.dumps(document)):
        shown = escape_unprintable(text)
        assert json.loads(shown) == json.loads(text)
        categories = {unicodedata.category(each) for each in shown.replace("\n", "")}
        assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert escape_unprintable(shown) == shown
