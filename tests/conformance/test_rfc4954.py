"""SMTP Service Extension for Authentication."""

import pytest

from tests.conformance.talk import DATA, MAIL, RCPT, first, talk

GOOD = r"base64(\0{username}\0{password})"
BAD = r"base64(\0{username}\0not this)"


def test_3_mechanisms_are_listed_in_ehlo() -> None:
    """AUTH stands in the EHLO reply with what the directory can verify, and nothing else."""
    lines = first("C: EHLO x\nS*12: 250...\n", "mechanisms: PLAIN").lines
    assert "250-AUTH PLAIN" in lines


def test_4_the_initial_response_comes_with_the_command() -> None:
    """AUTH PLAIN with its response is one step."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 235 2.7.0 Authentication successful\n")


def test_4_without_one_the_challenge_is_empty() -> None:
    """AUTH PLAIN alone gets ``334 `` and the response follows."""
    talk(f"C: AUTH PLAIN\nS: 334 \nC: {GOOD}\nS: 235 2.7.0 ...\n")


def test_4_an_equals_sign_is_an_empty_initial_response() -> None:
    """``=`` is not the same as none: PLAIN has nothing to prove, LOGIN asks for the name."""
    talk(
        "C: AUTH PLAIN =\nS: 501 5.5.2 ...\nC: AUTH LOGIN =\nS: 334 VXNlcm5hbWU6\nC: *\n"
        "S: 501 ...\n"
    )


def test_4_a_client_may_cancel() -> None:
    """``*`` gets 501, and another AUTH may follow."""
    talk(f"C: AUTH PLAIN\nS: 334 \nC: *\nS: 501 5.7.0 ...\nC: AUTH PLAIN {GOOD}\nS: 235 ...\n")


@pytest.mark.parametrize("text", ["user:name", "YQ=Y", "Y", "a b", "====", "YQ==YQ=="])
def test_4_what_is_not_base64_is_501(text: str) -> None:
    """In a response, the exchange ends; the session goes on."""
    talk(f"C: AUTH LOGIN\nS: 334 ...\nC: {text}\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")


def test_4_what_is_not_base64_in_the_command_is_501() -> None:
    """The same for an initial response."""
    talk("C: AUTH PLAIN user:name\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")


def test_4_an_unknown_mechanism_is_504() -> None:
    """Unknown, not offered, or in the wrong words: 504; none named: 501."""
    talk(
        "C: AUTH NTLM\nS: 504 5.5.4 ...\nC: AUTH XOAUTH2 YQ==\nS: 504 5.5.4 ...\n"
        "C: AUTH\nS: 501 5.5.4 ...\n"
    )


def test_4_once_signed_in_it_is_503() -> None:
    """After a successful AUTH no more AUTH may be issued in the session."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 235 ...\nC: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n")


def test_4_not_in_a_transaction() -> None:
    """AUTH between MAIL and the end of the message is out of sequence."""
    talk(f"{MAIL}C: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n{RCPT}C: AUTH LOGIN\nS: 503 5.5.1 ...\n")


def test_4_not_before_the_greeting() -> None:
    """AUTH needs EHLO first."""
    first(f"C: AUTH PLAIN {GOOD}\nS: 503 5.5.1 ...\n")


def test_4_a_failure_leaves_the_session_as_it_was() -> None:
    """535 for wrong credentials, and another try may succeed."""
    talk(f"C: AUTH PLAIN {BAD}\nS: 535 5.7.8 ...\nC: AUTH PLAIN {GOOD}\nS: 235 ...\n")


def test_4_lines_of_an_exchange_have_12288_octets() -> None:
    """The longest is taken, a longer one is 500 5.5.6 and ends the exchange."""
    fits, long = "A" * 12284 + "==", "A" * 12288
    talk(
        f"C: AUTH LOGIN\nS: 334 ...\nC: {fits}\nS: 334 ...\nC: eA==\nS: 535 ...\n"
        f"C: AUTH LOGIN\nS: 334 ...\nC: {long}\nS: 500 5.5.6 ...\nC: NOOP\nS: 250 ...\n"
    )


def test_4_the_login_outlives_rset_and_ehlo() -> None:
    """Neither RSET nor another EHLO signs out."""
    talk(
        f"C: AUTH PLAIN {GOOD}\nS: 235 ...\nC: RSET\nS: 250 ...\nC: HELO x\nS: 250 ...\n"
        f"C: AUTH PLAIN {GOOD}\nS: 503 ...\n"
    )


def test_5_mail_takes_auth() -> None:
    """AUTH= is xtext, or <>."""
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
    """Where a login is required, MAIL before it is 530."""
    first(
        "C: STARTTLS\nS: 503 ...\nC: HELO x\nS: 250 ...\nC: STARTTLS\nS: 220 ...\n== TLS ==\n"
        "C: HELO x\nS: 250 ...\nC: MAIL FROM:<a@b.example>\nS: 530 5.7.0 ...\n",
        "profile: gatepost",
    )


def test_6_in_clear_is_538() -> None:
    """Where TLS is required, AUTH in clear is refused whatever it names."""
    talk(f"C: AUTH PLAIN {GOOD}\nS: 538 5.7.11 ...\n", "profile: gatepost")


def test_8_mechanisms_are_case_insensitive() -> None:
    """The name of a mechanism is recognised in any case."""
    talk("C: auth Login\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 ...\n")
