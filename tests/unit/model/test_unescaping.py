"""Escapes are undone alike whether or not the places are wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.secret_search import SecretSearch
from gatepost.model.unescaping import is_escaped, unescape, unescaped, unescaped_texts
from tests.processor_time import run_within

PIECES = st.sampled_from([
    "\\", "%", "=", "&", "\0", "u0041", "41", "5C", "amp", "#65", ";", "x41", "\u00c3", "\u00a9",
    "\udcc3", "\udca9", "\u6f22", " ", "\n", "a", "n", "ud83d", "ude00", "lt", "101",
])  # fmt: skip


@given(st.lists(PIECES, max_size=24).map("".join))
def test_the_texts_are_those_with_places(text: str) -> None:
    texts = list(unescaped_texts(text))
    assert texts == [plain for plain, _ in unescaped(text)]
    assert is_escaped(text) == bool(texts)
    assert unescape(text) == (texts[-1] if texts else text)


@pytest.mark.parametrize(
    "said",
    [
        "250 2.6.0 <4f1a9c@mail.example.com> [InternalId=86234543456789, Hostname=MX.example.com]",
        "MAIL FROM:<ann@example.com> SIZE=4096 BODY=8BITMIME",
        "250 2.0.0 Ok: queued as 4Fq00000012Xz1",
    ],
)
def test_what_is_in_every_message_is_looked_through_quickly(said: str) -> None:
    """For each message a few such texts are; twenty times of what is usual fails."""
    search = SecretSearch(["correct-horse battery"], ["\0ann@example.com\0correct-horse battery"])
    assert search.replace(said, "") == said
    run_within(0.1, lambda: [search.replace(said, "") for _ in range(100)])
