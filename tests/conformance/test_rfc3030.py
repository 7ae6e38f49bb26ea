"""Large and binary messages: CHUNKING."""

import pytest

from tests.conformance.talk import MAIL, first, send, talk


def test_2_chunks_are_joined() -> None:
    """Chunks follow one another; the last one ends the message, and may be empty."""
    [accepted] = send(
        "C: BDAT 3\nC| a\\r\\n\nS: 250 2.0.0 Chunk received\nC: BDAT 3\nC| b\\r\\n\n"
        "S: 250 ...\n"
        "C: BDAT 0 LAST\nS: 250 2.0.0 OK\n",
        "messages: 1",
    ).messages
    assert accepted.content == b"a\r\nb\r\n"


def test_2_a_crlf_may_be_cut_by_chunks() -> None:
    """CR at the end of a chunk and LF at the head of the next are one line end."""
    [accepted] = send(
        "C: BDAT 2\nC| a\\r\nS: 250 ...\nC: BDAT 2 LAST\nC| \\nb\nS: 250 ...\n", "messages: 1"
    ).messages
    assert accepted.content == b"a\r\nb"


def test_2_dots_mean_nothing() -> None:
    """Content is counted, so neither dots nor CRLF.CRLF are special."""
    [accepted] = send(
        "C: BDAT 9 LAST\nC| .\\r\\n.\\r\\n..\\n\nS: 250 ...\n", "messages: 1"
    ).messages
    assert accepted.content == b".\r\n.\r\n..\r\n"


def test_2_last_is_case_insensitive() -> None:
    """``last`` ends the message too."""
    send("C: bdat 1 last\nC| x\nS: 250 2.0.0 OK\n", "messages: 1")


@pytest.mark.parametrize("command", ["DATA", "MAIL FROM:<c@d.example>", "RCPT TO:<c@d.example>"])
def test_2_nothing_but_bdat_continues_it(command: str) -> None:
    """DATA, MAIL and RCPT after a BDAT are out of sequence, and do not harm it."""
    send(
        f"C: BDAT 1\nC| x\nS: 250 ...\nC: {command}\nS: 503 5.5.1 ...\nC: BDAT 0 LAST\n"
        f"S: 250 ...\n",
        "messages: 1",
    )


def test_2_rset_ends_it() -> None:
    """RSET between chunks drops what came, and a new transaction may follow."""
    send(f"C: BDAT 1\nC| x\nS: 250 ...\nC: RSET\nS: 250 ...\n{MAIL}")


def test_2_without_a_transaction_its_octets_are_consumed() -> None:
    """A refused BDAT's octets are taken out of the stream and not executed."""
    talk("C: BDAT 6\nC| QUIT\\r\\n\nS: 503 5.5.1 ...\nC: NOOP\nS: 250 ...\n")
    first("C: BDAT 6 LAST\nC| QUIT\\r\\n\nS: 503 5.5.1 ...\nC: NOOP\nS: 250 ...\n")


def test_2_of_a_refused_chunk_nothing_stays() -> None:
    """Not its CR, not its NUL, not its size: the next message is its own."""
    [accepted] = talk(
        f"{MAIL}C: BDAT 2\nC| \\0\\r\nS: 503 ...\nC: RCPT TO:<b@example.net>\nS: 250 ...\n"
        "C: BDAT 1 LAST\nC| x\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.content == b"x"


def test_2_where_it_is_not_offered_its_octets_are_consumed_too() -> None:
    """502, and none of them runs as a command."""
    talk(
        "C: STARTTLS\nS: 220 ...\n== TLS ==\nC: HELO x\nS: 250 ...\n"
        "C: BDAT 6\nC| QUIT\\r\\n\nS: 502 5.5.1 ...\nC: NOOP\nS: 250 ...\n",
        "profile: acs",
    )


@pytest.mark.parametrize("argument", ["", "x", "-1", "1e3", "1" * 13, "0x10", "LAST", "+5"])
def test_2_without_a_size_the_stream_is_lost(argument: str) -> None:
    """Where the next command begins cannot be known: 501 and the close."""
    send(f"C: BDAT {argument}\nC: QUIT\nS: 501 5.5.4 ...\n== CLOSED ==\n")


def test_2_a_chunk_over_the_limit_is_consumed() -> None:
    """552 after it, and the transaction stays refused until RSET or its end."""
    send(
        f"C: BDAT 20\nC| {'x' * 20}\nS: 552 5.3.4 ...\nC: BDAT 1 LAST\nC| x\n"
        f"S: 552 5.3.4 ...\n"
        f"{MAIL}",
        "limits.message_size: 10",
    )


def test_3_binarymime_is_not_offered() -> None:
    """BODY=BINARYMIME is refused: it was never promised."""
    talk("C: MAIL FROM:<a@b.example> BODY=BINARYMIME\nS: 501 5.5.4 ...\n")
