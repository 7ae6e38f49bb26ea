"""The contract of a session: pauses, answers, and notices."""

from dataclasses import replace

import pytest

from gatepost.model.credentials import Principal
from gatepost.model.profile import Limits, Profile
from gatepost.model.reply import Reply
from gatepost.wire.server import events
from gatepost.wire.server.session import MAX_UNSENT, Session, SessionSettings

PROFILE = Profile(
    "test",
    in_clear=("STARTTLS", "AUTH LOGIN", "CHUNKING"),
    over_tls=("AUTH LOGIN",),
    requires_tls=False,
    requires_auth=False,
    limits=Limits(message_size=100_000),
)


@pytest.fixture
def session() -> Session:
    session = Session(SessionSettings(PROFILE, "mx.example", frozenset({"LOGIN"})), "192.0.2.1")
    session.receive(b"EHLO x\r\n")
    assert session.next_event() is None
    session.send()
    return session


def next_event(session: Session, octets: bytes = b"") -> events.Event | None:
    session.receive(octets)
    return session.next_event()


def accept(session: Session) -> None:
    """A transaction with one recipient, up to where content may follow."""
    session.receive(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
    while session.next_event() is not None:
        session.reply(session.replies.OK)
    session.send()


def test_pipelined_commands_wait_for_an_answer(session: Session) -> None:
    event = next_event(session, b"MAIL FROM:<a@b.example>\r\nNOOP\r\n")
    assert isinstance(event, events.Sender)
    assert session.is_waiting
    assert session.next_event() is None
    assert session.send() == b""
    session.reply(Reply(250, "yes"))
    assert session.next_event() is None
    assert session.send() == b"250 yes\r\n250 2.0.0 OK\r\n"


def test_a_refused_sender_starts_nothing(session: Session) -> None:
    next_event(session, b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
    session.reply(Reply(550, "no"))
    assert session.next_event() is None
    assert b"503" in session.send()


def test_a_421_as_an_answer_ends_the_session(session: Session) -> None:
    next_event(session, b"MAIL FROM:<a@b.example>\r\nNOOP\r\n")
    session.reply(Reply(421, "go away"))
    assert session.next_event() == events.Closing(Reply(421, "go away"))
    assert session.next_event() is None
    assert session.send() == b"421 go away\r\n"


def test_an_answer_needs_a_question(session: Session) -> None:
    with pytest.raises(RuntimeError, match="no event"):
        session.reply(session.replies.OK)


def test_ending_a_session_takes_its_question_back(session: Session) -> None:
    next_event(session, b"MAIL FROM:<a@b.example>\r\n")
    session.end(session.replies.SHUTTING_DOWN)
    session.end(session.replies.TIMED_OUT)
    assert session.next_event() == events.Closing(session.replies.SHUTTING_DOWN)
    assert session.send().startswith(b"421 4.3.2")
    assert not session.is_waiting


def test_octets_after_the_end_are_not_kept(session: Session) -> None:
    next_event(session, b"QUIT\r\n")
    session.next_event()
    session.receive(b"x" * 1000)
    assert session.buffered == 0


def test_starttls_forgets_and_says_220(session: Session) -> None:
    assert isinstance(next_event(session, b"STARTTLS\r\n"), events.StartTls)
    session.reply(session.replies.TLS_READY)
    assert session.encrypted
    assert session.peer_name == ""
    assert session.send().startswith(b"220 ")


def test_octets_that_come_before_the_220_are_refused(session: Session) -> None:
    """The application had the question already: reading should be paused, and was not yet."""
    next_event(session, b"STARTTLS\r\n")
    session.receive(b"MAIL FROM:<evil@example.com>\r\n")
    session.reply(session.replies.TLS_READY)
    assert not session.encrypted
    assert session.send() == session.replies.BYTES_BEFORE_TLS.encode()
    assert session.next_event() == events.Closing(session.replies.BYTES_BEFORE_TLS)


def test_octets_behind_starttls_ask_nothing_of_the_application(session: Session) -> None:
    assert next_event(session, b"STARTTLS\r\nNOOP\r\n") == events.Closing(
        session.replies.BYTES_BEFORE_TLS
    )
    assert session.send() == session.replies.BYTES_BEFORE_TLS.encode()


def test_a_refused_starttls_leaves_the_session_in_clear(session: Session) -> None:
    next_event(session, b"STARTTLS\r\n")
    session.reply(session.replies.TLS_UNAVAILABLE)
    assert not session.encrypted
    assert session.next_event() is None
    assert next_event(session, b"NOOP\r\n") is None
    assert session.send().startswith(b"454 ")


def test_a_login_in_steps(session: Session) -> None:
    assert next_event(session, b"AUTH LOGIN\r\n") == events.Auth("LOGIN", None)
    session.challenge(b"Username:")
    assert session.send() == b"334 VXNlcm5hbWU6\r\n"
    assert next_event(session, b"YQ==\r\n") == events.AuthResponse(b"a")
    session.accept_login(Principal("a"))
    assert session.signed_in_as == Principal("a")
    assert session.send() == session.replies.SIGNED_IN.encode()


@pytest.mark.parametrize(
    ("line", "code"), [(b"*\r\n", b"501"), (b"!\r\n", b"501"), (b"A" * 13_000 + b"\r\n", b"500")]
)
def test_the_application_hears_that_an_exchange_ended(
    session: Session, line: bytes, code: bytes
) -> None:
    next_event(session, b"AUTH LOGIN\r\n")
    session.challenge(b"")
    session.send()
    assert isinstance(next_event(session, line), events.AuthAborted)
    assert session.send().startswith(code)
    assert next_event(session, b"YQ==\r\n") is None
    assert session.send().startswith(b"500 ")


@pytest.mark.parametrize(
    ("argument", "shown"), [("ntlm", "NTLM"), ("hunter2", "by an unknown mechanism")]
)
def test_only_a_known_mechanism_name_is_shown(session: Session, argument: str, shown: str) -> None:
    assert next_event(session, f"AUTH {argument}\r\n".encode()) is None
    assert [each.reason for each in session.refusals] == [f"AUTH {shown} is not offered"]


def test_long_content_comes_in_pieces(session: Session) -> None:
    accept(session)
    session.receive(b"DATA\r\n")
    pieces = []
    for _ in range(8):
        event = next_event(session, b"x" * 9_998 + b"\r\n")
        if isinstance(event, events.ContentPiece):
            pieces.append(event.chunk)
    event = next_event(session, b".\r\n")
    assert isinstance(event, events.Message)
    assert pieces
    assert b"".join(pieces) + event.chunk == (b"x" * 9_998 + b"\r\n") * 8


def test_dropped_content_is_reported_and_not_passed_on(session: Session) -> None:
    accept(session)
    session.receive(b"DATA\r\n")
    told: list[events.Event] = []
    for octets in (*[b"x" * 9_998 + b"\r\n"] * 30, b".\r\n"):
        session.receive(octets)
        while (event := session.next_event()) is not None:
            told.append(event)
    assert told[-1] == events.ContentDropped(session.replies.MESSAGE_TOO_BIG)
    handed_on = sum(len(event.chunk) for event in told if isinstance(event, events.ContentPiece))
    assert handed_on <= 100_000
    assert session.buffered == 0


def test_the_application_may_refuse_content_as_it_arrives(session: Session) -> None:
    accept(session)
    session.receive(b"DATA\r\nSubject: x\r\n")
    assert session.next_event() is None
    session.refuse_content(session.replies.STORE_FULL)
    event = next_event(session, b"\r\n.\r\nNOOP\r\n")
    assert event == events.ContentDropped(session.replies.STORE_FULL)
    assert session.next_event() is None
    assert session.send().splitlines()[1:] == [
        session.replies.STORE_FULL.encode().strip(),
        session.replies.OK.encode().strip(),
    ]


def test_rset_between_chunks_drops_the_content(session: Session) -> None:
    accept(session)
    assert next_event(session, b"BDAT 1\r\nx") == events.ContentPiece(b"x")
    assert next_event(session, b"RSET\r\n") == events.ContentDropped(None)


def test_a_refused_chunk_hands_nothing_on(session: Session) -> None:
    assert next_event(session, b"BDAT 3\r\nabcNOOP\r\n") is None
    assert [line[:3] for line in session.send().splitlines()] == [b"503", b"250"]


def test_under_implicit_tls_it_offers_what_it_offers_under_tls() -> None:
    setting = SessionSettings(PROFILE, "mx.example", frozenset({"LOGIN"}))
    session = Session(setting, "192.0.2.1", encrypted=True)
    next_event(session, b"EHLO x\r\n")
    assert session.send().splitlines()[1:] == [b"250-mx.example", b"250 AUTH LOGIN"]


def test_commands_wait_while_replies_pile_up(session: Session) -> None:
    session.receive(b"NOOP\r\n" * (MAX_UNSENT + 10))
    assert session.next_event() is None
    assert [session.is_full] == [True]
    first = session.send()
    assert [session.is_full] == [False]
    assert session.next_event() is None
    replies = (first + session.send()).splitlines()
    assert len(replies) == MAX_UNSENT + 10
    session.receive(b"NOOP\r\n" * MAX_UNSENT)
    assert session.next_event() is None
    session.end(session.replies.TIMED_OUT)
    assert session.next_event() == events.Closing(session.replies.TIMED_OUT), "at once"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["AUTH LOGIN"], "AUTH before EHLO"),
        (["EHLO client.example", "mail FROM:<a@example.com>"], "MAIL before STARTTLS"),
        (["EHLO client.example", "RCPT TO:<a@example.com>"], "RCPT outside of a transaction"),
        (["EHLO client.example", "HELP", "EHLO two words"], "in answer to EHLO"),
        (["PA55W0RD"], "a verb that is none"),
    ],
)
def test_a_refused_command_is_reported_with_its_reason(lines: list[str], reason: str) -> None:
    profile = replace(PROFILE, requires_tls=True)
    _check_refusal(profile, lines, reason)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["EHLO x", "MAIL FROM:a@b.example"],
            "not a path, which must be in < and >: 'a@b.example'",
        ),
        (["EHLO x", "MAIL FROM:<a@b.example> FOO=1"], "FOO is unknown, or not offered"),
    ],
)
def test_a_refused_sender_is_reported_with_its_reason(lines: list[str], reason: str) -> None:
    _check_refusal(PROFILE, lines, reason)


def _check_refusal(profile: Profile, lines: list[str], reason: str) -> None:
    session = Session(SessionSettings(profile, "mx.example", frozenset({"LOGIN"})), "192.0.2.1")
    for line in lines:
        session.receive(f"{line}\r\n".encode())
        assert session.next_event() is None
    assert session.refusals[-1].reason == reason
