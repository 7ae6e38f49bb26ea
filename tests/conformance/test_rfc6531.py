"""Internationalized mail."""

import pytest

from tests.conformance.talk import DATA, MAIL, first, talk


def test_3_2_the_extension_is_listed() -> None:
    """SMTPUTF8 stands in the EHLO reply."""
    assert "250-SMTPUTF8" in first("C: EHLO x\nS*12: 250...\n").lines


def test_3_4_the_parameter_takes_no_value() -> None:
    """SMTPUTF8=yes is a syntax error."""
    talk("C: MAIL FROM:<a@b.example> SMTPUTF8=yes\nS: 501 5.5.4 ...\n")


def test_3_4_with_it_addresses_may_be_utf_8() -> None:
    """In MAIL and in RCPT, local part and domain, as they came."""
    [accepted] = talk(
        "C: MAIL FROM:<jürgen@bücher.example> SMTPUTF8\nS: 250 ...\n"
        "C: RCPT TO:<用户@例子.example>\n"
        f"S: 250 ...\n{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.envelope.smtputf8
    assert str(accepted.envelope.sender) == "jürgen@bücher.example"
    assert str(accepted.envelope.recipients[0].address) == "用户@例子.example"


def test_3_5_without_it_they_are_553() -> None:
    """553 5.6.7 at MAIL and at RCPT."""
    talk(
        f"C: MAIL FROM:<jürgen@b.example>\nS: 553 5.6.7 ...\n{MAIL}"
        "C: RCPT TO:<a@bücher.example>\nS: 553 5.6.7 ...\n"
    )


@pytest.mark.parametrize("octets", [r"\xff", r"\xc3", r"\xed\xa0\x80", r"\xc0\xaf", r"\xc2\x85"])
def test_3_3_what_is_not_utf_8_is_no_address(octets: str) -> None:
    """Broken UTF-8, halves of surrogate pairs and C1 controls are bad syntax."""
    talk(f"C| MAIL FROM:<a{octets}@b.example> SMTPUTF8\\r\\n\nS: 501 5.1.7 ...\n")


def test_3_1_not_offered_it_is_555() -> None:
    """Where EHLO does not list it, the parameter is unknown."""
    talk(
        "C: STARTTLS\nS: 220 ...\n== TLS ==\nC: HELO x\nS: 250 ...\n"
        "C: AUTH LOGIN base64({username})\n"
        "S: 334 ...\nC: base64({password})\nS: 235 ...\nC: MAIL FROM:<{from}> SMTPUTF8\n"
        "S: 555 5.5.4 ...\n",
        "profile: acs",
    )


def test_3_7_1_ehlo_takes_a_labels_only() -> None:
    """A name outside ASCII in EHLO is a syntax error."""
    first("C: EHLO bücher.example\nS: 501 5.5.4 ...\n")
