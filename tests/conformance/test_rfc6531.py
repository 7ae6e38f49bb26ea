"""Internationalized mail."""

import pytest

from tests.conformance.talk import DATA, MAIL, first, talk


def test_3_2_the_extension_is_listed() -> None:
    """EHLO lists SMTPUTF8."""
    assert "250-SMTPUTF8" in first("C: EHLO x\nS*12: 250...\n").lines


def test_3_4_the_parameter_takes_no_value() -> None:
    """SMTPUTF8 with a value gets 501 5.5.4."""
    talk("C: MAIL FROM:<a@b.example> SMTPUTF8=yes\nS: 501 5.5.4 ...\n")


def test_3_4_addresses_may_be_utf_8_with_smtputf8() -> None:
    """With SMTPUTF8, local parts and domains in MAIL and RCPT may be UTF-8; they are stored
    unchanged."""
    [accepted] = talk(
        "C: MAIL FROM:<jürgen@bücher.example> SMTPUTF8\nS: 250 ...\n"
        "C: RCPT TO:<用户@例子.example>\n"
        f"S: 250 ...\n{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.envelope.smtputf8
    assert str(accepted.envelope.sender) == "jürgen@bücher.example"
    assert str(accepted.envelope.recipients[0].address) == "用户@例子.example"


def test_3_5_utf_8_addresses_without_smtputf8_are_553() -> None:
    """Without SMTPUTF8, an address that is not ASCII gets 553 5.6.7 with MAIL and RCPT."""
    talk(
        f"C: MAIL FROM:<jürgen@b.example>\nS: 553 5.6.7 ...\n{MAIL}"
        "C: RCPT TO:<a@bücher.example>\nS: 553 5.6.7 ...\n"
    )


@pytest.mark.parametrize("octets", [r"\xff", r"\xc3", r"\xed\xa0\x80", r"\xc0\xaf", r"\xc2\x85"])
def test_3_3_an_address_that_is_not_utf_8_is_501(octets: str) -> None:
    """An address with invalid UTF-8, surrogates or C1 control characters gets 501 5.1.7."""
    talk(f"C| MAIL FROM:<a{octets}@b.example> SMTPUTF8\\r\\n\nS: 501 5.1.7 ...\n")


def test_3_1_smtputf8_that_is_not_offered_is_555() -> None:
    """If EHLO does not list SMTPUTF8, the parameter gets 555 5.5.4."""
    talk(
        "C: STARTTLS\nS: 220 ...\n== TLS ==\nC: HELO x\nS: 250 ...\n"
        "C: AUTH LOGIN base64({username})\n"
        "S: 334 ...\nC: base64({password})\nS: 235 ...\nC: MAIL FROM:<{from}> SMTPUTF8\n"
        "S: 555 5.5.4 ...\n",
        "profile: acs",
    )


def test_3_7_1_the_name_in_ehlo_must_be_ascii() -> None:
    """A name in EHLO that is not ASCII gets 501 5.5.4."""
    first("C: EHLO bücher.example\nS: 501 5.5.4 ...\n")
