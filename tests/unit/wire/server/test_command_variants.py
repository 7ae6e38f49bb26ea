"""Servers that deviate from the RFCs, without a socket."""

from dataclasses import replace

import pytest

from gatepost.model.credentials import Principal
from gatepost.model.profile import Profile
from gatepost.model.reply import Esc, Reply
from gatepost.model.server_behaviour import AuthRules, ContentRules, ServerRules
from gatepost.wire.server import events
from gatepost.wire.server.command_variants import MAX_SEEN, commands_of
from gatepost.wire.server.commands import COMMANDS
from gatepost.wire.server.quirky_session import QuirkySession, make_session
from gatepost.wire.server.session import Session, SessionSettings

PROFILE = Profile(
    "test",
    in_clear=("AUTH PLAIN LOGIN",),
    over_tls=("AUTH PLAIN LOGIN", "CHUNKING"),
    requires_tls=False,
    requires_auth=False,
)
MECHANISMS = frozenset({"PLAIN", "LOGIN"})


def open_session(profile: Profile, setting: SessionSettings | None = None) -> Session:
    setting = setting or SessionSettings(profile, "mx.example", MECHANISMS)
    return make_session(setting, "192.0.2.1", encrypted=True)


def say(session: Session, *lines: str) -> str:
    """Say lines, accept what is asked, and return what came back."""
    for line in lines:
        session.receive(f"{line}\r\n".encode())
        while (event := session.next_event()) is not None:
            if session.is_waiting:
                session.reply(Reply(235 if isinstance(event, events.Auth) else 250, "fine"))
    return session.send().decode()


def test_an_ordinary_server_has_the_ordinary_table_and_session() -> None:
    assert commands_of(PROFILE) is COMMANDS
    assert type(open_session(PROFILE)) is Session


@pytest.mark.parametrize("verb", ["EHLO", "AUTH", "MAIL", "NOOP", "RSET"])
def test_an_answer_replaces_a_command(verb: str) -> None:
    reply = Reply(454, "not today", Esc(4, 7, 0))
    session = open_session(replace(PROFILE, answers={verb: reply}))
    first = [] if verb == "EHLO" else ["EHLO x"]
    rest = {"MAIL": "MAIL FROM:<a@b.example>", "AUTH": "AUTH PLAIN"}.get(verb, f"{verb} x")
    assert say(session, *first, rest).endswith("454 4.7.0 not today\r\n")
    assert session.refusals[-1] == reply


def test_an_answer_waits_for_what_must_hold_before() -> None:
    profile = replace(PROFILE, requires_auth=True, answers={"MAIL": Reply(451, "later")})
    assert "530" in say(open_session(profile), "EHLO x", "MAIL FROM:<a@b.example>")


def test_an_answer_of_421_ends_the_session() -> None:
    session = open_session(replace(PROFILE, answers={"NOOP": Reply(421, "gone")}))
    assert say(session, "NOOP").endswith("421 gone\r\n")
    assert say(session, "NOOP") == ""


@pytest.mark.parametrize(
    "content", [("DATA", "Subject: x", "", "."), ("BDAT 2 LAST\r\nhi",)], ids=["DATA", "BDAT"]
)
def test_a_message_is_refused_at_its_end(content: tuple[str, ...]) -> None:
    session = open_session(replace(PROFILE, answers={"CONTENT": Reply(554, "rejected")}))
    said = say(session, "EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", *content)
    assert "554 rejected\r\n" in said


STRICT = replace(
    PROFILE,
    in_clear=("SMTPUTF8",),
    over_tls=("CHUNKING", "SMTPUTF8"),
    content=ContentRules(longest_line=998, wants_from=True, wants_ascii_headers=True),
)
LONGEST = "x" * 998
CONTENTS = [
    ("From: a@b.example\r\n\r\nhi\r\n", ""),
    ("Subject: x\r\nFROM : A\r\n <a@b.example>\r\n\r\n", ""),
    ("From: a@b.example\r\n", ""),
    (f"From: a@b.example\r\n\r\n{LONGEST}\r\n", ""),
    ("From: a@b.example\r\n\r\ncaf\u00e9\r\n", ""),
    ("From: a@b.example\r\nSubject: caf\u00e9\r\n\r\n", "Header contains non-ASCII characters"),
    (f"From: a@b.example\r\n\r\n{LONGEST}x\r\n", "Message has a line too long"),
    ("Subject: x\r\n\r\nFrom: a@b.example\r\n", "Message has no From header"),
    ("From:\r\nTo: a@b.example\r\n\r\n", "Message has no From header"),
    ("\r\nFrom: a@b.example\r\n", "Message has no From header"),
    ("hi\r\n", "Message has no From header"),
]


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
@pytest.mark.parametrize(("content", "refusal"), CONTENTS)
def test_message_content_may_be_refused(content: str, refusal: str, verb: str, step: int) -> None:
    session = open_session(STRICT)
    say(session, "EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
    octets = content.encode()
    if verb == "DATA":
        octets = b"DATA\r\n" + octets + b".\r\n"
    else:
        half = len(octets) // 2
        octets = (b"BDAT %d\r\n" % half + octets[:half]
                  + b"BDAT %d LAST\r\n" % (len(octets) - half) + octets[half:])  # fmt: skip
    for start in range(0, len(octets), step):
        session.receive(octets[start : start + step])
        while session.next_event() is not None:
            if session.is_waiting:
                session.reply(Reply(250, "queued"))
    said = session.send().decode()
    assert said.endswith(f"550 5.6.0 {refusal}\r\n" if refusal else "250 queued\r\n")


def test_utf_8_in_a_header_needs_smtputf8() -> None:
    message = ("From: a@b.example", "Subject: caf\u00e9", "", "hi", ".")
    sender = "MAIL FROM:<a@b.example>"
    for parameter, end in (("", "550 5.6.0 Header contains"), (" SMTPUTF8", "250 fine")):
        session = open_session(STRICT)
        said = say(session, "EHLO x", sender + parameter, "RCPT TO:<c@d.example>", "DATA", *message)
        assert said.splitlines()[-1].startswith(end)


def test_each_message_is_checked_anew() -> None:
    session = open_session(STRICT)
    say(session, "EHLO x")
    for content, end in ((("hi",), "550"), (("From: a@b.example",), "250"), (("hi",), "550")):
        said = say(
            session, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", *content, "."
        )
        assert said.splitlines()[-1].startswith(end)


def test_a_command_drops_the_connection() -> None:
    session = open_session(replace(PROFILE, server=ServerRules(drops=("auth",))))
    say(session, "EHLO x")
    session.receive(b"AUTH PLAIN\r\n")
    assert isinstance(session.next_event(), events.Closing)
    assert session.send() == b""


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_a_name_is_refused(verb: str) -> None:
    profile = replace(PROFILE, server=ServerRules(refused_names="localhost"))
    session = open_session(profile)
    assert "501 5.5.4 Invalid domain name" in say(session, f"{verb} LocalHost")
    assert "250" in say(session, f"{verb} localhost.example.com"), "all of the name is meant"


def test_ehlo_resets_the_login() -> None:
    session = open_session(replace(PROFILE, requires_auth=True, auth=AuthRules(ehlo_resets=True)))
    say(session, "EHLO x")
    session.signed_in_as = Principal("me")
    assert "250" in say(session, "MAIL FROM:<a@b.example>", "RSET")
    assert "530" in say(session, "EHLO x", "MAIL FROM:<a@b.example>")


class TestGreylisting:
    setting = SessionSettings(replace(PROFILE, server=ServerRules(greylists=True)), "mx.example")

    def attempt(self, to: str) -> str:
        session = open_session(self.setting.profile, self.setting)
        say(session, "EHLO x", "MAIL FROM:<a@b.example>")
        return say(session, f"RCPT TO:<{to}>", f"RCPT TO:<{to}>")

    def test_the_second_session_gets_in(self) -> None:
        first, second = self.attempt("c@d.example"), self.attempt("c@D.example")
        assert first.count("450 4.2.0") == 2, "again in the same session is not later"
        assert second.count("250") == 2
        assert "450" in self.attempt("other@d.example")

    def test_remembered_recipients_are_bounded(self) -> None:
        handle = commands_of(self.setting.profile)[b"RCPT"].handle
        session = open_session(self.setting.profile, self.setting)
        say(session, "EHLO x", "MAIL FROM:<a@b.example>")
        for number in range(MAX_SEEN + 10):
            handle(session, b"TO:<r%d@d.example>" % number)
        assert len(handle._seen) == MAX_SEEN  # type: ignore[attr-defined]


class TestOddSession:
    def test_lines_end_in_lf(self) -> None:
        session = open_session(replace(PROFILE, server=ServerRules(line_end="lf")))
        assert isinstance(session, QuirkySession)
        said = say(session, "EHLO x")
        assert "\r" not in said
        assert said.endswith("250 CHUNKING\n")

    def test_the_greeting_waits_for_the_client(self) -> None:
        session = open_session(replace(PROFILE, server=ServerRules(greets="after the client")))
        assert session.send() == b""
        assert say(session, "EHLO x").startswith("220 mx.example ESMTP\r\n250-")

    def test_a_server_that_never_greets_says_nothing(self) -> None:
        session = open_session(replace(PROFILE, server=ServerRules(greets="never")))
        assert session.send() == b""
        assert say(session, "EHLO x", "QUIT") == ""

    def test_it_hangs_up_at_once(self) -> None:
        session = open_session(replace(PROFILE, server=ServerRules(greets="hangs up")))
        assert isinstance(session.next_event(), events.Closing)
        assert session.send() == b""

    def test_it_hangs_up_in_place_of_a_refused_login(self) -> None:
        session = open_session(replace(PROFILE, auth=AuthRules(ends_refused=True)))
        say(session, "EHLO x")
        session.receive(b"AUTH PLAIN AGEAYg==\r\n")
        assert isinstance(session.next_event(), events.Auth)
        session.reply(Reply(535, "no"))
        assert session.send() == b""
        assert isinstance(session.next_event(), events.Closing)

    def test_a_login_that_is_right_is_answered(self) -> None:
        session = open_session(replace(PROFILE, auth=AuthRules(ends_refused=True)))
        assert "235 fine" in say(session, "EHLO x", "AUTH PLAIN AGEAYg==")


class TestAuth:
    def test_a_mechanism_may_want_its_response_at_once(self) -> None:
        rules = AuthRules(needs_initial_response=("PLAIN",))
        session = open_session(replace(PROFILE, auth=rules))
        assert "535" in say(session, "EHLO x", "AUTH PLAIN")
        assert "235" in say(session, "AUTH PLAIN AGEAYg==")

    def test_its_command_may_be_too_long(self) -> None:
        session = open_session(replace(PROFILE, auth=AuthRules(command_line=64)))
        say(session, "EHLO x")
        fits, too_long = "A" * 48, "A" * 52
        assert "500 5.5.6" in say(session, f"AUTH PLAIN {too_long}")
        assert "235" in say(session, f"AUTH PLAIN {fits}")

    def test_a_broken_mechanism_is_listed(self) -> None:
        profile = replace(PROFILE, over_tls=("AUTH NTLM PLAIN",), auth=AuthRules(broken=("ntlm",)))
        assert "250 AUTH NTLM PLAIN" in say(open_session(profile), "EHLO x")
