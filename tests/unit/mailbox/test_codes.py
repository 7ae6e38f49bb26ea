"""One-time codes: what is found, and what is not taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mailbox.codes import find_codes, unique_values
from gatepost.mailbox.html_text import read_html
from tests.processor_time import run_within
from tests.unit.mailbox.code_mails import DECOYS, ENGLISH, JAPANESE, MORE, CodeMail

MAILS = (*ENGLISH, *JAPANESE, *DECOYS, *MORE)


def codes_of(mail: CodeMail) -> tuple[str, ...]:
    subject, text, html, _ = mail
    return unique_values(find_codes(subject, text, read_html(html).text))


@pytest.mark.parametrize("mail", MAILS)
def test_each_mail(mail: CodeMail) -> None:
    assert sorted(codes_of(mail)) == sorted(mail[-1])


def test_the_mails_are_enough_to_measure_with() -> None:
    assert len(MAILS) >= 80
    assert len(JAPANESE) >= 15
    assert len(DECOYS) >= 30


def test_the_best_code_comes_first() -> None:
    codes = find_codes("", "Enter 660019 to sign in. Your code is: 482913", "")
    assert [each.value for each in codes] == ["482913", "660019"]
    assert codes[0].score > codes[1].score


def test_a_code_says_where_it_is() -> None:
    [code] = find_codes("", "Hello\nYour code is 482913 today", "<p>code 111111</p>")
    assert (code.where, code.context) == ("text", "Your code is 482913 today")
    [code] = find_codes("", "nothing", "your code:\n111111")
    assert (code.where, code.context) == ("html", "your code: 111111")
    [code] = find_codes("code 7777", "", "")
    assert code.where == "subject"


def test_a_context_is_short() -> None:
    [code] = find_codes("", f"{'word ' * 100} your code is 482913 {'word ' * 100}", "")
    assert "482913" in code.context
    assert len(code.context) <= 80


@pytest.mark.parametrize("word", ["1234, code ", "1234 or ", "use 1234 ", "code: 1234. "])
def test_numbers_without_end_take_no_time_without_end(word: str) -> None:
    line = (word * 400)[:2_000]
    run_within(1, lambda: find_codes("", f"{line}\n" * 50, ""))


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    for code in find_codes(text, text, text):
        assert code.value.isdecimal()
        assert 4 <= len(code.value) <= 8
        assert 0 < code.score <= 1
        assert len(code.context) <= 80
