"""What is recorded of a connection: its facts, its result, and its lines without secrets."""

import asyncio
import base64
import gc
import json
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from gatepost.control.session_documents import whole_session_document
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.directory.contract import Directory
from gatepost.errors import TlsError
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.session_record import SessionRecord, text_of
from gatepost.profiles.load import available_profiles, load_profile
from gatepost.relay.listener_state import ListenerState, plain_listener_state
from gatepost.relay.recorded_connection import RecordedReceiver
from gatepost.relay.session_archive import MAX_SESSIONS, UNREAD_EVERY, SessionArchive
from gatepost.relay.session_recorder import MAX_OPEN, MAX_OPEN_SIZE, SessionRecorder
from gatepost.relay.session_recording import SessionRecording
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.testing.memory import MemoryStore
from gatepost.wire.server.session import SessionSettings
from gatepost.wire.server.session_transcript import MAX_SIZE, SessionTranscript
from tests.secret_forms import FORMS
from tests.unit.relay.clear_stream import ClearStream

PASSWORD = "An0ther~Secret.of.forty-characters-0123"
USERNAME = "alice@example.com"
EHLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"
CONTENT = b"Subject: hi\r\n\r\nThe c0ntent of the message.\r\n.\r\n"
QUIT = b"QUIT\r\n"
TURNS = 10
"""Of the event loop, in which a message is stored."""
MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"})


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


class Doorkeeper:
    """A directory that knows one password."""

    mechanisms = MECHANISMS

    def identify(self, credentials: Credentials, mechanism: str) -> Principal | Reply:
        password = credentials.password or credentials.token
        if password is not None and password.reveal() == PASSWORD:
            return Principal(credentials.username, mechanism, application_id="app-1")
        return Reply(535, "no").because("bad_credentials: the password is wrong")


class World:
    """A relay whose sessions are recorded."""

    def __init__(self, profile: str = "open") -> None:
        self.events: list[dict[str, Any]] = []
        self.archive = SessionArchive()
        self.time = 0.0
        self.recorder = SessionRecorder(
            lambda: datetime(2026, 11, 30, tzinfo=UTC),
            lambda: self.time,
            self.archive.add_recording,
            self.archive.note_message,
        )
        self.numbers = iter(range(1, 100_000))
        self.relay = Relay(
            cast("Directory", Doorkeeper()), MemoryStore(), Budget(Path()), self.report,
            lambda: f"m{next(self.numbers)}", lambda: datetime.now(UTC), recorder=self.recorder,
        )  # fmt: skip
        setting = SessionSettings(load_profile(profile), "mx.example", MECHANISMS)
        self.state: ListenerState = plain_listener_state(setting, None)
        self.state.name = "smtp"

    def report(self, event: str, **facts: Any) -> None:
        self.events.append({"event": event, **facts})

    def connect(self) -> RecordedReceiver:
        receiver = RecordedReceiver(self.relay, self.state, lambda _: None)
        receiver.on_accept(cast("Any", ClearStream()))
        receiver.on_connect()
        return receiver

    async def talk(self, *parts: bytes) -> SessionRecord:
        """Return the record of a session in which a client sends these parts and disconnects."""
        receiver = self.connect()
        for part in parts:
            self.time += 1.0
            receiver.on_data(part)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        receiver.on_close()
        return self.archive.records[-1]


def said(record: SessionRecord) -> list[str]:
    return [f"{line[1]}: {each}" for line in record.lines for each in text_of(line).split("\n")]


def run(scene: Callable[[World], Any], profile: str = "open") -> None:
    async def main() -> None:
        await scene(World(profile))

    asyncio.run(main())


def test_the_lines_of_a_session() -> None:
    async def scene(world: World) -> None:
        record = await world.talk(
            b"ehlo client.example\r\n", b"AUTH PLAIN " + b64(f"\0{USERNAME}\0{PASSWORD}") + b"\r\n",
            MAIL, CONTENT, b"NOOP see you\r\nFOO " + PASSWORD.encode() + b"\r\nGET / HTTP/1.1\r\n",
        )  # fmt: skip
        lines = [each for each in said(record) if not each.startswith("S: 250-")]
        assert lines == [
            "S: 220 mx.example ESMTP Gatepost",
            "C: ehlo client.example",
            "S: 250 HELP",
            "C: AUTH PLAIN [redacted]",
            "S: 235 2.7.0 Authentication successful",
            "C: MAIL FROM:<a@example.com>",
            "C: RCPT TO:<b@example.net>",
            "C: DATA",
            "S: 250 2.1.0 Sender OK",
            "S: 250 2.1.5 Recipient OK",
            "S: 354 Start mail input; end with <CRLF>.<CRLF>",
            "C: [44 octets of content]",
            "S: 250 2.0.0 OK queued as m1",
            "C: NOOP [redacted]",
            "C: [43 octets that are not a command]",
            "C: GET [redacted]",
            "S: 250 2.0.0 OK",
            "S: 500 5.5.1 Command not recognized",
            "S: 554 5.5.1 This is an SMTP server",
        ]
        assert record.messages == ["m1"]
        assert world.archive.session_of("m1") == record.id
        assert [line[0] for line in record.lines if line[2] == b"DATA"] == [3.0]
        assert (record.username, record.application_id) == (USERNAME, "app-1")

    run(scene)


WRONG = b"AUTH PLAIN " + b64(f"\0{USERNAME}\0wrong-password") + b"\r\n"
RIGHT = b"AUTH PLAIN " + b64(f"\0{USERNAME}\0{PASSWORD}") + b"\r\n"
REFUSED = "bad_credentials: the password is wrong"

# fmt: off
RESULTS: Sequence[tuple[str, Sequence[bytes], str, str]] = [
    ("a message",                   [EHLO, MAIL, CONTENT, QUIT],      "accepted", ""),
    ("and no QUIT",                 [EHLO, MAIL, CONTENT],            "accepted", ""),
    ("nothing but QUIT",            [EHLO, QUIT],                     "accepted", ""),
    ("a login as a check",          [EHLO, RIGHT, QUIT],              "accepted", ""),
    ("nothing",                     [],                               "dropped",  ""),
    ("gone in a transaction",       [EHLO, MAIL],                     "dropped",  ""),
    ("a wrong password",            [EHLO, WRONG, QUIT],              "refused",  REFUSED),
    ("and what follows from it",    [EHLO, WRONG, b"RCPT TO:<a@b>\r\n"], "refused", REFUSED),
    ("another mechanism first",     [EHLO, b"AUTH NTLM\r\n", RIGHT, QUIT], "accepted", ""),
    ("only another mechanism",      [EHLO, b"AUTH NTLM\r\n", QUIT],   "refused",
     "AUTH NTLM is not offered"),
    ("a second try",                [EHLO, WRONG, RIGHT, MAIL, CONTENT], "accepted", ""),
    ("one recipient of two",        [EHLO, b"MAIL FROM:<a@b.example>\r\nRCPT TO:<a@b>c>\r\n",
     b"RSET\r\n", MAIL, CONTENT, QUIT],                               "accepted", ""),
    ("a later message",             [EHLO, MAIL, CONTENT, b"RCPT TO:<a@b>\r\n", QUIT], "refused",
     "RCPT outside of a transaction"),
    ("not SMTP",                    [b"GET / HTTP/1.1\r\n"],          "refused",
     "the client speaks HTTP"),
]
# fmt: on


@pytest.mark.parametrize(("parts", "result", "reason"), [row[1:] for row in RESULTS],
                         ids=[row[0] for row in RESULTS])  # fmt: skip
def test_the_result_is_that_of_the_last_attempt(
    parts: Sequence[bytes], result: str, reason: str
) -> None:
    async def scene(world: World) -> None:
        record = await world.talk(*parts)
        assert (record.result, record.reason) == (result, reason)
        assert record.seconds == float(len(parts))

    run(scene)


def test_silent_clients_and_failed_handshakes() -> None:
    async def scene(world: World) -> None:
        receiver = world.connect()
        receiver.time_out()
        receiver.on_close()
        assert [each.result for each in world.archive.records] == ["idle"]
        receiver = world.connect()
        receiver.on_tls_failure(TlsError("TLS failed: alert unknown ca"))
        receiver.on_close()
        record = world.archive.records[-1]
        assert (record.result, record.phase) == ("tls_failed", "tls")
        assert "does not know the authority" in record.reason
        world.relay.draining = True
        world.connect().on_close()
        assert world.archive.records[-1].result == "dropped"

    run(scene)


def test_refused_logins_are_listed_with_their_user_names() -> None:
    async def scene(world: World) -> None:
        record = await world.talk(EHLO, WRONG, WRONG, b"AUTH NTLM\r\n")
        assert [(each.mechanism, each.username, each.reason) for each in record.refused_logins] == [
            ("PLAIN", USERNAME, REFUSED),
            ("PLAIN", USERNAME, REFUSED),
            ("NTLM", "", "AUTH NTLM is not offered"),
        ]

    run(scene)


PLANTED = "Plant3d~Secret.of.forty-characters-0123"


def whole(record: SessionRecord) -> str:
    return repr(record)


LOGINS = {
    "PLAIN": [b"AUTH PLAIN " + b64(f"\0{USERNAME}\0{PLANTED}")],
    "PLAIN in two lines": [b"AUTH PLAIN", b64(f"\0{USERNAME}\0{PLANTED}")],
    "PLAIN with an authorization identity": [b"AUTH PLAIN " + b64(f"me\0{USERNAME}\0{PLANTED}")],
    "PLAIN without its NULs": [b"AUTH PLAIN " + b64(f"{USERNAME}:{PLANTED}")],
    "PLAIN not in base64": [f"AUTH PLAIN {USERNAME} {PLANTED}".encode()],
    "base64 of base64": [b"AUTH PLAIN " + b64(b64(f"\0{USERNAME}\0{PLANTED}").decode())],
    "LOGIN": [b"AUTH LOGIN", b64(USERNAME), b64(PLANTED)],
    "LOGIN with a name": [b"AUTH LOGIN " + b64(USERNAME), b64(PLANTED)],
    "LOGIN without base64": [b"AUTH LOGIN", USERNAME.encode(), PLANTED.encode()],
    "XOAUTH2": [b"AUTH XOAUTH2 " + b64(f"user={USERNAME}\1auth=Bearer {PLANTED}\1\1")],
    "OAUTHBEARER": [b"AUTH OAUTHBEARER " + b64(f"n,a={USERNAME},\1auth=Bearer {PLANTED}\1\1")],
    "CRAM-MD5": [b"AUTH CRAM-MD5", b64(f"{USERNAME} {PLANTED}")],
    "SCRAM": [b"AUTH SCRAM-SHA-256 " + b64(f"n,,n={USERNAME},r=1"), b64(f"c=biws,r=1,p={PLANTED}")],
    "a mechanism that nobody has": [b"AUTH NTLM " + b64(PLANTED)],
    "no mechanism": [b"AUTH " + b64(PLANTED)],
    "too many words": [b"AUTH PLAIN " + b64(f"\0{USERNAME}\0{PLANTED}") + b" more"],
    "no login": [f"PASS {PLANTED}".encode()],
    "a response at a wrong time": [b64(f"\0{USERNAME}\0{PLANTED}")],
    "a control character": [f"MAIL FROM:<{PLANTED}>\1".encode()],
}


@pytest.mark.parametrize("login", LOGINS)
def test_no_secret_is_kept_in_any_form(login: str) -> None:
    """Not in a record, not in an open session as it is shown, and not in what is recorded later."""
    forms = [FORMS[name](PLANTED) for name in ("clear", "base64", "hex", "%", r"\u", "base32")]

    async def scene(world: World) -> None:
        receiver = world.connect()
        receiver.on_data(EHLO)
        for line in LOGINS[login]:
            receiver.on_data(line + b"\r\n")
        receiver.on_data(b"*\r\nRSET\r\n")
        for form in forms:
            receiver.on_data(f"MAIL FROM:<{form}@example.com>\r\nRSET\r\nNOOP {form}\r\n".encode())
        receiver.on_data(f"EHLO {PLANTED}\r\n".encode())
        shown = whole(world.recorder.records[0])
        receiver.on_close()
        shown += whole(world.archive.records[-1])
        shown += pickle.dumps(world.archive.records).decode("latin-1")
        for secret in (*forms, base64.b64encode(f"\0{USERNAME}\0{PLANTED}".encode()).decode()):
            assert secret not in shown
            assert secret[:20] not in shown
        assert world.archive.records[-1].result == "refused" or login in ("SCRAM", "no login")

    run(scene)


HOLDERS = (
    SessionArchive, SessionRecorder, SessionRecording, SessionTranscript, SessionRecord,
    list, tuple, dict, set, deque,
)  # fmt: skip


def has_secret(world: World) -> bool:
    """Tell whether the recorder or the archive refers to the planted secret in any way."""
    reached: list[Any] = [world.archive, world.recorder]
    seen: set[int] = set()
    while reached:
        each = reached.pop()
        if id(each) in seen or isinstance(each, type) or hasattr(each, "__code__"):
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes):
            text = each.decode("latin-1") if isinstance(each, bytes) else each
            if PLANTED in text or b64(f"\0{USERNAME}\0{PLANTED}").decode() in text:
                return True
        elif isinstance(each, HOLDERS):
            reached += gc.get_referents(each)
    return False


LOGIN = b"AUTH PLAIN " + b64(f"\0{USERNAME}\0{PLANTED}") + b"\r\n"


def test_nothing_refers_to_a_secret_when_a_session_has_ended() -> None:
    async def scene(world: World) -> None:
        await world.talk(EHLO, LOGIN, QUIT)
        assert not has_secret(world)

    run(scene)


def test_nothing_refers_to_a_secret_soon_even_if_nobody_asks_for_the_session() -> None:
    async def scene(world: World) -> None:
        for _ in range(30):
            receiver = world.connect()
            receiver.on_data(EHLO + LOGIN + QUIT)
            receiver.on_close()
        assert has_secret(world), "records are made later"
        for _ in range(200):
            await asyncio.sleep(UNREAD_EVERY)
            if not has_secret(world):
                break
        assert not has_secret(world)
        assert len(world.archive.records) == 30

    run(scene)


def test_of_very_many_sessions_only_the_last_are_read() -> None:
    async def scene(world: World) -> None:
        ended: list[str] = []
        world.archive.on_add = ended.append
        for _ in range(MAX_SESSIONS + 50):
            receiver = world.connect()
            receiver.on_data(EHLO + QUIT)
            receiver.on_close()
        assert world.archive.last == len(ended) == MAX_SESSIONS + 50
        newest = world.archive.find(ended[-1])
        assert newest is not None
        assert newest.result == "accepted"
        assert [each.id for each in world.archive.records] == ended[50:]
        assert world.archive.find(ended[49]) is None
        assert [each.id for each in world.archive.since(world.archive.last - 2)] == ended[-2:]

    run(scene)


def test_octets_that_are_not_unicode_do_not_spoil_a_document() -> None:
    async def scene(world: World) -> None:
        login = base64.b64encode(b"\0us\xffer\0pass\xfeword\xff")
        record = await world.talk(
            EHLO, b"AUTH PLAIN " + login + b"\r\n", b"MAIL FROM:<\xff@example.com>\r\n", QUIT
        )
        document = whole_session_document(record, "", Placeholders("localhost", 2587))
        assert json.loads(json.dumps(document, ensure_ascii=False).encode())
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=SessionRecord) == record
        assert document["result"] == "refused"

    run(scene)


def test_the_content_of_messages_is_never_kept() -> None:
    async def scene(world: World) -> None:
        secret = b"Subject: s3cret subject\r\n\r\ns3cret body\r\n"
        chunk = b"BDAT %d LAST\r\n%s" % (len(secret), secret)
        record = await world.talk(
            EHLO, b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n", chunk, QUIT
        )
        assert "s3cret" not in whole(record)
        assert f"C: [{len(secret)} octets of content]" in said(record)

    run(scene)


AT_ONCE = [each for each in available_profiles() if not load_profile(each).server.greeting_delay]


@pytest.mark.parametrize("profile", AT_ONCE)
def test_what_is_shown_of_the_server_is_what_was_sent(profile: str) -> None:
    """Also by servers that say nothing, end lines otherwise, or disconnect."""

    async def scene(world: World) -> None:
        stream = ClearStream()
        receiver = RecordedReceiver(world.relay, world.state, lambda _: None)
        receiver.on_accept(cast("Any", stream))
        receiver.on_connect()
        for part in (EHLO, WRONG, RIGHT, MAIL, CONTENT, b"NOOP\r\nNONSENSE\r\n", QUIT):
            if not stream.is_closing:
                receiver.on_data(part)
                for _ in range(TURNS):
                    await asyncio.sleep(0)
        receiver.on_close()
        lines = world.archive.records[-1].lines
        assert b"".join([line[2] for line in lines if line[1] == "S"]) == stream.said

    run(scene, profile)


def test_many_lines_leave_some_out_in_the_middle() -> None:
    async def scene(world: World) -> None:
        receiver = world.connect()
        receiver.on_data(EHLO)
        for number in range(5_000):
            receiver.on_data(b"MAIL FROM:<a%d@example.com>\r\nRSET\r\n" % number)
        receiver.on_close()
        record = world.archive.records[-1]
        lines = said(record)
        assert "C: MAIL FROM:<a0@example.com>" in lines
        assert "C: MAIL FROM:<a4999@example.com>" in lines
        assert record.left_out + len(record.lines) == 3 + 5_000 * 3
        assert record.size < 2 * MAX_SIZE

    run(scene)


def test_lines_that_are_no_commands_do_not_hide_the_others() -> None:
    async def scene(world: World) -> None:
        receiver = world.connect()
        receiver.on_data(EHLO)
        for number in range(9):
            receiver.on_data(b"a line of a message, number %d\r\n" % number)
        receiver.on_data(b"QUIT\r\n")
        receiver.on_close()
        assert "C: QUIT" in said(world.archive.records[-1])
        assert "C: EHLO client.example" in said(world.archive.records[-1])

    run(scene)


def test_open_sessions_share_a_bound() -> None:
    async def scene(world: World) -> None:
        receivers = [world.connect() for _ in range(MAX_OPEN + 20)]
        assert len(world.recorder.records) == MAX_OPEN
        for receiver in receivers:
            receiver.on_data(EHLO + b"NOOP\r\n" * 100)
        held = sum(len(each.packed_lines) for each in world.recorder.records)
        assert held <= MAX_OPEN_SIZE
        for receiver in receivers:
            receiver.on_close()
        assert not world.recorder.records
        assert world.recorder._size == 0
        assert {each.result for each in world.archive.records} == {"dropped"}, "facts are recorded"

    run(scene)


def test_the_archive_keeps_the_last_ones() -> None:
    archive = SessionArchive()
    for number in range(MAX_SESSIONS + 5):
        archive.add(SessionRecord(str(number), float(number)))
    assert len(archive.records) == MAX_SESSIONS
    assert archive.find("4") is None
    assert [each.id for each in archive.since(MAX_SESSIONS + 3)] == ["1003", "1004"]
    archive.add(SessionRecord("large", 0.0, packed_lines=bytes(13 * 1024 * 1024)))
    assert archive.records == []


def test_a_challenge_is_hidden_behind_another_reply_too() -> None:
    transcript = SessionTranscript(lambda _: True, 0.0)
    transcript.challenge(0.0, b"250 2.0.0 Ok\r\n334 PDEyM0BtYWlsPg==\r\n")
    transcript.challenge(0.0, b"334 VXNlcm5hbWU6\r\n")
    assert [line[2] for line in transcript._entries] == [
        b"250 2.0.0 Ok\r\n334 [redacted]\r\n", b"334 VXNlcm5hbWU6\r\n"
    ]  # fmt: skip
