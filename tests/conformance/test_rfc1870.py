"""Message size declaration."""

import pytest

from tests.conformance.talk import DATA, RCPT, first, send, talk


def test_4_the_limit_is_listed() -> None:
    """EHLO lists SIZE with the maximum message size in octets."""
    assert "250-SIZE 31457280" in first("C: EHLO x\nS*12: 250...\n").lines


def test_6_1_a_size_over_the_limit_is_552() -> None:
    """MAIL with a SIZE over the limit gets 552 5.3.4; one equal to the limit is accepted."""
    talk(
        "C: MAIL FROM:<a@b.example> SIZE=1001\nS: 552 5.3.4 ...\n"
        "C: MAIL FROM:<a@b.example> SIZE=1000\nS: 250 ...\n",
        "limits.message_size: 1000",
    )


@pytest.mark.parametrize("size", ["x", "-1", "", "1.5", "1" * 21, "٣"])
def test_3_a_size_is_up_to_20_digits(size: str) -> None:
    """The value of SIZE is 1 to 20 digits; any other value, or none, gets 501 5.5.4."""
    talk(f"C: MAIL FROM:<a@b.example> SIZE={size}\nS: 501 5.5.4 ...\n")
    talk("C: MAIL FROM:<a@b.example> SIZE\nS: 501 5.5.4 ...\n")


def test_6_3_content_over_the_limit_is_552() -> None:
    """Content over the limit gets 552 5.3.4 at its end, whatever size was declared."""
    talk(
        f"C: MAIL FROM:<a@b.example> SIZE=5\nS: 250 ...\n{RCPT}{DATA}C| {'x' * 9}\\r\\n"
        f".\\r\\n\n"
        f"S: 552 5.3.4 ...\n",
        "limits.message_size: 10",
    )
    send(f"{DATA}C| {'x' * 8}\\r\\n.\\r\\n\nS: 250 ...\n", "limits.message_size: 10\nmessages: 1")


def test_5_added_dots_and_the_end_of_data_do_not_count() -> None:
    """The size is that of the content: dots added for transparency and the end of data do not
    count."""
    send(f"{DATA}C| ..xxxxxxx\\r\\n.\\r\\n\nS: 250 ...\n", "limits.message_size: 10\nmessages: 1")


def test_6_3_a_message_may_be_larger_than_declared() -> None:
    """A message that is larger than declared, but within the limit, is accepted."""
    talk(
        f"C: MAIL FROM:<a@b.example> SIZE=1\nS: 250 ...\n{RCPT}{DATA}C: more than that\nC: .\n"
        "S: 250 ...\n",
        "messages: 1",
    )
