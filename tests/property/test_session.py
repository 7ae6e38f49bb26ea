"""What holds for a session for any input, and any split of it."""

import re
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.client.transaction import stuff, stuffed
from gatepost.mime.eight_bit import is_seven_bit
from gatepost.model.body import BytesBody
from gatepost.model.profile import Profile
from gatepost.profiles.load import available_profiles, load_profile
from gatepost.relay.transport.message_fitting import Traced
from gatepost.testing import (
    Application,
    Dialogue,
    MemoryDirectory,
    Performance,
    load_dialogue,
    perform_server,
)
from gatepost.wire.server import events
from gatepost.wire.server.quirky_session import make_session
from gatepost.wire.server.session import SessionSettings
from tests.examples import examples
from tests.property.test_content import pieces_of

DIALOGUES = [
    dialogue
    for path in sorted((Path(__file__).parents[1] / "dialogues").glob("*.smtp"))
    if "server" in (dialogue := load_dialogue(path)).roles
]
OPEN = load_profile("open")
profile_of = cache(load_profile)


def outcome(performance: Performance) -> tuple[object, ...]:
    """Return all that must not depend on the split of the octets."""
    told = [event for event in performance.events if not isinstance(event, events.ContentPiece)]
    kinds = [type(event) if isinstance(event, events.Message) else event for event in told]
    return performance.lines, performance.messages, kinds, performance.closed


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda one: one.name)
@settings(max_examples=examples(15))
@given(seed=st.randoms(use_true_random=False))
def test_any_split_of_a_dialogue_gives_the_same(dialogue: Dialogue, seed: object) -> None:
    whole = perform_server(dialogue)

    def cut(octets: bytes) -> list[bytes]:
        # What lies behind STARTTLS in the same packet is the whole point there.
        head, tls, tail = octets.partition(b"STARTTLS\r\n")
        pieces, at = [], 0
        while at < len(head):
            size = seed.choice((1, 1, 2, 3, 7, 40, 1000))  # type: ignore[attr-defined]  # Random
            pieces.append(head[at : at + size])
            at += size
        return [*pieces, tls + tail] if tls else pieces

    pieces = perform_server(dialogue, cut=cut)
    assert outcome(pieces) == outcome(whole)


# Words that get somewhere, and noise; joined, they reach every state.
WORDS = st.sampled_from(
    [
        b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@b.example>\r\n", b"MAIL FROM:<>\r\n",
        b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n", b".\r\n", b"\r\n.\r\n", b"BDAT 5\r\n",
        b"BDAT 0 LAST\r\n", b"BDAT 3 LAST\r\n", b"BDAT x\r\n", b"RSET\r\n", b"NOOP\r\n",
        b"AUTH LOGIN\r\n", b"AUTH PLAIN\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"YQ==\r\n", b"*\r\n",
        b"STARTTLS\r\n", b"STARTTLS\r\nEHLO y\r\n", b"QUIT\r\n", b"VRFY x\r\n", b"\r", b"\n", b".",
        b"\0", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"x" * 600, b"AUTH " + b"A" * 13_000,
        b"Subject: x\r\n\r\n",
    ]
)  # fmt: skip
OCTETS = st.one_of(WORDS, st.binary(max_size=30))


def play(pieces: list[bytes], **changes: object) -> Application:
    """Return a session and its application after these pieces; it must never raise."""
    profile = replace(OPEN, limits=replace(OPEN.limits, errors=1000, message_size=200), **changes)  # type: ignore[arg-type]  # keys of a profile
    return play_as(profile, pieces)


def play_as(profile: Profile, pieces: list[bytes]) -> Application:
    """The same with another profile."""
    directory = MemoryDirectory(["LOGIN", "PLAIN"])
    directory.add("a", "b")
    setting = SessionSettings(profile, "mx.example", directory.mechanisms)
    application = Application(make_session(setting, "192.0.2.1"), directory)
    for piece in pieces:
        application.session.receive(piece)
        application.run()
    return application


@given(st.lists(OCTETS, max_size=25))
def test_a_message_has_a_sender_and_a_recipient_that_were_accepted(pieces: list[bytes]) -> None:
    sender: events.Sender | None = None
    recipients: list[events.Rcpt] = []
    for event in play(pieces).events:
        match event:
            case events.Sender():
                sender, recipients = event, []
            case events.Rcpt():
                assert sender is not None
                recipients.append(event)
            case events.Message(envelope):
                assert sender is not None
                assert envelope.sender == sender.envelope.sender
                assert envelope.recipients == tuple(one.recipient for one in recipients)
                assert recipients
                sender = None
            case events.ContentPiece():
                assert recipients
            case _:
                pass


@given(st.lists(OCTETS, max_size=25), st.integers(1, 50))
def test_any_cut_of_any_octets_gives_the_same(pieces: list[bytes], size: int) -> None:
    """Except around STARTTLS, where octets behind it in the buffer make the difference."""
    octets = b"".join(pieces).replace(b"STARTTLS", b"STARTXYZ")
    cut = [octets[at : at + size] for at in range(0, len(octets), size)]
    whole, in_pieces = play([octets]), play(cut)
    assert whole.session.send() == in_pieces.session.send()
    assert whole.messages == in_pieces.messages
    assert whole.closed == in_pieces.closed


CONTENT = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n.", b".", b"a", b" ", b"\xff", b"x" * 70_000]),
    max_size=12,
).map(b"".join)


@given(CONTENT, st.booleans(), st.lists(st.integers(1, 90_000), max_size=9))
def test_facts_about_a_content_match_the_content(
    octets: bytes, counted: bool, cuts: list[int]
) -> None:
    """Otherwise a message would differ between its sender and its readers."""
    if counted:
        octets = b"BDAT %d LAST\r\n%b" % (len(octets), octets)
    else:
        octets = b"DATA\r\n" + octets + b"\r\n.\r\n"
    wire = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n" + octets
    content = b""
    large = replace(OPEN.limits, message_size=2_000_000, errors=1000)
    for event in play_as(replace(OPEN, limits=large), list(pieces_of(wire, cuts))).events:
        if isinstance(event, events.ContentPiece):
            content += event.chunk
        elif isinstance(event, events.Message):
            content += event.chunk
            assert event.traits.checksum == zlib.crc32(content)
            assert event.traits.is_seven_bit == is_seven_bit(BytesBody(content))
            for trace in (b"", b"Received: by x\r\n"):
                known = Traced(trace, BytesBody(content, event.traits))
                assert b"".join(stuffed(known)) == b"".join(stuff([trace + content]))
            content = b""


@given(st.sampled_from(available_profiles()), st.lists(OCTETS, max_size=25))
def test_every_profile_speaks_smtp_whatever_it_hears(name: str, pieces: list[bytes]) -> None:
    profile = profile_of(name)
    said = play_as(profile, pieces).session.send()
    end = b"\n" if profile.server.line_end == "lf" else b"\r\n"
    for line in said.split(end)[:-1]:
        assert re.match(rb"[2-5]\d\d[ -]", line)


@given(st.lists(OCTETS, max_size=25))
def test_every_reply_is_a_reply(pieces: list[bytes]) -> None:
    said = play(pieces).session.send()
    assert said.endswith(b"\r\n")
    for line in said[:-2].split(b"\r\n"):
        assert line[:3].isdigit()
        assert line[3:4] in (b" ", b"-")
        assert b"\r" not in line
        assert b"\n" not in line


@given(st.lists(OCTETS, max_size=25))
def test_no_mail_is_accepted_without_the_required_login(pieces: list[bytes]) -> None:
    application = play(pieces, requires_auth=True, requires_tls=True)
    for message in application.messages:
        assert application.session.encrypted
        assert message.principal == "a"


@given(st.lists(OCTETS, max_size=25))
def test_an_ended_session_says_no_more(pieces: list[bytes]) -> None:
    application = play(pieces)
    session = application.session
    session.end(session.replies.SHUTTING_DOWN)
    application.run()
    said = session.send()
    assert application.closed
    session.receive(b"NOOP\r\n")
    application.run()
    assert session.send() == b""
    assert said.count(b"421 4.3.2") <= 1


@given(st.lists(OCTETS, max_size=25))
def test_content_is_crlf_and_within_its_limit(pieces: list[bytes]) -> None:
    for message in play(pieces).messages:
        content = message.content
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        assert b"\0" not in content
        assert len(content) <= 200
