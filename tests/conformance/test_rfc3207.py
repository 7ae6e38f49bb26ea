"""SMTP over TLS."""

from tests.conformance.talk import TLS, first, talk


def test_4_starttls_is_listed_only_before_tls() -> None:
    """EHLO lists STARTTLS before TLS, and not under TLS."""
    lines = first(f"C: EHLO x\nS*12: 250...\n{TLS}C: EHLO x\nS*11: 250...\n").lines
    assert "250-STARTTLS" in lines[1:13]
    assert "250-STARTTLS" not in lines[14:]


def test_4_starttls_takes_no_argument() -> None:
    """STARTTLS with an argument gets 501 5.5.4, and the session stays without TLS."""
    talk(f"C: STARTTLS now\nS: 501 5.5.4 ...\n{TLS}")


def test_4_a_second_starttls_is_503() -> None:
    """STARTTLS under TLS gets 503 5.5.1."""
    talk(f"{TLS}C: HELO x\nS: 250 ...\nC: STARTTLS\nS: 503 5.5.1 ...\n")


def test_4_mail_without_required_tls_is_530() -> None:
    """If TLS is required, MAIL without TLS gets 530 5.7.0."""
    talk(
        "C: MAIL FROM:<a@b.example>\nS: 530 5.7.0 Must issue a STARTTLS command first\n",
        "profile: gatepost",
    )


def test_4_2_the_session_starts_anew_under_tls() -> None:
    """After the TLS handshake, EHLO and login are forgotten: the client must send EHLO again."""
    performance = talk(
        r"C: AUTH PLAIN base64(\0{username}\0{password})"
        "\nS: 235 ...\n"
        f"{TLS}C: MAIL FROM:<a@b.example>\nS: 503 5.5.1 ...\n"
        "C: HELO x\nS: 250 ...\n"
        r"C: AUTH PLAIN base64(\0{username}\0{password})"
        "\nS: 235 ...\n"
    )
    assert not performance.closed


def test_4_2_starttls_in_a_transaction_is_503() -> None:
    """STARTTLS in a transaction gets 503 5.5.1."""
    talk("C: MAIL FROM:<a@b.example>\nS: 250 ...\nC: STARTTLS\nS: 503 5.5.1 ...\n")


def test_6_octets_after_starttls_are_refused() -> None:
    """If octets follow STARTTLS before the handshake, the reply is 501 5.5.2 instead of 220, and
    the connection is closed."""
    talk("C: STARTTLS\nC: NOOP\nS: 501 5.5.2 Data behind STARTTLS\n== CLOSED ==\n")
    talk("C: STARTTLS\nC| x\nS: 501 5.5.2 Data behind STARTTLS\n== CLOSED ==\n")
