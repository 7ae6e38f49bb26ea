"""Command pipelining."""

from tests.conformance.talk import first, send, talk


def test_3_2_replies_come_in_order() -> None:
    """Each command of a group is answered in its turn, refusals too."""
    talk(
        "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<b>\nC: RCPT TO:<b@example.net>\nC: NOOP\n"
        "C: RSET\n"
        "S: 250 2.1.0 ...\nS: 501 5.1.3 ...\nS: 250 2.1.5 ...\nS: 250 2.0.0 ...\n"
        "S: 250 2.0.0 ...\n"
    )


def test_3_2_a_group_may_begin_with_the_greeting() -> None:
    """EHLO and what follows it may come at once; nothing is lost or reordered."""
    first(
        "C: HELO x\nC: MAIL FROM:<a@b.example>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
        "S: 250 ...\nS: 250 2.1.0 ...\nS: 250 2.1.5 ...\nS: 354 ...\nC: .\nS: 250 ...\n"
        "",
        "messages: 1",
    )


def test_3_1_data_is_answered_by_itself() -> None:
    """With no recipient accepted, DATA in the group is refused, and nothing waits for content."""
    talk(
        "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<b>\nC: DATA\nC: RSET\n"
        "S: 250 ...\nS: 501 ...\nS: 554 5.5.1 ...\nS: 250 ...\n"
    )


def test_3_2_the_next_transaction_may_follow_the_content() -> None:
    """Content and the next group in one packet are two transactions."""
    send(
        r"""
        C: DATA
        S: 354 ...
        C: one
        C: .
        C: MAIL FROM:<a@b.example>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 2.0.0 OK
        S: 250 2.1.0 ...
        S: 250 2.1.5 ...
        S: 354 ...
        C: two
        C: .
        C: QUIT
        S: 250 2.0.0 OK
        S: 221 ...
        == CLOSED ==
    """,
        "messages: 2",
    )


def test_3_2_the_extension_is_listed() -> None:
    """PIPELINING stands in the EHLO reply, without parameters."""
    assert "250-PIPELINING" in first("C: EHLO x\nS*12: 250...\n").lines
