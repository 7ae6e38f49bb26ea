"""A block of messages that may be passed over has none that matches."""

from hypothesis import given
from hypothesis import strategies as st

from gatepost.queue.mailbox_contract import Contains, Term
from gatepost.store.sqlite.mailbox_vocabulary import APART, BlockFilter, vocabulary_of

WORDS = st.lists(st.text("ab¥認*", min_size=1, max_size=3), min_size=1, max_size=8)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=3).map(APART.join)
ENTRIES = st.lists(TEXTS, min_size=1, max_size=5)


@given(ENTRIES, st.data())
def test_no_block_with_a_match_is_passed_over(entries: list[str], data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(data.draw(st.sampled_from(entries)).split(APART)))
    begin = data.draw(st.integers(0, len(whole)))
    text = whole[begin : data.draw(st.integers(begin, len(whole)))]
    found = BlockFilter((Term(Contains(("words",), text)),))
    vocabulary = vocabulary_of([("", each) for each in entries])
    assert not found or found.may_match(vocabulary)


@given(ENTRIES, st.text("ab¥認* ", min_size=1, max_size=6))
def test_no_block_with_one_that_lacks_a_text_is_passed_over(entries: list[str], text: str) -> None:
    without = BlockFilter((Term(Contains(("words",), text), is_negated=True),))
    vocabulary = vocabulary_of([("", each) for each in entries])
    if any(text not in each for each in entries):
        assert without.may_match(vocabulary)


def test_a_block_without_a_phrase_is_passed_over() -> None:
    vocabulary = vocabulary_of([("", "your order is here"), ("", "here is your order")])
    for text, may_match in (
        ("your order", True), ("our ord", True), ("order your", False), ("is your order", True),
        ("order is your", False), ("r o", True), ("h h", False),
    ):  # fmt: skip
        assert BlockFilter((Term(Contains(("words",), text)),)).may_match(vocabulary) is may_match
    for text, may_match in (("your order", False), ("order", False), ("order is", True)):
        term = Term(Contains(("words",), text), is_negated=True)
        assert BlockFilter((term,)).may_match(vocabulary) is may_match
