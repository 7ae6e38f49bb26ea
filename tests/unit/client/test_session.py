"""Greeting, EHLO, STARTTLS and QUIT with scripted servers."""

from typing import Any

import pytest

from gatepost.client.session import TimedReply
from gatepost.client.settings import Tls
from gatepost.errors import (
    ConfigError,
    Disconnected,
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    TimedOut,
    TlsUnavailable,
)
from tests.unit.client.dialogue import make_session, offering, play

STARTTLS = """
    S: 220 mail.example ESMTP
    C: EHLO client.example
    S: 250-mail.example
    S: 250-AUTH NTLM
    S: 250 STARTTLS
    C: STARTTLS
    S: 220 2.0.0 Ready
    TLS
    C: EHLO client.example
    S: 250-mail.example
    S: 250 AUTH LOGIN
"""


def test_starttls_forgets_what_came_in_clear() -> None:
    session = make_session()
    offered = play(session, session.open(implicit=False, start_tls=True), STARTTLS)
    assert offered.mechanisms == ("LOGIN",)
    assert "STARTTLS" not in offered
    assert session.facts is not None
    assert [(line.speaker, line.tls) for line in session.transcript.lines[-3:]] == [
        ("C", True),
        ("S", True),
        ("S", True),
    ]
    assert not session.transcript.lines[0].tls


def test_implicit_tls_comes_before_the_greeting() -> None:
    session = make_session()
    dialogue = """
        TLS
        S: 220 mail.example ESMTP
        C: EHLO client.example
        S: 250-mail.example
        S: 250 STARTTLS
    """
    play(session, session.open(implicit=True, start_tls=True), dialogue)
    assert session.transcript.lines[0].tls


def test_helo_where_ehlo_is_unknown() -> None:
    session = make_session()
    dialogue = """
        S: 220 old.example
        C: EHLO client.example
        S: 500 what?
        C: HELO client.example
        S: 250 old.example
    """
    offered = play(session, session.open(implicit=False, start_tls=False), dialogue)
    assert (offered.greeting, offered.lines) == ("old.example", ())


def test_a_refused_name_is_reported_with_the_reply_to_ehlo() -> None:
    session = make_session()
    dialogue = """
        C: EHLO client.example
        S: 501 5.5.4 Invalid domain name
        C: HELO client.example
        S: 504 neither
    """
    with pytest.raises(Refused) as caught:
        play(session, session.hello(), dialogue)
    assert (caught.value.reply.code, caught.value.phase) == (501, "ehlo")
    assert caught.value.command == "EHLO client.example"


@pytest.mark.parametrize(
    ("greeting", "error", "phase"),
    [
        ("S: 554 5.7.1 not you", Refused, "greeting"),
        ("S: 421 4.3.2 too busy", Refused, "greeting"),
        ("S: 250 odd", Refused, "greeting"),
        ("S: SSH-2.0-OpenSSH_9.2", RemoteProtocolError, "greeting"),
        ("CUT", Disconnected, "greeting"),
        ("SILENCE", TimedOut, "greeting"),
    ],
)
def test_no_greeting(greeting: str, error: type[Exception], phase: str) -> None:
    session = make_session()
    with pytest.raises(error) as caught:
        play(session, session.open(implicit=False, start_tls=True), greeting)
    assert getattr(caught.value, "phase", None) == phase
    assert getattr(caught.value, "transcript", None) is session.transcript


def test_starttls_is_required() -> None:
    session = make_session()
    dialogue = """
        S: 220 mail.example
        C: EHLO client.example
        S: 250-mail.example
        S: 250 AUTH PLAIN
    """
    with pytest.raises(TlsUnavailable, match="offers AUTH"):
        play(session, session.open(implicit=False, start_tls=True), dialogue)


def test_starttls_refused() -> None:
    session = offering(make_session(), "STARTTLS", tls=False)
    with pytest.raises(Refused) as caught:
        play(session, session.start_tls(), "C: STARTTLS\nS: 454 4.7.0 TLS not available")
    assert (caught.value.phase, caught.value.is_transient) == ("starttls", True)


@pytest.mark.parametrize("injected", ["S: 250 AUTH PLAIN", "S: 250-mail.example", "S: x"])
def test_octets_behind_the_220_are_an_attack(injected: str) -> None:
    session = offering(make_session(), "STARTTLS", tls=False)
    with pytest.raises(RemoteProtocolError, match="in clear behind"):
        play(session, session.start_tls(), f"C: STARTTLS\nS: 220 go\n{injected}")
    assert not session.is_usable


def test_quit_takes_no_offence() -> None:
    for answer in ("S: 221 bye", "CUT", "SILENCE", "S: 500 never"):
        session = offering(make_session())
        play(session, session.quit(), f"C: QUIT\n{answer}")
        assert not session.is_usable
        play(session, session.quit(), "")


def test_a_server_is_asked_whether_it_still_listens() -> None:
    session = make_session()
    play(session, session.check(), "C: NOOP\nS: 250 ok")
    assert session.is_usable
    with pytest.raises(Refused, match="500 what"):
        play(session, session.check(), "C: NOOP\nS: 500 what?")
    assert not session.is_usable


def test_the_last_reply_before_a_disconnect_is_read() -> None:
    session = offering(make_session())
    reply = play(session, session.ask("NOOP", "mail"), "CUT\nS: 421 4.4.2 idle for too long")
    assert reply.code == 421
    assert not session.is_usable


def test_a_disconnect_without_a_reply() -> None:
    session = offering(make_session())
    with pytest.raises(Disconnected, match="Broken pipe"):
        play(session, session.ask("NOOP", "mail"), "CUT\nCUT")


@pytest.mark.parametrize("command", ["NOOP\r\nRSET", "NOOP\n", "NO\0OP", "NOOP\r"])
def test_one_command_is_one_line(command: str) -> None:
    session = offering(make_session())
    with pytest.raises(LocalProtocolError):
        play(session, session.ask(command, "mail"), "")
    assert session.transcript.lines == ()
    assert session.is_usable


def test_listening_in() -> None:
    said: list[TimedReply] = []
    session = make_session(said=said)
    play(session, session.open(implicit=False, start_tls=True), STARTTLS)
    assert [(one.phase, one.command, one.reply.code) for one in said] == [
        ("greeting", "", 220),
        ("ehlo", "EHLO client.example", 250),
        ("starttls", "STARTTLS", 220),
        ("ehlo", "EHLO client.example", 250),
    ]
    assert all(one.asked_at <= one.answered for one in said)


def test_each_message_has_its_own_transcript() -> None:
    session = make_session()
    play(session, session.greet(), "S: 220 mail.example")
    session.transcript.hide("secret")
    for number in (1, 2):
        session.begin()
        command = f"NOOP {number} secret"
        play(session, session.ask(command, "mail"), f"C: {command}\nS: 250 ok")
        assert [line.text for line in session.transcript.lines] == [
            "220 mail.example",
            f"NOOP {number} [redacted]",
            "250 ok",
        ]


@pytest.mark.parametrize("begins", [False, True])
def test_a_malformed_reply_is_shown_without_the_secret(begins: bool) -> None:
    session = make_session()
    session.transcript.hide("it's secret")
    if begins:
        session.begin()
    with pytest.raises(RemoteProtocolError) as caught:
        play(session, session.ask("NOOP", "mail"), "C: NOOP\nS: what is it's secret")
    assert str(caught.value) == "not an SMTP reply: 'what is [redacted]'"
    assert caught.value.line == "what is [redacted]"


def test_an_unexpected_reply_is_shown_without_the_secret() -> None:
    session = make_session()
    session.transcript.hide("it's secret")
    session.reader.feed(b"250 you said it's secret\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        play(session, session.ask("NOOP", "mail"), "")
    assert caught.value.line == "250 you said [redacted]"


@pytest.mark.parametrize("code", [b"250 ", b"334 "])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_an_overlong_line_shows_no_part_of_the_secret(code: bytes, end: bytes) -> None:
    secret = "s3cret" * 5_000
    session = make_session()
    session.transcript.hide(secret)
    session.reader.feed(code + secret.encode() + end)
    if code == b"250 ":
        told = [session.reader.next_reply()]
        session.reader.feed(b"s3cret\r\n")
        told += [session.reader.next_reply() if not end else None]
        assert "s3cret" not in f"{told} {session.reader.text}"
        return
    with pytest.raises(RemoteProtocolError) as caught:
        session.reader.next_reply()
    assert "s3cret" not in f"{caught.value} {caught.value.line}"


def test_observers_see_no_secret_in_a_challenge() -> None:
    said: list[TimedReply] = []
    session = make_session(said=said)
    session.transcript.hide("secret")
    reply = play(session, session.ask("AUTH X", "auth"), "C: AUTH X\nS: 334 c2VjcmV0")
    assert said[0].reply.text == "[redacted]"
    assert reply.text == "c2VjcmV0", "the mechanism needs it as it came"
    for code in (250, 334):  # which is a challenge to AUTH alone
        reply = play(session, session.ask("NOOP", "quit"), f"C: NOOP\nS: {code} secret")
        assert reply.text == "[redacted]"


@pytest.mark.parametrize("words", [{"mode": "ssl"}, {"minimum": "TLSv1"}])
def test_a_word_for_tls_that_means_nothing_is_not_taken_for_another(words: Any) -> None:
    with pytest.raises(ConfigError, match="it is one of"):
        Tls(**words)
