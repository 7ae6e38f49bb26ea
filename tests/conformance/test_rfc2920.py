"""Command pipelining."""

from tests.conformance.talk import first, send, talk


def test_3_2_replies_come_in_order() -> None:
    """The commands of a group get their replies in order, including refusals."""
    talk(
        "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<b>\nC: RCPT TO:<b@example.net>\nC: NOOP\n"
        "C: RSET\n"
        "S: 250 2.1.0 ...\nS: 501 5.1.3 ...\nS: 250 2.1.5 ...\nS: 250 2.0.0 ...\n"
        "S: 250 2.0.0 ...\n"
    )


def test_3_2_a_group_may_follow_ehlo_immediately() -> None:
    """EHLO and further commands may be sent together; none is lost or reordered."""
    first(
        "C: HELO x\nC: MAIL FROM:<a@b.example>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
        "S: 250 ...\nS: 250 2.1.0 ...\nS: 250 2.1.5 ...\nS: 354 ...\nC: .\nS: 250 ...\n"
        "",
        "messages: 1",
    )


def test_3_1_data_without_a_recipient_is_refused_in_a_group() -> None:
    """DATA in a group without an accepted recipient is refused, and the next command is not
    taken for content."""
    talk(
        "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<b>\nC: DATA\nC: RSET\n"
        "S: 250 ...\nS: 501 ...\nS: 554 5.5.1 ...\nS: 250 ...\n"
    )


def test_3_2_the_next_transaction_may_follow_the_content() -> None:
    """The commands of the next transaction may follow the end of the content in the same packet."""
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
    """EHLO lists PIPELINING, without parameters."""
    assert "250-PIPELINING" in first("C: EHLO x\nS*12: 250...\n").lines
