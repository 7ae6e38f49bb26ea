"""The entry of a message: what searches compare is bounded, whatever the message is."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import LONGEST_FIELD, LONGEST_WORDS, MessageFacts, make_entry
from gatepost.mailbox.folding import fold, fold_beginning
from gatepost.model.message import StoredMessage
from gatepost.queue.mailbox_contract import MailboxEntry

UTF_8 = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"


def entry_of(content: bytes) -> MailboxEntry:
    message = StoredMessage(
        "1", datetime(2026, 11, 30, tzinfo=UTC), "a@b.example", ("c@d.example",), "", "",
        len(content), "",
    )  # fmt: skip
    return make_entry(1, ReadMessage(message, content), 0, MessageFacts())


def test_of_a_long_text_only_what_is_compared_is_folded() -> None:
    content = UTF_8 + ("\ufdfa" * 2_000_000).encode()
    took = []
    for _ in range(3):
        begun = time.thread_time()
        words = entry_of(content).texts["words"]
        took.append(time.thread_time() - begun)
        assert len(words) <= LONGEST_WORDS
    assert min(took) < 1.5, "all of it was folded, which takes four seconds"


@pytest.mark.parametrize("name", ["Subject", "To", "Cc", "Reply-To", "Message-ID"])
def test_fields_are_cut(name: str) -> None:
    entry = entry_of(f"{name}: {'Ab c, ' * 2_000}x@y.example\r\n\r\n".encode())
    fields = [text for field, text in entry.texts.items() if field != "words"]
    assert max(map(len, fields)) <= LONGEST_FIELD
    assert any("ab c" in text for text in fields)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 50))
def test_a_short_text_is_folded_as_a_whole(text: str, most: int) -> None:
    words = " ".join(text[:most].split())
    assert fold_beginning(text, most) == fold(words)[:most]


@given(st.lists(st.sampled_from(["Stra\u00dfe", "\ufb01n", "e\u0301t", "A", "\u3000"])))
def test_a_long_text_is_folded_word_by_word(words: list[str]) -> None:
    text = " ".join(words * 3_000)
    folded = fold(" ".join(text[:100_000].split()))
    assert fold_beginning(text, 100_000) == folded[:100_000]
