"""SMTP over TLS."""

from tests.conformance.talk import TLS, first, talk


def test_4_starttls_is_offered_until_it_is_done() -> None:
    """EHLO lists STARTTLS in clear, and not under TLS."""
    lines = first(f"C: EHLO x\nS*12: 250...\n{TLS}C: EHLO x\nS*11: 250...\n").lines
    assert "250-STARTTLS" in lines[1:13]
    assert "250-STARTTLS" not in lines[14:]


def test_4_starttls_takes_no_argument() -> None:
    """An argument is a syntax error, and the session stays in clear."""
    talk(f"C: STARTTLS now\nS: 501 5.5.4 ...\n{TLS}")


def test_4_a_second_starttls_is_503() -> None:
    """Under TLS it is out of sequence."""
    talk(f"{TLS}C: HELO x\nS: 250 ...\nC: STARTTLS\nS: 503 5.5.1 ...\n")


def test_4_required_tls_is_530() -> None:
    """Where TLS is required, MAIL in clear is 530 and says so."""
    talk(
        "C: MAIL FROM:<a@b.example>\nS: 530 5.7.0 Must issue a STARTTLS command first\n",
        "profile: gatepost",
    )


def test_4_2_everything_said_in_clear_is_forgotten() -> None:
    """Greeting and login are gone; EHLO comes first again."""
    performance = talk(
        r"C: AUTH PLAIN base64(\0{username}\0{password})"
        "\nS: 235 ...\n"
        f"{TLS}C: MAIL FROM:<a@b.example>\nS: 503 5.5.1 ...\n"
        "C: HELO x\nS: 250 ...\n"
        r"C: AUTH PLAIN base64(\0{username}\0{password})"
        "\nS: 235 ...\n"
    )
    assert not performance.closed


def test_4_2_not_in_a_transaction() -> None:
    """STARTTLS between MAIL and the end of the message is out of sequence."""
    talk("C: MAIL FROM:<a@b.example>\nS: 250 ...\nC: STARTTLS\nS: 503 5.5.1 ...\n")


def test_6_octets_behind_starttls_are_refused() -> None:
    """What came in the same packet was never under TLS: 501, no 220, and the close."""
    talk("C: STARTTLS\nC: NOOP\nS: 501 5.5.2 Data behind STARTTLS\n== CLOSED ==\n")
    talk("C: STARTTLS\nC| x\nS: 501 5.5.2 Data behind STARTTLS\n== CLOSED ==\n")
