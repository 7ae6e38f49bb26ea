"""MAIL and RCPT lines: the parameters that are sent, and the extensions that they need."""

from dataclasses import replace

import pytest

from gatepost.client.mail_commands import in_ascii, mail_command, rcpt_command
from gatepost.errors import LocalProtocolError, MissingExtension
from gatepost.model.address import Address, parse_address
from gatepost.model.capabilities import Capabilities
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.wire.ehlo_reply import parse_capabilities

SENDER = Envelope(parse_address("a@example.com"))
FULL = ("SIZE", "8BITMIME", "SMTPUTF8", "DSN", "AUTH PLAIN", "BINARYMIME", "CHUNKING")


def offer(*lines: str) -> Capabilities:
    return parse_capabilities(Reply(250, "\n".join(["mail.example", *lines])))


MAIL = [
    (SENDER, (), "MAIL FROM:<a@example.com>"),
    (SENDER, ("SIZE",), "MAIL FROM:<a@example.com> SIZE=7"),
    (SENDER, ("SIZE 5",), "MAIL FROM:<a@example.com> SIZE=7"),
    (Envelope(None), (), "MAIL FROM:<>"),
    (replace(SENDER, body="8BITMIME"), ("8BITMIME",), "MAIL FROM:<a@example.com> BODY=8BITMIME"),
    (
        replace(SENDER, body="BINARYMIME"),
        ("BINARYMIME", "CHUNKING"),
        "MAIL FROM:<a@example.com> BODY=BINARYMIME",
    ),
    (replace(SENDER, smtputf8=True), ("SMTPUTF8",), "MAIL FROM:<a@example.com> SMTPUTF8"),
    (Envelope(parse_address("ä@example.com")), ("SMTPUTF8",), "MAIL FROM:<ä@example.com> SMTPUTF8"),
    (replace(SENDER, auth="<>"), ("AUTH PLAIN",), "MAIL FROM:<a@example.com> AUTH=<>"),
    (replace(SENDER, auth="e+1=x@y"), ("AUTH",), "MAIL FROM:<a@example.com> AUTH=e+2B1+3Dx@y"),
    (replace(SENDER, auth="<>"), (), "MAIL FROM:<a@example.com>"),
    (
        replace(SENDER, ret="HDRS", envid="QQ314"),
        ("DSN",),
        "MAIL FROM:<a@example.com> RET=HDRS ENVID=QQ314",
    ),
    (replace(SENDER, ret="HDRS", envid="QQ314"), (), "MAIL FROM:<a@example.com>"),
]


@pytest.mark.parametrize(("envelope", "lines", "command"), MAIL)
def test_mail(envelope: Envelope, lines: tuple[str, ...], command: str) -> None:
    assert mail_command(envelope, offer(*lines), 7) == command


@pytest.mark.parametrize(
    ("envelope", "lines", "missing"),
    [
        (replace(SENDER, body="8BITMIME"), (), "8BITMIME"),
        (replace(SENDER, body="BINARYMIME"), ("CHUNKING",), "BINARYMIME"),
        (replace(SENDER, body="BINARYMIME"), ("BINARYMIME",), "CHUNKING"),
        (replace(SENDER, smtputf8=True), ("8BITMIME",), "SMTPUTF8"),
        (
            Envelope(SENDER.sender, (Recipient(parse_address("b@müller.example")),)),
            (),
            "SMTPUTF8",
        ),
    ],
)
def test_missing(envelope: Envelope, lines: tuple[str, ...], missing: str) -> None:
    with pytest.raises(MissingExtension, match=missing):
        mail_command(envelope, offer(*lines), 7)


PEOPLE = Envelope(
    parse_address("a@müller.example"),
    (Recipient(parse_address("b@fußball.example")), Recipient(parse_address("c@example.net"))),
)


def test_a_domain_is_spelled_in_ascii_for_a_server_without_smtputf8() -> None:
    spelled = in_ascii(PEOPLE, offer())
    assert mail_command(spelled, offer(), 7) == "MAIL FROM:<a@xn--mller-kva.example>"
    assert [rcpt_command(each, offer()) for each in spelled.recipients] == [
        "RCPT TO:<b@xn--fuball-cta.example>", "RCPT TO:<c@example.net>",
    ]  # fmt: skip
    assert in_ascii(PEOPLE, offer(*FULL)) is PEOPLE


def test_a_local_part_has_no_other_spelling() -> None:
    envelope = Envelope(parse_address("ä@müller.example"))
    assert in_ascii(envelope, offer()) == envelope
    with pytest.raises(MissingExtension, match="SMTPUTF8"):
        mail_command(envelope, offer(), 7)


def test_an_impossible_domain_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="not a label"):
        in_ascii(Envelope(parse_address("a@☃.example")), offer())


BOB = Recipient(parse_address('"b ob"@example.net'))
RCPT = [
    (BOB, (), 'RCPT TO:<"b ob"@example.net>'),
    (Recipient(Address("Postmaster", "")), (), "RCPT TO:<Postmaster>"),
    (
        replace(BOB, notify=frozenset({"DELAY", "SUCCESS"}), orcpt="rfc822;b+20ob@example.net"),
        ("DSN",),
        'RCPT TO:<"b ob"@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+20ob@example.net',
    ),
    (replace(BOB, notify=frozenset({"NEVER"})), (), 'RCPT TO:<"b ob"@example.net>'),
    (
        replace(BOB, orcpt="utf-8;jörg@example.net"),  # MAIL may be without SMTPUTF8
        ("DSN", "SMTPUTF8"),
        'RCPT TO:<"b ob"@example.net> ORCPT=utf-8;j\\x{F6}rg@example.net',
    ),
]


@pytest.mark.parametrize(("recipient", "lines", "command"), RCPT)
def test_rcpt(recipient: Recipient, lines: tuple[str, ...], command: str) -> None:
    assert rcpt_command(recipient, offer(*lines)) == command


@pytest.mark.parametrize("value", ["", "a b", "a\r\nb", "a\0", "\x7f"])
def test_values_are_one_word(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        mail_command(replace(SENDER, envid=value), offer(*FULL), 7)
    with pytest.raises(LocalProtocolError):
        rcpt_command(replace(BOB, orcpt=value), offer(*FULL))
