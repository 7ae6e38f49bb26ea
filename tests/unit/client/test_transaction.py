"""MAIL, RCPT and the content with scripted servers."""

import pytest

from gatepost.client.session import ClientSession
from gatepost.client.transaction import Delivered, deliver
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import (
    ContentRefused,
    Disconnected,
    LocalProtocolError,
    MissingExtension,
    RecipientsRefused,
    Refused,
    RemoteProtocolError,
    SenderRefused,
    TimedOut,
)
from gatepost.model.address import Address, parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.net.tls import TlsFacts
from tests.unit.client.dialogue import FACTS, make_session, offering, play

BODY = BytesBody(b"Subject: hi\r\n\r\nHello\r\n")


def envelope(*recipients: str) -> Envelope:
    to = tuple(Recipient(parse_address(one)) for one in recipients or ("b@example.net",))
    return Envelope(parse_address("a@example.com"), to)


def run(session: ClientSession, dialogue: str, *recipients: str) -> Delivered:
    return play(session, deliver(session, envelope(*recipients), BODY), dialogue)


def test_in_lock_step() -> None:
    session = offering(make_session(), "SIZE 1000")
    dialogue = """
        C: MAIL FROM:<a@example.com> SIZE=22
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 250 ok
        C: DATA
        S: 354 go
        C: Subject: hi
        C: 
        C: Hello
        C: .
        S: 250 2.0.0 queued as 7
    """  # noqa: W291
    delivered = run(session, dialogue)
    assert delivered == Delivered(
        Reply(250, "queued as 7", delivered.reply.status), ("b@example.net",), {}
    )
    assert not session.in_transaction
    assert "Hello" not in str(session.transcript)
    assert "C: [22 octets of content]" in str(session.transcript)


def test_pipelined() -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: RCPT TO:<c@example.net>
        C: DATA
        S: 250 ok
        S: 550 5.1.1 no such user
        S: 251 will forward
        S: 354 go
        C: Subject: hi
        C: 
        C: Hello
        C: .
        S: 250 done
    """  # noqa: W291
    delivered = run(session, dialogue, "b@example.net", "c@example.net")
    assert delivered.accepted == ("c@example.net",)
    assert delivered.refused["b@example.net"].code == 550


def test_chunking_counts_instead_of_doubling_dots() -> None:
    session = offering(make_session(), "CHUNKING", "PIPELINING")
    body = BytesBody(b"Subject: hi\r\n\r\n.dot\r\n")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        S: 250 ok
        S: 250 ok
        C: BDAT 21 LAST
        C: Subject: hi
        C: 
        C: .dot
        S: 250 done
    """  # noqa: W291
    delivered = play(session, deliver(session, envelope(), body), dialogue)
    assert delivered.reply.code == 250


def test_an_extra_reply_ends_the_use_of_a_session() -> None:
    session = offering(make_session(), "CHUNKING", "PIPELINING")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        S: 250 ok
        S: 250 ok
        C: BDAT 22 LAST
        C: Subject: hi
        C: 
        C: Hello
        S: 250 kept
        S: 250 and once more
    """  # noqa: W291
    assert run(session, dialogue).reply.text == "kept"
    assert not session.is_usable


def test_no_command_follows_an_extra_reply_to_ehlo() -> None:
    """Each of its answers would be taken for the one before it."""
    session = make_session()
    dialogue = """
        S: 220 hub.example
        C: EHLO client.example
        S: 250-hub.example
        S: 250 PIPELINING
        S: 250 and once more
    """
    play(session, session.open(implicit=False, start_tls=False), dialogue)
    with pytest.raises(Disconnected, match="an unexpected reply") as caught:
        run(session, "")
    assert caught.value.phase == "ehlo"


def test_at_most_a_hundred_commands_are_unanswered() -> None:
    session = offering(make_session(), "PIPELINING")
    people = [f"p{number}@example.net" for number in range(150)]
    lines = ["C: MAIL FROM:<a@example.com>"]
    lines += [f"C: RCPT TO:<{one}>" for one in people[:99]] + ["S: 250 ok"] * 100
    lines += [f"C: RCPT TO:<{one}>" for one in people[99:]] + ["C: DATA"]
    lines += ["S: 250 ok"] * 50 + ["S: 452 4.5.3 too many", "S: 354 go"]
    lines += ["C: Subject: hi", "C: ", "C: Hello", "C: .", "S: 250 ok"]
    delivered = run(session, "\n".join(lines), *people)
    assert (len(delivered.accepted), len(delivered.refused)) == (149, 1)


def test_a_refused_sender() -> None:
    session = offering(make_session())
    with pytest.raises(SenderRefused) as caught:
        run(session, "C: MAIL FROM:<a@example.com>\nS: 501 5.1.7 domain not linked")
    assert (caught.value.phase, caught.value.command) == ("mail", "MAIL FROM:<a@example.com>")
    assert session.is_usable


@pytest.mark.parametrize("to_data", ["S: 503 no sender", "S: 354 go\nC: .\nS: 554 no recipients"])
def test_a_refused_sender_pipelined(to_data: str) -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = f"""C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
C: DATA
S: 550 5.3.5 not registered
S: 503 no sender
{to_data}"""
    with pytest.raises(SenderRefused) as caught:
        run(session, dialogue)
    assert caught.value.phase == "mail"
    assert session.is_usable


def test_all_recipients_refused_pipelined() -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 ok
        S: 550 5.1.1 no
        S: 503 no recipient
    """
    with pytest.raises(RecipientsRefused) as caught:
        run(session, dialogue)
    assert caught.value.phase == "rcpt"


def test_all_recipients_refused_and_the_next_message_on_the_same_connection() -> None:
    session = offering(make_session())
    dialogue = """
        C: MAIL FROM:<a@example.com>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 550 5.1.1 no
        C: RCPT TO:<c@example.net>
        S: 450 4.2.1 later
    """
    with pytest.raises(RecipientsRefused) as caught:
        run(session, dialogue, "b@example.net", "c@example.net")
    assert [reply.code for reply in caught.value.by_address.values()] == [550, 450]
    assert caught.value.phase == "rcpt"
    with pytest.raises(SenderRefused):
        run(session, "C: RSET\nS: 250 ok\nC: MAIL FROM:<a@example.com>\nS: 550 no")


def test_data_refused() -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 451 4.3.0 not now
    """
    with pytest.raises(ContentRefused) as caught:
        run(session, dialogue)
    assert (caught.value.phase, caught.value.is_transient) == ("data", True)
    assert session.in_transaction


@pytest.mark.parametrize("to_data", ["250 2.1.5 ok", "220 ready", "334 "])
def test_only_a_reply_to_the_content_accepts_it(to_data: str) -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = f"""
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: {to_data}
    """
    with pytest.raises(RemoteProtocolError) as caught:
        run(session, dialogue)
    assert caught.value.phase == "data"
    assert not session.is_usable


@pytest.mark.parametrize("said", ["220 late", "235 late", "334 ", "354 go"])
@pytest.mark.parametrize("ahead", [[], ["250 ok"]])
def test_an_answer_to_something_else_is_none_to_mail_and_rcpt(said: str, ahead: list[str]) -> None:
    """Each reply would be one command off, and a message that is refused be taken for delivered."""
    session = offering(make_session())
    asked = ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>"]
    told = [*ahead, said]
    dialogue = "\n".join(f"C: {one}\nS: {two}" for one, two in zip(asked, told, strict=False))
    with pytest.raises(RemoteProtocolError, match="an unexpected reply"):
        run(session, dialogue)
    assert not session.is_usable


@pytest.mark.parametrize("number", range(4))
def test_a_goodbye_accepts_nothing(number: int) -> None:
    session = offering(make_session())
    asked = ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA"]
    told = [*["250 ok", "250 ok", "354 go"][:number], "221 2.0.0 bye"]
    lines = [f"C: {one}\nS: {two}" for one, two in zip(asked, told, strict=False)]
    with pytest.raises(Disconnected, match="221"):
        run(session, "\n".join([*lines, *([f"{CONTENT}S: {told[3]}"] if number == 3 else [])]))
    assert not session.is_usable


def test_no_command_follows_an_extra_reply_to_mail() -> None:
    session = offering(make_session(), "CHUNKING")
    dialogue = """
        C: MAIL FROM:<a@example.com>
        S: 250 to EHLO, perhaps
        S: 250 ok
    """
    with pytest.raises(RemoteProtocolError, match="an unexpected reply"):
        run(session, dialogue)
    assert not session.is_usable


@pytest.mark.parametrize("offer", ["", "CHUNKING"])
def test_an_extra_reply_to_pipelined_commands_fails_all_recipients(offer: str) -> None:
    """One command off, the 550 to c@ would be taken for one to DATA, and b@ be bounced, too."""
    session = offering(make_session(), "PIPELINING", *offer.split())
    data = "" if offer else "\n        C: DATA"
    dialogue = f"""
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: RCPT TO:<c@example.net>{data}
        S: 250 of the message before
        S: 250 to MAIL
        S: 250 to RCPT
        S: 550 to RCPT
        S: 354 to DATA
    """
    with pytest.raises(RemoteProtocolError, match="more replies than commands"):
        run(session, dialogue, "b@example.net", "c@example.net")
    assert not session.is_usable


@pytest.mark.parametrize("ahead", ["", "S: 250 ok\nC: RCPT TO:<b@example.net>\n"])
def test_an_extra_reply_without_pipelining_refuses_no_recipient(ahead: str) -> None:
    session = offering(make_session())
    dialogue = f"C: MAIL FROM:<a@example.com>\n{ahead}S: 552 of the message before\nS: 250 ok"
    with pytest.raises(RemoteProtocolError, match="more replies than commands"):
        run(session, dialogue)
    assert not session.is_usable


@pytest.mark.parametrize("code", [421, 221])
def test_a_goodbye_behind_a_refusal_leaves_it_as_it_is(code: int) -> None:
    session = offering(make_session(), "PIPELINING")
    dialogue = f"""
        C: MAIL FROM:<a@example.com>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 554 no
        S: {code} bye
    """
    with pytest.raises(ContentRefused) as caught:
        run(session, dialogue)
    assert (caught.value.reply.code, session.is_usable) == (554, False)


def test_a_421_that_comes_before_a_command_is_its_answer() -> None:
    session = offering(make_session())
    with pytest.raises(Refused) as caught:
        run(session, "C: MAIL FROM:<a@example.com>\nS: 250 ok\nS: 421 4.3.2 shutting down")
    assert (caught.value.reply.code, caught.value.is_transient, session.is_usable) == (
        421,
        True,
        False,
    )


def test_a_refused_rset_makes_the_session_unusable() -> None:
    session = offering(make_session())
    session.in_transaction = True
    with pytest.raises(Disconnected, match="does not reset the transaction"):
        run(session, "C: RSET\nS: 503 bad sequence")
    assert not session.is_usable


START = """C: MAIL FROM:<a@example.com>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: DATA
S: 354 go
"""
CONTENT = "C: Subject: hi\nC: \nC: Hello\nC: .\n"


@pytest.mark.parametrize(
    ("ending", "error", "usable"),
    [
        (CONTENT + "S: 554 5.6.0 spam", ContentRefused, True),
        (CONTENT + "S: 421 4.3.2 shutting down", ContentRefused, False),
        (CONTENT + "S: 354 more", RemoteProtocolError, False),
        (CONTENT + "S: 235 ok", RemoteProtocolError, False),
        (CONTENT + "CUT", Disconnected, False),
        (CONTENT + "SILENCE", TimedOut, False),
        ("EARLY\nS: 552 5.3.4 too big", ContentRefused, False),
        ("EARLY\nS: 421 4.3.2 shutting down", ContentRefused, False),
        ("EARLY\nS: 250 thanks", RemoteProtocolError, False),
        ("S: 552 5.3.4 no room", ContentRefused, False),  # in one packet with the 354
        ("S: 250 thanks", RemoteProtocolError, False),
        ("CUT\nS: 552 5.3.4 too big", ContentRefused, False),
        ("CUT\nCUT", Disconnected, False),
    ],
)
def test_how_the_content_may_end(ending: str, error: type[Exception], usable: bool) -> None:
    session = offering(make_session())
    with pytest.raises(error) as caught:
        run(session, START + ending)
    assert getattr(caught.value, "phase", None) == "content"
    assert session.is_usable is usable


def test_421_in_the_middle() -> None:
    session = offering(make_session())
    dialogue = """
        C: MAIL FROM:<a@example.com>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 250 ok
        C: RCPT TO:<c@example.net>
        S: 421 4.3.2 shutting down
    """
    with pytest.raises(Refused) as caught:
        run(session, dialogue, "b@example.net", "c@example.net")
    assert caught.value.reply.code == 421
    assert not session.is_usable


@pytest.mark.parametrize(
    ("address", "recipients"),
    [
        (Address("a>\r\nRCPT TO:<x", "example.com"), None),
        (Address("a> SIZE=1", "example.com"), None),
        (Address("a", "example.com\0"), None),
        (Address("a", "example.com\n"), None),
        (Address("a", ""), None),
        (Address("a", "example.com"), ()),
    ],
)
def test_an_invalid_envelope_sends_nothing(
    address: Address, recipients: tuple[Recipient, ...] | None
) -> None:
    session = offering(make_session())
    bad = Envelope(address, envelope().recipients if recipients is None else recipients)
    with pytest.raises(LocalProtocolError):
        play(session, deliver(session, bad, BODY), "")
    assert session.transcript.lines == ()
    assert session.is_usable


def test_a_message_needing_a_missing_extension_is_not_sent() -> None:
    session = offering(make_session())
    eight_bit = Envelope(parse_address("a@example.com"), envelope().recipients, body="8BITMIME")
    with pytest.raises(MissingExtension, match="8BITMIME"):
        play(session, deliver(session, eight_bit, BODY), "")


FINDINGS = [
    ("501 5.1.7 The specified sender domain has not been linked.", "sender_domain_not_linked"),
    ("550 5.3.5 Email sender's username is invalid", "sender_not_authorised"),
    ("550 5.7.60 Client does not have permissions to send as this sender", "sender_not_authorised"),
    ("450 4.5.127 Message rejected. Excessive message rate from sender.", "rate_limited"),
    ("550 5.1.1 no", ""),
    ("552 5.3.4 Message size exceeds fixed maximum message size", ""),
]


@pytest.mark.parametrize(("reply", "finding"), FINDINGS)
def test_the_error_names_the_finding_that_the_reply_proves(reply: str, finding: str) -> None:
    at_mail = "C: MAIL FROM:<a@example.com>\nS: " + reply
    with pytest.raises(SenderRefused) as sender:
        run(offering(make_session()), at_mail)
    begun = ["C: MAIL FROM:<a@example.com>", "S: 250 ok", "C: RCPT TO:<b@example.net>", "S: 250 ok"]
    at_data = [*begun, "C: DATA", f"S: {reply}"]
    with pytest.raises(ContentRefused) as data:
        run(offering(make_session()), "\n".join(at_data))
    at_rcpt = [*begun[:3], f"S: {reply}"]
    with pytest.raises(RecipientsRefused) as recipient:
        run(offering(make_session()), "\n".join(at_rcpt))
    behind = ["S: 354 go", "C: Subject: hi", "C: ", "C: Hello", "C: .", f"S: {reply}"]
    with pytest.raises(ContentRefused) as content:
        run(offering(make_session()), "\n".join([*begun, "C: DATA", *behind]))
    errors = (sender, data, recipient, content)
    assert [finding_of(error.value) for error in errors] == [finding] * 4


@pytest.mark.parametrize(
    ("facts", "mechanism", "finding"),
    [(FACTS, "", "auth_not_performed"), (FACTS, "LOGIN", ""), (None, "", "")],
)
def test_a_refusal_without_authentication_names_the_cause(
    facts: TlsFacts | None, mechanism: str, finding: str
) -> None:
    session = offering(make_session())
    session.facts, session.mechanism = facts, mechanism
    with pytest.raises(SenderRefused) as refused:
        run(session, "C: MAIL FROM:<a@example.com>\nS: 530 5.7.57 Client not authenticated")
    assert finding_of(refused.value) == finding
