"""SMTP Service Extension for Authentication."""

import pytest

from tests.conformance.talk import DATA, MAIL, RCPT, first, talk

GOOD = r"base64(\0{username}\0{password})"
BAD = r"base64(\0{username}\0not this)"


def test_3_mechanisms_are_listed_in_ehlo() -> None:
    """EHLO lists AUTH with exactly the mechanisms that the directory can verify."""
    lines = first("C: EHLO x\nS*12: 250...\n", "mechanisms: PLAIN").lines
    assert "250-AUTH PLAIN" in lines


def test_4_auth_may_have_an_initial_response() -> None:
    """AUTH may have an initial response."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 235 2.7.0 Authentication successful\n")


def test_4_plain_without_initial_response_gets_an_empty_challenge() -> None:
    """AUTH PLAIN without an initial response gets an empty challenge."""
    talk(f"C: AUTH PLAIN\nS: 334 \nC: {GOOD}\nS: 235 2.7.0 ...\n")


def test_4_an_equals_sign_is_an_empty_initial_response() -> None:
    """``=`` is an empty initial response: PLAIN refuses it, LOGIN prompts for the user name."""
    talk(
        "C: AUTH PLAIN =\nS: 501 5.5.2 ...\nC: AUTH LOGIN =\nS: 334 VXNlcm5hbWU6\nC: *\n"
        "S: 501 ...\n"
    )


def test_4_a_client_may_cancel() -> None:
    """``*`` as a response gets 501, and another AUTH may follow."""
    talk(f"C: AUTH PLAIN\nS: 334 \nC: *\nS: 501 5.7.0 ...\nC: AUTH PLAIN {GOOD}\nS: 235 ...\n")


@pytest.mark.parametrize("text", ["user:name", "YQ=Y", "Y", "a b", "====", "YQ==YQ=="])
def test_4_a_response_that_is_not_base64_is_501(text: str) -> None:
    """A response that is not base64 gets 501 and ends the exchange; the session continues."""
    talk(f"C: AUTH LOGIN\nS: 334 ...\nC: {text}\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")


def test_4_an_initial_response_that_is_not_base64_is_501() -> None:
    """An initial response that is not base64 gets 501."""
    talk("C: AUTH PLAIN user:name\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")


def test_4_an_unknown_mechanism_is_504() -> None:
    """A mechanism that is unknown or not offered gets 504; AUTH without a mechanism gets 501."""
    talk(
        "C: AUTH NTLM\nS: 504 5.5.4 ...\nC: AUTH XOAUTH2 YQ==\nS: 504 5.5.4 ...\n"
        "C: AUTH\nS: 501 5.5.4 ...\n"
    )


def test_4_a_second_auth_is_503() -> None:
    """AUTH after a successful login gets 503."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 235 ...\nC: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n")


def test_4_auth_in_a_transaction_is_503() -> None:
    """AUTH in a transaction gets 503."""
    talk(f"{MAIL}C: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n{RCPT}C: AUTH LOGIN\nS: 503 5.5.1 ...\n")


def test_4_auth_before_ehlo_is_503() -> None:
    """AUTH before EHLO gets 503."""
    first(f"C: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n")


def test_4_auth_may_be_repeated_after_a_failure() -> None:
    """Wrong credentials get 535 5.7.8; AUTH may be repeated."""
    talk(f"C: AUTH PLAIN {BAD}\nS: 535 5.7.8 ...\nC: AUTH PLAIN {GOOD}\nS: 235 ...\n")


def test_4_lines_of_an_exchange_have_12288_octets() -> None:
    """A response line has up to 12,288 octets; a longer one gets 500 5.5.6 and ends the
    exchange."""
    fits, long = "A" * 12284 + "==", "A" * 12288
    talk(
        f"C: AUTH LOGIN\nS: 334 ...\nC: {fits}\nS: 334 ...\nC: eA==\nS: 535 ...\n"
        f"C: AUTH LOGIN\nS: 334 ...\nC: {long}\nS: 500 5.5.6 ...\nC: NOOP\nS: 250 ...\n"
    )


def test_4_the_login_remains_after_rset_and_ehlo() -> None:
    """The login remains valid after RSET, EHLO and HELO."""
    talk(
        f"C: AUTH PLAIN {GOOD}\nS: 235 ...\nC: RSET\nS: 250 ...\nC: HELO x\nS: 250 ...\n"
        "C: EHLO x\nS*12: 250...\n"
        f"C: AUTH PLAIN {GOOD}\nS: 503 ...\n"
    )


def test_5_mail_may_have_auth() -> None:
    """MAIL may have AUTH= with xtext or <>; any other value gets 501 5.5.4."""
    [accepted] = talk(
        f"C: MAIL FROM:<a@example.com> AUTH=e+3Dmc2@example.com\nS: 250 ...\n{RCPT}{DATA}C: .\n"
        "S: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.envelope.auth == "e=mc2@example.com"
    talk("C: MAIL FROM:<a@example.com> AUTH=<>\nS: 250 ...\n")
    talk(
        "C: MAIL FROM:<a@example.com> AUTH=\nS: 501 5.5.4 ...\n"
        "C: MAIL FROM:<a@example.com> AUTH=a+zz\nS: 501 5.5.4 ...\n"
    )


def test_6_mail_without_a_login_is_530() -> None:
    """If a login is required, MAIL before it gets 530 5.7.0."""
    first(
        "C: STARTTLS\nS: 503 ...\nC: HELO x\nS: 250 ...\nC: STARTTLS\nS: 220 ...\n== TLS ==\n"
        "C: HELO x\nS: 250 ...\nC: MAIL FROM:<a@b.example>\nS: 530 5.7.0 ...\n",
        "profile: gatepost",
    )


def test_6_auth_without_required_tls_is_538() -> None:
    """If TLS is required, AUTH without TLS gets 538 5.7.11."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 538 5.7.11 ...\n", "profile: gatepost")


def test_8_mechanisms_are_case_insensitive() -> None:
    """The name of a mechanism is recognised in any case."""
    talk("C: auth Login\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 ...\n")
