"""8-bit MIME transport."""

import pytest

from tests.conformance.talk import DATA, RCPT, first, message, talk


def test_2_the_extension_is_listed() -> None:
    """EHLO lists 8BITMIME."""
    assert "250-8BITMIME" in first("C: EHLO x\nS*12: 250...\n").lines


@pytest.mark.parametrize(("value", "body"), [("7BIT", "7BIT"), ("8bitmime", "8BITMIME")])
def test_3_body_is_stored_in_the_envelope(value: str, body: str) -> None:
    """BODY=7BIT and BODY=8BITMIME are stored in the envelope."""
    [accepted] = talk(
        f"C: MAIL FROM:<a@b.example> BODY={value}\nS: 250 ...\n{RCPT}{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.envelope.body == body


def test_3_other_values_of_body_are_501() -> None:
    """Another value of BODY, or a second BODY, gets 501."""
    talk(
        "C: MAIL FROM:<a@b.example> BODY=9BIT\nS: 501 5.5.4 ...\n"
        "C: MAIL FROM:<a@b.example> BODY=7BIT BODY=7BIT\nS: 501 5.5.4 ...\n"
    )


def test_3_octets_over_127_are_stored_unchanged() -> None:
    """Octets over 127 are stored unchanged."""
    assert message(r"gr\xc3\xbc\xff\r\n.\r\n") == b"gr\xc3\xbc\xff\r\n"
