"""Parsing of recorded octets: content, chunks, long lines, and the protocol of the client."""

import pytest

from gatepost.doctor.recording.message_content import ContentScan
from gatepost.doctor.recording.tap import MAX_LINE
from gatepost.model.evidence import Conduct, ContentFormat, Evidence
from tests.unit.doctor.recording.playing import Said, played
from tests.unit.doctor.recording.test_faults import GREETING, SIGNED_IN, b64, ehlo, under_tls


def conduct(session: list[Said]) -> Conduct:
    found = played(session)[1].conduct.value
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (b".\r\n", ContentFormat(0, True, 0, 1)),
        (b"From: a\r\n\r\nhi\r\n.\r\n", ContentFormat(15, True, 0, 7, 0, True)),
        (b"from: a\nSubject: \xc3\xa4\n\nhi\n.\r\n", ContentFormat(27, False, 4, 11, 1, True)),
        (b"a\rb\r\n\r\n\xc3\xa4\r\n.\r\n", ContentFormat(11, True, 1, 3)),
        (b"..\r\n..x\r\n", ContentFormat(9, False, 0, 3)),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_form_of_a_message(message: bytes, content: ContentFormat, size: int) -> None:
    scan = ContentScan()
    for at in range(0, len(message), size):
        assert scan.feed(message[at : at + size]) == b""
    seen = scan.result()
    assert (seen.octets, seen.complete, seen.bare_lf) == (
        content.octets, content.complete, content.bare_lf,
    )  # fmt: skip
    assert (seen.longest_line, seen.eight_bit_headers) == (
        content.longest_line, content.eight_bit_headers,
    )  # fmt: skip
    assert seen.has_from == content.has_from


def test_octets_after_a_message_are_returned() -> None:
    scan = ContentScan()
    assert scan.feed(b"hi\r\n.\r\nQUIT\r\n") == b"QUIT\r\n"


def test_a_line_of_any_length_is_one_line() -> None:
    found = conduct(
        [GREETING, ("C", b"EHLO " + b"a" * 3 * MAX_LINE + b"\r\n"), ("S", "500 too long")]
    )
    assert (found.commands, found.bare_lf, found.ahead) == (1, 0, ())


def test_unknown_commands_are_bounded_in_the_transcript() -> None:
    _, evidence = played([GREETING, *[("C", f"word-{n} {n}") for n in range(5000)]])
    assert len(evidence.transcript) < 200


@pytest.mark.parametrize(
    ("first", "speaks"),
    [
        (b"EHLO a\r\n", "smtp"), (b"\x16\x03\x01\x00\x01\x01", "tls"),
        (b"GET / HTTP/1.0\r\n", "http"), (b"SSH-2.0-x\r\n", "other"),
        (b"\x16hello\r\n", "other"), (b"", "nothing"),
    ],
)  # fmt: skip
def test_the_protocol_that_a_client_speaks(first: bytes, speaks: str) -> None:
    assert conduct([GREETING, ("C", first)]).speaks == speaks


def test_a_server_that_takes_lf_for_the_end_of_a_message() -> None:
    _, evidence = played([
        *SIGNED_IN, ("C", b"From: a\n\nhi\n.\n"), ("S", "250 ok"), ("C", "QUIT"), ("S", "221 bye"),
    ])  # fmt: skip
    assert evidence.content.value is not None
    assert evidence.content.value.is_success
    assert [line.text for line in evidence.transcript][-3:] == ["250 ok", "QUIT", "221 bye"]


def texts(evidence: Evidence) -> str:
    return "\n".join(line.text for line in evidence.transcript)


def test_secrets_in_server_challenges_are_redacted() -> None:
    sealed = b64("r=nonce,s=c2FsdA==,i=4096")
    session: list[Said] = [
        *under_tls("AUTH SCRAM-SHA-256"), ("C", "AUTH SCRAM-SHA-256 " + b64("n,,n=ann,r=nonce")),
        ("S", f"334 {sealed}"), ("C", b64("c=biws,r=nonce,p=cHJvb2Y=")),
        ("S", "235 2.7.0 " + b64("v=c2VydmVyIHNpZ25hdHVyZQ==")),
    ]  # fmt: skip
    shown = texts(played(session)[1])
    assert "AUTH SCRAM-SHA-256 [redacted]" in shown
    assert sealed not in shown
    assert "dj1jMlZ5" not in shown


def test_prompts_and_error_documents_stay() -> None:
    document = b64('{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}')
    session: list[Said] = [
        *under_tls("AUTH XOAUTH2"), ("C", "AUTH XOAUTH2 " + b64("user=a@b\1auth=Bearer ya29\1\1")),
        ("S", f"334 {document}"), ("C", ""), ("S", "535 5.7.8 no"),
    ]  # fmt: skip
    assert document in texts(played(session)[1])


def test_a_mark_that_somebody_else_wrote_is_no_mark() -> None:
    session: list[Said] = [
        GREETING, ("C", "EHLO [redacted#7]"), ("S", "250 [redacted#9]"),
        ("C", "AUTH PLAIN [redacted#3]"), ("S", "535 [redacted#1]"), *ehlo(),
    ]  # fmt: skip
    assert "redacted#" not in texts(played(session)[1])


@pytest.mark.parametrize("said", ["AUTH PLAIN {}", "auth login {}", "AUTH {}", "QUIT {}", "{}"])
def test_a_command_without_a_line_end_keeps_its_secret(said: str) -> None:
    blob = b64("\0ann\0correct-horse-battery")
    session: list[Said] = [*under_tls("AUTH PLAIN LOGIN"), ("C", said.format(blob).encode())]
    _, evidence = played(session)
    assert not any(blob[4:20] in line.text for line in evidence.transcript)
    assert blob[4:20] not in repr(evidence)
