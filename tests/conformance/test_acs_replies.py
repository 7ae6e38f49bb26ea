"""Azure Communication Services, section 1.7: each reply, octet by octet, and when it comes."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from gatepost.profiles import load_profile
from gatepost.testing import Emulator
from tests.conformance.acs_world import CUSTOM, MANAGED, SENDER, UNLINKED, USERNAME, Login
from tests.conformance.conftest import SIGNED_IN, Acs
from tests.shell.peer import Peer, letter

SENDER_OK = "250 2.1.0 Sender OK"
RECIPIENT_OK = "250 2.1.5 Recipient OK"
UNRECOGNIZED = "504 5.7.4 Unrecognized authentication type"
NOT_LINKED = "501 5.1.7 The specified sender domain has not been linked."
NOT_REGISTERED = "550 5.3.5 Email sender's username is invalid"
TOO_FAST = (
    "450 4.5.127 Message rejected. Excessive message rate from sender. For more information see "
    "https://aka.ms/EXOSmtpErrors."
)
TOO_BIG = "552 5.3.4 Message size exceeds fixed maximum message size"
HELLO = r"ic3-transport-smtp-acs-deployment-[0-9a-f]{10}-[0-9a-z]{5} Hello \[127\.0\.0\.1\]"


def test_1_2_ehlo_in_clear_and_under_tls(acs: Acs) -> None:
    """Transcripts T2 and T1."""
    with Peer.connect(acs.relay.smtp.port, acs.relay.ca_file) as peer:
        peer.reply()
        greeting, *lines = peer.ask("EHLO localhost").split("\n")
        assert re.fullmatch(f"250-{HELLO}", greeting)
        assert lines == ["250-SIZE 31457280", "250-STARTTLS", "250 CHUNKING"]
        peer.start_tls()
        secured, *lines = peer.ask("EHLO localhost").split("\n")
        assert secured == greeting, "one pod, one name"
        assert lines == ["250-SIZE 31457280", "250 AUTH LOGIN"]


CLEAR: list[tuple[str, str]] = [
    ("AUTH LOGIN", UNRECOGNIZED),
    ("AUTH PLAIN", UNRECOGNIZED),
    (f"MAIL FROM:<{SENDER}>", "451 5.7.3 starttls is required to send mail"),
]


@pytest.mark.parametrize(("said", "answer"), CLEAR)
def test_1_7_before_starttls(acs: Acs, said: str, answer: str) -> None:
    with acs.greeted() as peer:
        assert peer.ask(said) == answer


SECURED: list[tuple[str, str]] = [
    ("AUTH PLAIN", UNRECOGNIZED),
    ("AUTH PLAIN AGEAYg==", UNRECOGNIZED),
    ("auth plain", UNRECOGNIZED),
    ("AUTH CRAM-MD5", UNRECOGNIZED),
    ("AUTH SCRAM-SHA-256", UNRECOGNIZED),
    ("AUTH NTLM", UNRECOGNIZED),
    ("AUTH GSSAPI", UNRECOGNIZED),
    (f"MAIL FROM:<{SENDER}>", "530 5.7.57 Client not authenticated to send mail."),
]


@pytest.mark.parametrize(("said", "answer"), SECURED)
def test_1_7_under_tls_before_auth(acs: Acs, said: str, answer: str) -> None:
    with acs.secured() as peer:
        assert peer.ask(said) == answer


SENDERS: list[tuple[str, str]] = [
    (SENDER, SENDER_OK),
    (SENDER.lower(), SENDER_OK),
    (f"donotreply@{CUSTOM.upper()}", SENDER_OK),
    (f"sales@{UNLINKED}", NOT_LINKED),
    ("me@example.com", NOT_LINKED),
    (f"DoNotReply@sub.{CUSTOM}", NOT_LINKED),
    (f"sales@{MANAGED}", NOT_REGISTERED),
    (f"smtp-login@{CUSTOM}", NOT_REGISTERED),
    (f"printer@{CUSTOM}", NOT_REGISTERED),
]


@pytest.mark.parametrize(("sender", "answer"), SENDERS)
def test_1_7_senders_at_mail_from(acs: Acs, sender: str, answer: str) -> None:
    with acs.signed_in(acs.logins["the value"]) as peer:
        assert peer.ask(f"MAIL FROM:<{sender}>") == answer


@pytest.mark.parametrize(("sender", "answer"), SENDERS)
def test_1_7_senders_in_header_from(acs: Acs, sender: str, answer: str) -> None:
    """Envelope and header are held to the same; the display name is free (1.8)."""
    with acs.signed_in(acs.logins["the value"]) as peer:
        peer.begin(SENDER)
        peer.send(f'From: "A, B" <{sender}>\r\n\r\nhi\r\n.\r\n'.encode())
        said = peer.reply()
    assert said.startswith("250 2.0.0 OK queued as ") if answer == SENDER_OK else said == answer


SHOWN: list[tuple[str, str]] = [
    (f'"{SENDER}" <{SENDER}>', SENDER_OK),
    (f"Sales @ Contoso <{SENDER}>", SENDER_OK),
    (f'"donotreply@{CUSTOM.upper()}" <{SENDER}>', SENDER_OK),
    (f"sales@{UNLINKED} <{SENDER}>", NOT_LINKED),
    (f'"sales@{UNLINKED}" <{SENDER}>', NOT_LINKED),
    (f"=?utf-8?q?sales=40{UNLINKED}?= <{SENDER}>", NOT_LINKED),
    (f"{SENDER} (printer@{CUSTOM})", NOT_REGISTERED),
    (f"{SENDER}\r\n From: sales@{UNLINKED}", NOT_LINKED),
    (f"{SENDER}\r\n\ufeffFrom: {SENDER}", NOT_LINKED),
]


@pytest.mark.parametrize(("field", "answer"), SHOWN)
def test_1_7_senders_that_some_readers_show(acs: Acs, field: str, answer: str) -> None:
    with acs.signed_in(acs.logins["the value"]) as peer:
        peer.begin(SENDER)
        peer.send(f"From: {field}\r\n\r\nhi\r\n.\r\n".encode())
        said = peer.reply()
    assert said.startswith("250 2.0.0 OK queued as ") if answer == SENDER_OK else said == answer


def test_1_7_recipients(acs: Acs) -> None:
    """Fifty are taken, the message goes to them, and no setting of REST changes that."""
    with acs.signed_in(acs.logins["the value"]) as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}>") == SENDER_OK
        answers = [peer.ask(f"RCPT TO:<p{number}@example.net>") for number in range(52)]
        assert answers == [RECIPIENT_OK] * 50 + ["452 4.5.3 Too many recipients"] * 2
        assert peer.ask("DATA").startswith("354 ")
        peer.send(letter(SENDER, b"fifty\r\n") + b".\r\n")
        assert peer.reply().startswith("250 2.0.0 OK queued as ")
    assert len(acs.relay.wait(to="p49@example.net").rcpt_to) == 50


@pytest.mark.parametrize(
    ("size", "answer"), [(31_457_280, SENDER_OK), (31_457_281, TOO_BIG), (99_999_999, TOO_BIG)]
)
def test_1_7_announced_size(acs: Acs, size: int, answer: str) -> None:
    with acs.signed_in(acs.logins["the value"]) as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}> SIZE={size}") == answer


def content_of(size: int) -> bytes:
    head = letter(SENDER, b"")
    lines, rest = divmod(size - len(head), 1000)
    return head + (b"x" * 998 + b"\r\n") * lines + (b"y" * (rest - 2) + b"\r\n" if rest else b"")


TEN_MIB = 10 * 1024 * 1024


@pytest.mark.parametrize(("more", "answer"), [(0, "250 2.0.0 OK queued as "), (1000, TOO_BIG)])
def test_1_7_the_size_that_is_taken_is_not_the_one_announced(
    strict_acs: Acs, more: int, answer: str
) -> None:
    """10 MB count, 30 are announced: refused after the content. Only with --strict."""
    content = content_of(TEN_MIB + more)
    assert len(content) == TEN_MIB + more
    with strict_acs.signed_in(strict_acs.logins["size"]) as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}> SIZE={len(content)}") == SENDER_OK
        assert peer.ask("RSET").startswith("250 ")
        assert peer.deliver(SENDER, content).startswith(answer)


def test_without_strict_eleven_megabytes_pass(acs: Acs) -> None:
    with acs.signed_in(acs.logins["the value"]) as peer:
        said = peer.deliver(SENDER, content_of(11 * 1024 * 1024))
    assert said.startswith("250 2.0.0 OK queued as ")


@pytest.mark.parametrize(
    ("kind", "sender", "limit"), [("managed", SENDER, 5), ("custom", f"donotreply@{CUSTOM}", 30)]
)
def test_1_7_rate(strict_acs: Acs, kind: str, sender: str, limit: int) -> None:
    """At the end of the content, per subscription, by the kind of the sender's domain."""
    content = letter(sender)
    with strict_acs.signed_in(strict_acs.logins[kind]) as peer:
        for _ in range(limit):
            assert peer.deliver(sender, content).startswith("250 2.0.0 OK queued as ")
        assert peer.deliver(sender, content) == TOO_FAST
        assert peer.deliver(sender, content) == TOO_FAST, "one that is refused counts, too"
        other = SENDER if kind == "custom" else f"donotreply@{CUSTOM}"
        assert peer.deliver(other, letter(other)).startswith("250 "), "the other kind has its own"
    with strict_acs.signed_in(strict_acs.logins[kind]) as again:
        assert again.deliver(sender, content) == TOO_FAST, "the connection does not matter"


def test_1_7_connections_of_a_subscription(strict_acs: Acs) -> None:
    login = strict_acs.logins["connections"]
    assert load_profile("acs").strict.connections == 250
    with strict_acs.signed_in(login), strict_acs.signed_in(login) as second:
        assert _try(strict_acs, login) == "421 4.3.2 Service not available"
        assert second.ask("QUIT").startswith("221 ")
        second.sock.close()
        deadline = time.monotonic() + 30
        while (said := _try(strict_acs, login)) != SIGNED_IN:
            assert time.monotonic() < deadline, said


def _try(acs: Acs, login: Login) -> str:
    with acs.secured() as peer:
        said = peer.login(login.username, login.password)
        assert said == SIGNED_IN or peer.rest() == b""
        return said


def test_1_7_idle(strict_acs: Acs) -> None:
    assert load_profile("acs").limits.idle == 300
    with strict_acs.signed_in(strict_acs.logins["size"]) as peer:
        assert peer.rest() == b"421 4.4.2 Connection timed out\r\n"


def test_1_5_a_login_takes_effect_after_a_while_with_strict(strict_acs: Acs) -> None:
    """75 seconds after its role was assigned, and no sooner; at once without --strict."""
    login, before = strict_acs.logins["new"], len(strict_acs.relay.events("auth_refused"))
    with strict_acs.secured() as peer:
        said = peer.login(login.username, login.password)
        assert said == "535 5.7.3 Authentication unsuccessful"
    assert strict_acs.refusal(login, after=before)["reason"].startswith("propagating: ")


CHANGED: dict[str, object] = {
    "directory.reveal_reason": True,
    "directory.required_actions": "legacy-2023",
    "directory.require_smtp_username_resource": True,
    "login_initial_response": False,
    "sender_phase": "rcpt",
    "limits.recipients": 3,
    "limits.idle": 3.0,
    "replies.TOO_MANY_RECIPIENTS": "550 5.5.3 Too many recipients",
    "replies.TIMED_OUT": "421 4.4.1 Idle",
    "replies.AUTH_REQUIRED": "530 5.7.1 Sign in",
    "greeting": "{host} Microsoft ESMTP MAIL Service ready",
}


@pytest.fixture(scope="module")
def changed() -> Iterator[Acs]:
    with Emulator(settings=CHANGED, workers=1) as relay:
        yield Acs(relay)


# fmt: off
SETTINGS: list[tuple[str, Callable[[Acs], Peer], list[str], list[str]]] = [
    # what differs, from where on, what the client says, what it hears last
    ("the text for who did not sign in",  Acs.secured,   ["MAIL FROM:<{from}>"],
     ["530 5.7.1 Sign in"]),
    ("no initial response to LOGIN",      Acs.secured,   ["AUTH LOGIN YQ=="],
     ["501 5.5.4 Syntax error in arguments"]),
    ("a wrong sender is told at RCPT",    Acs.signed_in,
     ["MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>"],
     [SENDER_OK, NOT_LINKED]),
    ("the number and text of recipients", Acs.signed_in,
     ["MAIL FROM:<{from}>", *["RCPT TO:<a@b.example>"] * 4],
     [SENDER_OK, *[RECIPIENT_OK] * 3, "550 5.5.3 Too many recipients"]),
]
# fmt: on


@pytest.mark.parametrize(("start", "said", "answers"), [each[1:] for each in SETTINGS],
                         ids=[each[0] for each in SETTINGS])  # fmt: skip
def test_replies_without_a_source_are_settings(
    changed: Acs, start: Callable[[Acs], Peer], said: list[str], answers: list[str]
) -> None:
    with start(changed) as peer:
        lines = [line.replace("{from}", changed.relay.sender) for line in said]
        assert [peer.ask(line) for line in lines] == answers


def test_the_reason_may_be_told_on_the_wire(changed: Acs) -> None:
    for username, slug in (("nobody", "username_format"), (USERNAME, "resource_unknown")):
        with changed.secured() as peer:
            assert peer.login(username, "wrong") == (
                f"535 5.7.3 Authentication unsuccessful (gatepost: {slug})"
            )
    with changed.secured() as peer:
        assert peer.login(changed.relay.username, changed.relay.password) == SIGNED_IN


def test_the_banner_and_the_idle_text_are_settings(changed: Acs) -> None:
    with Peer.connect(changed.relay.smtp.port, changed.relay.ca_file) as peer:
        assert peer.reply().endswith(" Microsoft ESMTP MAIL Service ready")
        assert peer.rest() == b"421 4.4.1 Idle\r\n"


def test_the_rate_may_be_refused_at_mail() -> None:
    settings: dict[str, object] = {"rate_phase": "mail", "strict.managed_per_minute": 2}
    with Emulator(settings=settings, workers=1) as relay, Acs(relay).signed_in() as peer:
        answers = []
        for _ in range(12):
            answers.append(peer.ask(f"MAIL FROM:<{relay.sender}>"))
            peer.ask("RSET")
        assert answers[-1] == TOO_FAST
        assert set(answers) == {SENDER_OK, TOO_FAST}
