"""Message size declaration."""

import pytest

from tests.conformance.talk import DATA, RCPT, first, send, talk


def test_4_the_limit_is_listed() -> None:
    """SIZE stands in the EHLO reply with the largest size in octets."""
    assert "250-SIZE 31457280" in first("C: EHLO x\nS*12: 250...\n").lines


def test_6_1_a_size_over_the_limit_is_552() -> None:
    """At MAIL already; the limit itself is fine."""
    talk(
        "C: MAIL FROM:<a@b.example> SIZE=1001\nS: 552 5.3.4 ...\n"
        "C: MAIL FROM:<a@b.example> SIZE=1000\nS: 250 ...\n",
        "limits.message_size: 1000",
    )


@pytest.mark.parametrize("size", ["x", "-1", "", "1.5", "1" * 21, "٣"])
def test_3_a_size_is_up_to_20_digits(size: str) -> None:
    """Anything else is a syntax error."""
    talk(f"C: MAIL FROM:<a@b.example> SIZE={size}\nS: 501 5.5.4 ...\n")
    talk("C: MAIL FROM:<a@b.example> SIZE\nS: 501 5.5.4 ...\n")


def test_6_3_content_over_the_limit_is_552() -> None:
    """Counted octet by octet to the end of the data, whatever was declared."""
    talk(
        f"C: MAIL FROM:<a@b.example> SIZE=5\nS: 250 ...\n{RCPT}{DATA}C| {'x' * 9}\\r\\n"
        f".\\r\\n\n"
        f"S: 552 5.3.4 ...\n",
        "limits.message_size: 10",
    )
    send(f"{DATA}C| {'x' * 8}\\r\\n.\\r\\n\nS: 250 ...\n", "limits.message_size: 10\nmessages: 1")


def test_5_dots_that_were_added_do_not_count() -> None:
    """The size is that of the content, without dot-stuffing and without the end of data."""
    send(f"{DATA}C| ..xxxxxxx\\r\\n.\\r\\n\nS: 250 ...\n", "limits.message_size: 10\nmessages: 1")


def test_6_3_a_smaller_declaration_is_no_promise() -> None:
    """A message larger than declared, within the limit, is taken."""
    talk(
        f"C: MAIL FROM:<a@b.example> SIZE=1\nS: 250 ...\n{RCPT}{DATA}C: more than that\nC: .\n"
        "S: 250 ...\n",
        "messages: 1",
    )
