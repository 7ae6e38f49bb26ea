"""The language of dialogues."""

import base64

import pytest

from gatepost.testing.dialogue import DialogueError, NoLine, Say, Values, parse_dialogue

VALUES = Values(host="mx.example", username="ann", password="secret", sender="ann@example.com")


def test_head_and_steps() -> None:
    dialogue = parse_dialogue(
        "# One line.\n# Another.\nprofile: acs\nclause: RFC 4954 4\nclause: RFC 3207 4\n"
        "limits.recipients: 2\nroles: server client\n\nS: 220 {host}\n# not about\nC: QUIT\n"
        "== CLOSED ==\n",
        "name",
    )
    assert dialogue.about == "One line.\nAnother."
    assert dialogue.profile == "acs"
    assert dialogue.clauses == ("RFC 4954 4", "RFC 3207 4")
    assert dialogue.overrides == {"limits.recipients": 2}
    assert not dialogue.is_portable
    assert dialogue.roles == ("server", "client")
    assert dialogue.steps == (Say("S", "220 {host}", 9), Say("C", "QUIT", 11), NoLine("CLOSED", 12))


# fmt: off
OCTETS = [
    ("C: NOOP",                        b"NOOP\r\n"),
    ("C:",                             b"\r\n"),
    ("C:  two blanks ",                b" two blanks \r\n"),
    ("C*3: RCPT {n}",                  b"RCPT 1\r\nRCPT 2\r\nRCPT 3\r\n"),
    (r"C| a\n.\r\n\0",                 b"a\n.\r\n\0"),
    ("C: MAIL FROM:<{from}> {domain}", b"MAIL FROM:<ann@example.com> example.com\r\n"),
    ("C: base64({username})",          base64.b64encode(b"ann") + b"\r\n"),
    (r"C: base64(\0{username}\0{password})", base64.b64encode(b"\0ann\0secret") + b"\r\n"),
    ("C: base64(a (b) c)",             base64.b64encode(b"a (b) c") + b"\r\n"),
    ("C: grüße",                       "grüße\r\n".encode()),
    (r"C| grüße\xff",                  "grüße".encode() + b"\xff"),
]
# fmt: on


@pytest.mark.parametrize(("line", "expected"), OCTETS)
def test_octets_of_a_step(line: str, expected: bytes) -> None:
    [step] = parse_dialogue(line).steps
    assert isinstance(step, Say)
    assert step.octets(VALUES) == expected


# fmt: off
MATCHES = [
    ("250 OK",               "250 OK",                  True),
    ("250 OK",               "250 ok",                  False),
    ("250 ...",              "250 OK queued as 1",      True),
    ("250 ... queued",       "250 OK queued as 1",      False),
    ("220 {host} ESMTP",     "220 mx.example ESMTP",    True),
    ("334 base64(Username:)", "334 VXNlcm5hbWU6",       True),
    ("250 a.c",              "250 abc",                 False),
]
# fmt: on


@pytest.mark.parametrize(("written", "line", "expected"), MATCHES)
def test_replies_match_their_pattern(written: str, line: str, expected: bool) -> None:
    assert Say("S", written, 1).matches(line, VALUES) is expected


WRONG = [
    "nonsense",
    "profil: acs",
    "limit.size: 3",
    "limits.message_size: many",
    "roles: referee",
    "S: 220\nprofile: acs",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_is_named(text: str) -> None:
    with pytest.raises(DialogueError, match=r"dialogue, line \d"):
        parse_dialogue(text)


def test_a_digit_in_a_value_is_no_part_of_the_escape_before_it() -> None:
    step = Say("C", r"base64(\0{username}\0{password})", 1)
    octets = step.octets(Values(username="12", password="34"))
    assert base64.b64decode(octets) == b"\0" + b"12" + b"\0" + b"34"


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        Say("C", "{nobody}", 1).octets(VALUES)
