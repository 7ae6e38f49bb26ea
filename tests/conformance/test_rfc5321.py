"""Simple Mail Transfer Protocol."""

import pytest

from tests.conformance.talk import DATA, MAIL, RCPT, first, message, send, talk


def test_2_3_8_lines_end_with_crlf_alone_in_content() -> None:
    """Bare CR and LF end no line of content; they become CRLF before storing."""
    assert message(r"a\nb\rc\r\n.\r\n") == b"a\r\nb\r\nc\r\n"


def test_2_4_verbs_and_keywords_are_case_insensitive() -> None:
    """Commands, parameters and mechanisms are recognised in any case."""
    first("C: hElO x\nS: 250 ...\nC: mail From:<a@b.example> Size=1 bOdY=8bitmime\nS: 250 ...\n")


def test_2_4_local_parts_keep_their_case() -> None:
    """A local part and the spelling of a domain go through unchanged."""
    [accepted] = talk(
        "C: MAIL FROM:<Ann@Example.COM>\nS: 250 ...\nC: RCPT TO:<BOB@Example.Net>\nS: 250 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert str(accepted.envelope.sender) == "Ann@Example.COM"
    assert str(accepted.envelope.recipients[0].address) == "BOB@Example.Net"


def test_3_1_the_server_speaks_first() -> None:
    """The session begins with a 220 that names the server."""
    assert first("").lines == ("220 localhost ESMTP Gatepost",)


def test_3_3_rcpt_needs_mail() -> None:
    """RCPT before MAIL is out of sequence."""
    talk("C: RCPT TO:<b@example.net>\nS: 503 5.5.1 Bad sequence of commands\n")


def test_3_3_data_needs_a_recipient() -> None:
    """DATA without MAIL is out of sequence; without an accepted RCPT it has no valid recipients."""
    talk("C: DATA\nS: 503 5.5.1 Bad sequence of commands\n")
    talk(
        f"{MAIL}C: DATA\nS: 554 5.5.1 No valid recipients\n{RCPT}{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    )


def test_3_3_a_null_path_is_a_sender_and_no_recipient() -> None:
    """MAIL FROM:<> is taken; RCPT TO:<> is not."""
    talk("C: MAIL FROM:<>\nS: 250 ...\nC: RCPT TO:<>\nS: 501 5.1.3 ...\n")


def test_3_5_3_vrfy_confirms_nothing() -> None:
    """252 to any address; an argument is required."""
    first("C: VRFY ann\nS: 252 2.1.5 ...\nC: VRFY\nS: 501 5.5.4 ...\n")


def test_3_8_after_quit_nothing_is_executed() -> None:
    """221 answers QUIT, and the connection closes, whatever was pipelined behind it."""
    first("C: QUIT\nC: NOOP\nS: 221 2.0.0 Bye\n== CLOSED ==\n")


def test_4_1_1_commands_are_told_apart() -> None:
    """An unknown verb is 500, a known one that we do not implement 502."""
    first("C: XYZZY\nS: 500 5.5.1 ...\nC: EXPN list\nS: 502 5.5.1 ...\nC:\nS: 500 5.5.1 ...\n")


def test_4_1_1_1_hello_needs_a_name() -> None:
    """EHLO and HELO without an argument, or with two, are syntax errors."""
    first("C: EHLO\nS: 501 5.5.4 ...\nC: HELO\nS: 501 5.5.4 ...\nC: EHLO a b\nS: 501 5.5.4 ...\n")


def test_4_1_1_1_hello_ends_a_transaction() -> None:
    """EHLO and HELO reset as RSET does."""
    send("C: HELO again.example\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\n")


@pytest.mark.parametrize("name", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "my_pc", "-"])
def test_4_1_1_1_any_word_will_do_for_a_name(name: str) -> None:
    """The name is not held against the client: domains, literals and what is neither."""
    first(f"C: EHLO {name}\nS*12: 250...\n")


MALFORMED_MAIL = [
    "MAIL", "MAIL FROM", "MAIL <a@b.example>", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example",
    "MAIL FROM:<a>", "MAIL FROM:<@b.example>", "MAIL FROM:<a@b@c.example>", "MAIL TO:<a@b.example>",
    "MAIL FROM:<a@b.example>X", "MAIL FROM:<a@b.example> SIZE=x", "MAIL FROM:<a b@c.example>",
]  # fmt: skip


@pytest.mark.parametrize("command", MALFORMED_MAIL)
def test_4_1_1_2_mail_takes_a_path(command: str) -> None:
    """What is not a reverse path is 501, and starts no transaction."""
    talk(f"C: {command}\nS: 501 ...\nC: RCPT TO:<b@example.net>\nS: 503 ...\n")


def test_4_1_1_2_transactions_do_not_nest() -> None:
    """A second MAIL is out of sequence and leaves the first alone."""
    send(f"C: MAIL FROM:<c@example.com>\nS: 503 5.5.1 ...\n{DATA}C: .\nS: 250 ...\n", "messages: 1")


def test_4_1_1_3_postmaster_needs_no_domain() -> None:
    """RCPT TO:<Postmaster> in any case is a recipient."""
    talk(
        MAIL + "C: RCPT TO:<Postmaster>\nS: 250 ...\nC: RCPT TO:<POSTMASTER>\nS: 250 ...\n"
        "C: RCPT TO:<ann>\nS: 501 5.1.3 ...\n"
    )


def test_4_1_1_4_content_ends_at_crlf_dot_crlf() -> None:
    """The content ends there and only there; the CRLF before the dot is its own."""
    assert message(r"a\r\n.\r\n") == b"a\r\n"
    assert message(r"\r\n.\r\n") == b"\r\n"
    assert message(r".\r\n") == b""
    assert message(r"a\n.\nb\r\n.\r\n") == b"a\r\n.\r\nb\r\n"


def test_4_1_1_4_data_takes_no_argument() -> None:
    """DATA with an argument is a syntax error, and no content follows."""
    send("C: DATA now\nS: 501 5.5.4 ...\nC: NOOP\nS: 250 ...\n")


def test_4_1_1_4_a_message_ends_its_transaction() -> None:
    """After the reply to the content neither sender nor recipients are left."""
    send(f"{DATA}C: .\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\n", "messages: 1")


def test_4_1_1_5_rset_forgets_the_transaction() -> None:
    """RSET ends it anywhere, takes no argument, and keeps the greeting."""
    send("C: RSET\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\nC: RSET x\nS: 501 ...\n" + MAIL)


def test_4_1_1_9_noop_ignores_its_argument() -> None:
    """NOOP does nothing, with or without a string, in a transaction too."""
    send(f"C: NOOP\nS: 250 ...\nC: NOOP x y\nS: 250 ...\n{DATA}C: .\nS: 250 ...\n", "messages: 1")


def test_4_1_1_10_quit_takes_no_argument() -> None:
    """QUIT with an argument is a syntax error, and the session goes on."""
    first("C: QUIT now\nS: 501 5.5.4 ...\nC: NOOP\nS: 250 ...\n")


def test_4_1_1_11_unknown_parameters_are_555() -> None:
    """A parameter that no offered extension defines is told from a bad value."""
    talk(
        "C: MAIL FROM:<a@b.example> X=1\nS: 555 5.5.4 ...\n"
        "C: MAIL FROM:<a@b.example> NOTIFY=NEVER\n"
        "S: 555 5.5.4 ...\n" + MAIL + "C: RCPT TO:<b@example.net> SIZE=1\nS: 555 5.5.4 ...\n"
    )


def test_4_1_2_source_routes_are_dropped() -> None:
    """A route in a path is accepted and ignored (appendix C)."""
    [accepted] = talk(
        MAIL + "C: RCPT TO:<@hop.example,@two.example:b@example.net>\nS: 250 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert str(accepted.envelope.recipients[0].address) == "b@example.net"


@pytest.mark.parametrize(
    "path",
    ['"a b"@c.example', r'"a\"b"@c.example', "a@[192.0.2.1]", "a@[IPv6:::1]", "a+b@c.example"],
)
def test_4_1_2_mailboxes_in_all_their_forms(path: str) -> None:
    """Quoted strings, address literals and every atom character."""
    talk(f"C: MAIL FROM:<{path}>\nS: 250 2.1.0 Sender OK\n")


def test_4_1_4_mail_needs_a_greeting() -> None:
    """MAIL before EHLO or HELO is out of sequence; NOOP, HELP, RSET, VRFY and QUIT are not."""
    first(
        "C: MAIL FROM:<a@b.example>\nS: 503 ...\nC: NOOP\nS: 250 ...\nC: HELP\nS: 214 ...\n"
        "C: RSET\nS: 250 ...\nC: VRFY x\nS: 252 ...\nC: QUIT\nS: 221 ...\n== CLOSED ==\n"
    )


def test_4_2_1_every_reply_says_its_code_on_every_line() -> None:
    """A reply of several lines repeats its code, with a hyphen on all but the last."""
    lines = first("C: EHLO x\nS*12: 250...\n").lines[1:]
    assert all(line.startswith("250-") for line in lines[:-1])
    assert lines[-1].startswith("250 ")


def test_4_5_2_a_leading_dot_is_deleted() -> None:
    """One dot at the head of a line goes, whatever follows it."""
    assert message(r"..a\r\n.b\r\n...\r\nc.\r\n.\r\n") == b".a\r\nb\r\n..\r\nc.\r\n"


def test_4_5_2_content_is_transparent() -> None:
    """Octets from 1 to 255 go through, line ends aside."""
    octets = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    escaped = "".join(f"\\x{octet:02x}" for octet in octets)
    assert message(rf"{escaped}\r\n.\r\n") == octets + b"\r\n"


def test_4_5_3_1_3_a_path_has_256_octets() -> None:
    """A longer one is refused as bad syntax."""
    path = "a" * (256 - len("<@b.example>")) + "@b.example"
    talk(f"C: MAIL FROM:<{path}>\nS: 250 ...\nC: RCPT TO:<a{path}>\nS: 501 5.1.3 ...\n")


def test_4_5_3_1_4_a_command_line_has_512_octets() -> None:
    """The longest is taken, a longer one is 500, and the next line is a command again."""
    first(
        f"C: NOOP {'x' * 505}\nS: 250 ...\nC: NOOP {'x' * 506}\nS: 500 5.5.2 ...\n"
        "C: NOOP\nS: 250 ...\n"
    )


def test_4_5_3_1_4_extensions_lengthen_mail_and_rcpt() -> None:
    """What parameters add does not count against the 512."""
    orcpt = "rfc822;" + "x" * 480
    talk(MAIL + f"C: RCPT TO:<b@example.net> ORCPT={orcpt}\nS: 250 ...\n")


def test_4_5_3_1_6_lines_of_content_may_be_long() -> None:
    """A line over 1,000 octets of content is kept whole."""
    assert message("x" * 5000 + r"\r\n.\r\n") == b"x" * 5000 + b"\r\n"


def test_4_5_3_1_8_a_hundred_recipients() -> None:
    """At least 100 recipients are taken in one transaction."""
    [accepted] = talk(
        f"{MAIL}C*100: RCPT TO:<u{{n}}@example.net>\nS*100: 250 ...\n{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert len(accepted.envelope.recipients) == 100


def test_4_5_3_1_10_too_many_recipients_are_452() -> None:
    """The rest is refused for now, and those accepted stay."""
    [accepted] = talk(
        f"{MAIL}C*3: RCPT TO:<u{{n}}@example.net>\nS*2: 250 ...\nS: 452 4.5.3 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1\nlimits.recipients: 2",
    ).messages
    assert len(accepted.envelope.recipients) == 2


def test_7_1_errors_end_a_session() -> None:
    """Ten refused commands, then 421 and the close."""
    first("C*10: XYZZY\nS*10: 500 ...\nS: 421 4.7.0 ...\n== CLOSED ==\n")


@pytest.mark.parametrize("octet", ["\\0", "\\x01", "\\r", "\\x1b", "\\x7f"])
def test_4_1_control_characters_are_no_part_of_a_command(octet: str) -> None:
    """A command line that holds one is refused as a whole."""
    first(f"C| NOOP a{octet}b\\r\\n\nS: 500 5.5.2 ...\n")
