"""xtext, and the related encoding of UTF-8 addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.xtext import (
    decode_utf8_xtext,
    decode_xtext,
    encode_utf8_xtext,
    encode_xtext,
    is_xtext,
    without_utf8,
)


@pytest.mark.parametrize(
    ("text", "decoded"), [("abc", "abc"), ("a+2Bb", "a+b"), ("+3D+20", "= "), ("", "")]
)
def test_xtext(text: str, decoded: str) -> None:
    assert is_xtext(text)
    assert decode_xtext(text) == decoded


@pytest.mark.parametrize("text", ["+", "+2", "+2b", "+zz", "a b", "a=b", "ü"])
def test_text_that_is_no_xtext_is_unchanged(text: str) -> None:
    assert not is_xtext(text)
    assert decode_xtext(text) == text


@pytest.mark.parametrize("text", ["", "plain", "a+b=c", "with space", "\x7f", "~!"])
def test_xtext_comes_back(text: str) -> None:
    assert is_xtext(encode_xtext(text))
    assert decode_xtext(encode_xtext(text)) == text


@pytest.mark.parametrize(
    ("text", "ascii_"),
    [("utf-8;a@b.example", "utf-8;a@b.example"), ("utf-8;\u00fc\\x{2B}", "utf-8;\\x{FC}\\x{2B}")],
)
def test_a_utf_8_address_has_an_ascii_form(text: str, ascii_: str) -> None:
    assert without_utf8(text) == ascii_


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf8_xtext_is_ascii_and_back(text: str) -> None:
    encoded = encode_utf8_xtext(text)
    assert encoded.isascii()
    assert decode_utf8_xtext(encoded) == text
