"""The provider's tables of hard and soft bounces, row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.reports.hard_bounces import HARD, ServerReply, parse_server_reply

HARD_ROWS = """521 5.2.1; 525 5.7.13; 550 5.2.1; 553 5.1.3; 550 5.1.1; 550 5.1.2; 550 5.1.3;
550 5.1.4; 550 5.1.6; 550 5.1.9; 550 5.1.10; 550 5.3.2; 550 5.4.1; 550 5.4.4; 550 5.4.6;
550 5.4.310"""
SOFT_ROWS = """551 5.1.1; 552 5.2.1; 554 5.1.0; 552 5.2.2; 552 5.2.3; 552 5.2.121; 552 5.2.122;
552 5.3.1; 552 5.3.3; 552 5.3.4; 552 5.5.3; 552 5.6.1; 552 5.6.2; 552 5.6.3; 552 5.6.5; 552 5.6.6;
552 5.6.11; 552 5.7.1; 552 5.7.2; 552 5.7.12; 552 5.7.15; 552 5.7.22; 552 5.7.30; 552 5.7.51"""


def rows(text: str) -> list[str]:
    return [row.strip() for row in text.split(";")]


@pytest.mark.parametrize("row", rows(HARD_ROWS))
def test_a_hard_bounce(row: str) -> None:
    assert parse_server_reply(row).bounce == "hard"


@pytest.mark.parametrize("row", rows(SOFT_ROWS))
def test_a_soft_bounce(row: str) -> None:
    assert parse_server_reply(row).bounce == "soft"


@pytest.mark.parametrize(
    ("answer", "bounce"),
    [
        ("250 2.1.5 OK", "none"),
        ("250", "none"),
        ("450 4.2.1 busy", "soft"),
        ("421", "soft"),
        ("550", "soft"),
        ("550 5.1.5", "soft"),
        ("550 5.1.0 mailbox unavailable", "soft"),
        ("552 5.7.14", "soft"),
        ("554 5.1.1", "soft"),
    ],
)
def test_unlisted_replies_are_no_hard_bounces(answer: str, bounce: str) -> None:
    assert parse_server_reply(answer).bounce == bounce


def test_no_other_bounce_is_hard() -> None:
    assert len(HARD) == len(rows(HARD_ROWS))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("550 5.1.1 User unknown", ServerReply(550, "5.1.1", "User unknown")),
        ("550-5.1.1", ServerReply(550, "5.1.1")),
        (" 450 later ", ServerReply(450, "", "later")),
        ("250", ServerReply(250)),
        ("550 5.4.310 no such domain", ServerReply(550, "5.4.310", "no such domain")),
    ],
)
def test_a_reply_is_read(text: str, answer: ServerReply) -> None:
    assert parse_server_reply(text) == answer
    assert parse_server_reply(str(answer)) == answer


@pytest.mark.parametrize("text", ["", "55", "5500", "350", "550 4.1.1 x", "user unknown", "650"])
def test_malformed_replies_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an SMTP reply"):
        parse_server_reply(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        answer = parse_server_reply(text)
    except ValueError:
        return
    assert 200 <= answer.code < 600
    assert parse_server_reply(str(answer)) == answer
