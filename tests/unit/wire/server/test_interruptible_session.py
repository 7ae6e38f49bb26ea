"""Commands that are shown before they run, and what else a rule may change in a session."""

from collections.abc import Iterator

import pytest

from gatepost.model.reply import Esc, Reply
from gatepost.profiles import load_profile
from gatepost.wire.server import events
from gatepost.wire.server.interruptible_session import InterruptibleSession, make_interruptible
from gatepost.wire.server.session import SessionSettings, command_table

SETTING = SessionSettings(load_profile("gatepost"), "relay.example", frozenset({"PLAIN", "LOGIN"}))
LATER = Reply(451, "Later", Esc(4, 7, 1))


@pytest.fixture
def session() -> InterruptibleSession:
    made = make_interruptible(SETTING, "127.0.0.1", encrypted=True)
    made.send()
    return made


def shown(session: InterruptibleSession, octets: bytes) -> Iterator[events.Event]:
    session.receive(octets)
    while (event := session.next_event()) is not None:
        yield event


def test_without_stages_the_ordinary_table_is_used(session: InterruptibleSession) -> None:
    """So it costs nothing for each command."""
    session.interrupt_at(frozenset({"mail", "rcpt", "message", "connect"}))
    assert session._table is command_table(SETTING)
    session.interrupt_at(frozenset({"noop"}))
    assert session._table is not command_table(SETTING)
    session.interrupt_at(frozenset())
    assert session._table is command_table(SETTING)


@pytest.mark.parametrize(
    ("stages", "octets", "wanted"),
    [
        ({"ehlo"}, b"EHLO a\r\n", [(("ehlo",), "EHLO")]),
        ({"ehlo"}, b"HELO a\r\n", [(("ehlo",), "HELO")]),
        ({"noop"}, b"RSET\r\n", []),
        ({"command"}, b"XYZ 1\r\n", [(("command",), "XYZ")]),
        ({"command", "noop"}, b"noop\r\n", [(("command", "noop"), "NOOP")]),
        ({"data"}, b"DATA\r\n", []),
        ({"command", "data"}, b"DATA\r\n", [(("command",), "DATA")]),
    ],
)
def test_what_is_shown(
    session: InterruptibleSession,
    stages: set[str],
    octets: bytes,
    wanted: list[tuple[tuple[str, ...], str]],
) -> None:
    session.interrupt_at(frozenset(stages))
    seen = []
    for event in shown(session, octets):
        assert isinstance(event, events.Interrupted)
        seen.append((event.stages, event.verb))
        session.proceed()
    assert seen == wanted


def test_a_command_proceeds_as_if_it_had_not_been_shown(session: InterruptibleSession) -> None:
    session.interrupt_at(frozenset({"command"}))
    for _ in shown(session, b"RCPT TO:<a@b>\r\nEHLO x\r\nXYZ\r\nVRFY a\r\n"):
        session.proceed()
    codes = [line[:3] for line in session.send().decode().splitlines() if line[3] == " "]
    assert codes == ["503", "250", "500", "252"]
    assert [each.code for each in session.refusals] == [503, 500]


def test_a_command_is_refused(session: InterruptibleSession) -> None:
    session.interrupt_at(frozenset({"ehlo"}))
    for _ in shown(session, b"EHLO x\r\nNOOP\r\n"):
        session.refuse_command(LATER)
    assert session.send() == b"451 4.7.1 Later\r\n250 2.0.0 OK\r\n"
    assert session.peer_name == ""


def test_quit_ends_the_session_whatever_the_reply(session: InterruptibleSession) -> None:
    session.interrupt_at(frozenset({"quit"}))
    kinds = []
    for event in shown(session, b"QUIT\r\n"):
        kinds.append(type(event))
        if isinstance(event, events.Interrupted):
            session.refuse_command(LATER)
    assert kinds == [events.Interrupted, events.Closing]


@pytest.mark.parametrize(
    ("drop", "add", "absent", "mechanisms"),
    [
        (["SIZE"], ["X-NEW 1"], "SIZE", {"PLAIN", "LOGIN"}),
        (["AUTH"], [], "AUTH", set()),
        (["auth plain"], [], "PLAIN", {"LOGIN"}),
    ],
)
def test_an_offer_is_changed_for_one_ehlo(
    session: InterruptibleSession,
    drop: list[str],
    add: list[str],
    absent: str,
    mechanisms: set[str],
) -> None:
    session.change_offer(drop, add)
    assert list(shown(session, b"EHLO x\r\n")) == []
    reply = session.send().decode()
    assert absent not in reply
    assert all(each in reply for each in add)
    assert session.offer.mechanisms == mechanisms
    assert not session.offer.keywords & {each.split()[0] for each in add}
    session.change_offer((), ())
    assert session.offer.mechanisms == {"PLAIN", "LOGIN"}


def test_an_abandoned_session_runs_nothing_more(session: InterruptibleSession) -> None:
    session.receive(b"NOOP\r\nNOOP\r\n")
    session.abandon("rule x")
    (closing,) = shown(session, b"RSET\r\n")
    assert isinstance(closing, events.Closing)
    assert closing.reply.reason == "rule x"
    assert session.send() == b""
