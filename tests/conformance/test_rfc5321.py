"""Simple Mail Transfer Protocol."""

import pytest

from tests.conformance.talk import DATA, MAIL, RCPT, first, message, send, talk


def test_2_3_8_bare_cr_and_lf_in_content_become_crlf() -> None:
    """Bare CR and bare LF in the content are stored as CRLF."""
    assert message(r"a\nb\rc\r\n.\r\n") == b"a\r\nb\r\nc\r\n"


def test_2_4_verbs_and_keywords_are_case_insensitive() -> None:
    """Commands, parameters and their keywords are recognised in any case."""
    first("C: hElO x\nS: 250 ...\nC: mail From:<a@b.example> Size=1 bOdY=8bitmime\nS: 250 ...\n")


def test_2_4_addresses_keep_their_case() -> None:
    """Local parts and domains are stored in the case in which they were sent."""
    [accepted] = talk(
        "C: MAIL FROM:<Ann@Example.COM>\nS: 250 ...\nC: RCPT TO:<BOB@Example.Net>\nS: 250 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert str(accepted.envelope.sender) == "Ann@Example.COM"
    assert str(accepted.envelope.recipients[0].address) == "BOB@Example.Net"


def test_3_1_the_server_speaks_first() -> None:
    """The server sends 220 with its name when the connection is opened."""
    assert first("").lines == ("220 localhost ESMTP Gatepost",)


def test_3_3_rcpt_needs_mail() -> None:
    """RCPT without MAIL gets 503 5.5.1."""
    talk("C: RCPT TO:<b@example.net>\nS: 503 5.5.1 Bad sequence of commands\n")


def test_3_3_data_needs_a_recipient() -> None:
    """DATA without MAIL gets 503 5.5.1, without an accepted RCPT 554 5.5.1."""
    talk("C: DATA\nS: 503 5.5.1 Bad sequence of commands\n")
    talk(
        f"{MAIL}C: DATA\nS: 554 5.5.1 No valid recipients\n{RCPT}{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    )


def test_3_3_the_null_path_is_a_sender_but_not_a_recipient() -> None:
    """MAIL FROM:<> is accepted; RCPT TO:<> gets 501 5.1.3."""
    talk("C: MAIL FROM:<>\nS: 250 ...\nC: RCPT TO:<>\nS: 501 5.1.3 ...\n")


def test_3_5_3_vrfy_confirms_nothing() -> None:
    """VRFY gets 252 2.1.5 for any argument, and 501 5.5.4 without one."""
    first("C: VRFY ann\nS: 252 2.1.5 ...\nC: VRFY\nS: 501 5.5.4 ...\n")


def test_3_8_after_quit_nothing_is_executed() -> None:
    """QUIT gets 221 and closes the connection; commands after it are not executed."""
    first("C: QUIT\nC: NOOP\nS: 221 2.0.0 Bye\n== CLOSED ==\n")


def test_4_1_1_unknown_commands_are_500_and_unimplemented_ones_502() -> None:
    """An unknown command gets 500, one that is not implemented 502."""
    first("C: XYZZY\nS: 500 5.5.1 ...\nC: EXPN list\nS: 502 5.5.1 ...\nC:\nS: 500 5.5.1 ...\n")


def test_4_1_1_1_hello_needs_a_name() -> None:
    """EHLO and HELO need exactly one argument; otherwise they get 501 5.5.4."""
    first("C: EHLO\nS: 501 5.5.4 ...\nC: HELO\nS: 501 5.5.4 ...\nC: EHLO a b\nS: 501 5.5.4 ...\n")


def test_4_1_1_1_hello_ends_a_transaction() -> None:
    """EHLO and HELO end a transaction, as RSET does."""
    send("C: HELO again.example\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\n")


@pytest.mark.parametrize("name", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "my_pc", "-"])
def test_4_1_1_1_the_name_may_be_any_word(name: str) -> None:
    """The name in EHLO may be a domain, an address literal, or any other word."""
    first(f"C: EHLO {name}\nS*12: 250...\n")


MALFORMED_MAIL = [
    "MAIL", "MAIL FROM", "MAIL <a@b.example>", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example",
    "MAIL FROM:<a>", "MAIL FROM:<@b.example>", "MAIL FROM:<a@b@c.example>", "MAIL TO:<a@b.example>",
    "MAIL FROM:<a@b.example>X", "MAIL FROM:<a@b.example> SIZE=x", "MAIL FROM:<a b@c.example>",
]  # fmt: skip


@pytest.mark.parametrize("command", MALFORMED_MAIL)
def test_4_1_1_2_mail_needs_a_valid_path(command: str) -> None:
    """MAIL without a valid path gets 501 and starts no transaction."""
    talk(f"C: {command}\nS: 501 ...\nC: RCPT TO:<b@example.net>\nS: 503 ...\n")


def test_4_1_1_2_transactions_do_not_nest() -> None:
    """A second MAIL gets 503 5.5.1; the transaction continues."""
    send(f"C: MAIL FROM:<c@example.com>\nS: 503 5.5.1 ...\n{DATA}C: .\nS: 250 ...\n", "messages: 1")


def test_4_1_1_3_postmaster_needs_no_domain() -> None:
    """RCPT TO:<Postmaster>, in any case, is accepted without a domain; other names without one
    get 501 5.1.3."""
    talk(
        MAIL + "C: RCPT TO:<Postmaster>\nS: 250 ...\nC: RCPT TO:<POSTMASTER>\nS: 250 ...\n"
        "C: RCPT TO:<ann>\nS: 501 5.1.3 ...\n"
    )


def test_4_1_1_4_content_ends_at_crlf_dot_crlf() -> None:
    """Only CRLF.CRLF ends the content; the first CRLF belongs to the content."""
    assert message(r"a\r\n.\r\n") == b"a\r\n"
    assert message(r"\r\n.\r\n") == b"\r\n"
    assert message(r".\r\n") == b""
    assert message(r"a\n.\nb\r\n.\r\n") == b"a\r\n.\r\nb\r\n"


def test_4_1_1_4_data_takes_no_argument() -> None:
    """DATA with an argument gets 501 5.5.4; no content follows."""
    send("C: DATA now\nS: 501 5.5.4 ...\nC: NOOP\nS: 250 ...\n")


def test_4_1_1_4_a_message_ends_its_transaction() -> None:
    """The reply to the content ends the transaction."""
    send(f"{DATA}C: .\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\n", "messages: 1")


def test_4_1_1_5_rset_forgets_the_transaction() -> None:
    """RSET ends a transaction, but not the session; with an argument it gets 501."""
    send("C: RSET\nS: 250 ...\nC: DATA\nS: 503 5.5.1 ...\nC: RSET x\nS: 501 ...\n" + MAIL)


def test_4_1_1_9_noop_ignores_its_argument() -> None:
    """NOOP has no effect, with or without an argument, also in a transaction."""
    send(f"C: NOOP\nS: 250 ...\nC: NOOP x y\nS: 250 ...\n{DATA}C: .\nS: 250 ...\n", "messages: 1")


def test_4_1_1_10_quit_takes_no_argument() -> None:
    """QUIT with an argument gets 501 5.5.4, and the session continues."""
    first("C: QUIT now\nS: 501 5.5.4 ...\nC: NOOP\nS: 250 ...\n")


def test_4_1_1_11_unknown_parameters_are_555() -> None:
    """A parameter of MAIL or RCPT that no offered extension defines for it gets 555 5.5.4."""
    talk(
        "C: MAIL FROM:<a@b.example> X=1\nS: 555 5.5.4 ...\n"
        "C: MAIL FROM:<a@b.example> NOTIFY=NEVER\n"
        "S: 555 5.5.4 ...\n" + MAIL + "C: RCPT TO:<b@example.net> SIZE=1\nS: 555 5.5.4 ...\n"
    )


def test_4_1_2_source_routes_are_ignored() -> None:
    """A source route in a path is accepted and ignored (appendix C)."""
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
def test_4_1_2_all_forms_of_mailboxes_are_accepted(path: str) -> None:
    """Quoted local parts, address literals and all characters of atoms are accepted."""
    talk(f"C: MAIL FROM:<{path}>\nS: 250 2.1.0 Sender OK\n")


def test_4_1_4_mail_needs_ehlo_or_helo() -> None:
    """MAIL before EHLO or HELO gets 503; NOOP, HELP, RSET, VRFY and QUIT are permitted."""
    first(
        "C: MAIL FROM:<a@b.example>\nS: 503 ...\nC: NOOP\nS: 250 ...\nC: HELP\nS: 214 ...\n"
        "C: RSET\nS: 250 ...\nC: VRFY x\nS: 252 ...\nC: QUIT\nS: 221 ...\n== CLOSED ==\n"
    )


def test_4_2_1_every_line_of_a_reply_has_the_code() -> None:
    """Every line of a reply has its code, followed by a hyphen on all lines except the last."""
    lines = first("C: EHLO x\nS*12: 250...\n").lines[1:]
    assert all(line.startswith("250-") for line in lines[:-1])
    assert lines[-1].startswith("250 ")


def test_4_5_2_a_leading_dot_is_deleted() -> None:
    """If a line of the content begins with a dot, that dot is removed."""
    assert message(r"..a\r\n.b\r\n...\r\nc.\r\n.\r\n") == b".a\r\nb\r\n..\r\nc.\r\n"


def test_4_5_2_content_is_transparent() -> None:
    """Content with any octets from 1 to 255 is stored unchanged, except for bare CR and LF."""
    octets = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    escaped = "".join(f"\\x{octet:02x}" for octet in octets)
    assert message(rf"{escaped}\r\n.\r\n") == octets + b"\r\n"


def test_4_5_3_1_3_a_path_has_256_octets() -> None:
    """A path has up to 256 octets; a longer one gets 501 5.1.3."""
    path = "a" * (256 - len("<@b.example>")) + "@b.example"
    talk(f"C: MAIL FROM:<{path}>\nS: 250 ...\nC: RCPT TO:<a{path}>\nS: 501 5.1.3 ...\n")


def test_4_5_3_1_4_a_command_line_has_512_octets() -> None:
    """A command line has up to 512 octets with CRLF; a longer one gets 500 5.5.2 and is
    discarded."""
    first(
        f"C: NOOP {'x' * 505}\nS: 250 ...\nC: NOOP {'x' * 506}\nS: 500 5.5.2 ...\n"
        "C: NOOP\nS: 250 ...\n"
    )


def test_4_5_3_1_4_extensions_lengthen_mail_and_rcpt() -> None:
    """Parameters of extensions raise the limit for MAIL and RCPT."""
    orcpt = "rfc822;" + "x" * 480
    talk(MAIL + f"C: RCPT TO:<b@example.net> ORCPT={orcpt}\nS: 250 ...\n")


def test_4_5_3_1_6_lines_of_content_may_be_long() -> None:
    """A line of the content may have more than 1,000 octets; it is stored unchanged."""
    assert message("x" * 5000 + r"\r\n.\r\n") == b"x" * 5000 + b"\r\n"


def test_4_5_3_1_8_at_least_100_recipients_are_accepted() -> None:
    """At least 100 recipients are accepted in one transaction."""
    [accepted] = talk(
        f"{MAIL}C*100: RCPT TO:<u{{n}}@example.net>\nS*100: 250 ...\n{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    assert len(accepted.envelope.recipients) == 100


def test_4_5_3_1_10_too_many_recipients_are_452() -> None:
    """Recipients over the limit get 452 4.5.3; those accepted before get the message."""
    [accepted] = talk(
        f"{MAIL}C*3: RCPT TO:<u{{n}}@example.net>\nS*2: 250 ...\nS: 452 4.5.3 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1\nlimits.recipients: 2",
    ).messages
    assert len(accepted.envelope.recipients) == 2


def test_7_1_ten_errors_end_a_session() -> None:
    """After ten refused commands, the server sends 421 and closes the connection."""
    first("C*10: XYZZY\nS*10: 500 ...\nS: 421 4.7.0 ...\n== CLOSED ==\n")


@pytest.mark.parametrize("octet", ["\\0", "\\x01", "\\r", "\\x1b", "\\x7f"])
def test_4_1_control_characters_in_a_command_are_refused(octet: str) -> None:
    """A command line with a control character gets 500 5.5.2."""
    first(f"C| NOOP a{octet}b\\r\\n\nS: 500 5.5.2 ...\n")
