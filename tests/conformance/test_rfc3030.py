"""Large and binary messages: CHUNKING."""

import pytest

from tests.conformance.talk import MAIL, first, send, talk


def test_2_chunks_are_joined() -> None:
    """The chunks of a message are joined; the last one may be empty."""
    [accepted] = send(
        "C: BDAT 3\nC| a\\r\\n\nS: 250 2.0.0 Chunk received\nC: BDAT 3\nC| b\\r\\n\n"
        "S: 250 ...\n"
        "C: BDAT 0 LAST\nS: 250 2.0.0 OK\n",
        "messages: 1",
    ).messages
    assert accepted.content == b"a\r\nb\r\n"


def test_2_a_line_end_may_span_two_chunks() -> None:
    """CR at the end of a chunk and LF at the beginning of the next one are one line end."""
    [accepted] = send(
        "C: BDAT 2\nC| a\\r\nS: 250 ...\nC: BDAT 2 LAST\nC| \\nb\nS: 250 ...\n", "messages: 1"
    ).messages
    assert accepted.content == b"a\r\nb"


def test_2_dots_are_not_special() -> None:
    """The octets of a chunk are counted: neither leading dots nor CRLF.CRLF are special."""
    [accepted] = send(
        "C: BDAT 9 LAST\nC| .\\r\\n.\\r\\n..\\n\nS: 250 ...\n", "messages: 1"
    ).messages
    assert accepted.content == b".\r\n.\r\n..\r\n"


def test_2_last_is_case_insensitive() -> None:
    """LAST is recognised in any case."""
    send("C: bdat 1 last\nC| x\nS: 250 2.0.0 OK\n", "messages: 1")


@pytest.mark.parametrize("command", ["DATA", "MAIL FROM:<c@d.example>", "RCPT TO:<c@d.example>"])
def test_2_other_commands_between_chunks_are_out_of_sequence(command: str) -> None:
    """DATA, MAIL and RCPT between chunks get 503 5.5.1, and the message can continue."""
    send(
        f"C: BDAT 1\nC| x\nS: 250 ...\nC: {command}\nS: 503 5.5.1 ...\nC: BDAT 0 LAST\n"
        f"S: 250 ...\n",
        "messages: 1",
    )


def test_2_rset_between_chunks_discards_the_message() -> None:
    """RSET between chunks discards the message; a new transaction may follow."""
    send(f"C: BDAT 1\nC| x\nS: 250 ...\nC: RSET\nS: 250 ...\n{MAIL}")


def test_2_a_bdat_out_of_sequence_consumes_its_octets() -> None:
    """BDAT without a transaction gets 503 5.5.1; its octets are discarded, and not run as
    commands."""
    talk("C: BDAT 6\nC| QUIT\\r\\n\nS: 503 5.5.1 ...\nC: NOOP\nS: 250 ...\n")
    first("C: BDAT 6 LAST\nC| QUIT\\r\\n\nS: 503 5.5.1 ...\nC: NOOP\nS: 250 ...\n")


def test_2_a_refused_chunk_has_no_effect_on_the_next_message() -> None:
    """Nothing of a refused chunk becomes part of a later message."""
    [accepted] = talk(
        f"{MAIL}C: BDAT 2\nC| \\0\\r\nS: 503 ...\nC: RCPT TO:<b@example.net>\nS: 250 ...\n"
        "C: BDAT 1 LAST\nC| x\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert accepted.content == b"x"


def test_2_a_bdat_that_is_not_offered_consumes_its_octets() -> None:
    """If CHUNKING is not offered, BDAT gets 502 5.5.1; its octets are discarded, and not run as
    commands."""
    talk(
        "C: STARTTLS\nS: 220 ...\n== TLS ==\nC: HELO x\nS: 250 ...\n"
        "C: BDAT 6\nC| QUIT\\r\\n\nS: 502 5.5.1 ...\nC: NOOP\nS: 250 ...\n",
        "profile: acs",
    )


@pytest.mark.parametrize("argument", ["", "x", "-1", "1e3", "1" * 13, "0x10", "LAST", "+5"])
def test_2_a_bdat_without_a_valid_size_ends_the_connection(argument: str) -> None:
    """BDAT without a valid size gets 501 5.5.4, and the connection is closed, because the end of
    its octets is unknown."""
    send(f"C: BDAT {argument}\nC: QUIT\nS: 501 5.5.4 ...\n== CLOSED ==\n")


def test_2_a_chunk_over_the_size_limit_is_refused() -> None:
    """A chunk that exceeds the size limit is read and gets 552 5.3.4; so do the following chunks
    of the message."""
    send(
        f"C: BDAT 20\nC| {'x' * 20}\nS: 552 5.3.4 ...\nC: BDAT 1 LAST\nC| x\n"
        f"S: 552 5.3.4 ...\n"
        f"{MAIL}",
        "limits.message_size: 10",
    )


def test_3_binarymime_is_not_offered() -> None:
    """BINARYMIME is not offered: BODY=BINARYMIME gets 501 5.5.4."""
    talk("C: MAIL FROM:<a@b.example> BODY=BINARYMIME\nS: 501 5.5.4 ...\n")
