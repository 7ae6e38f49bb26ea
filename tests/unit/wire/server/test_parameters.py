"""The arguments of MAIL and RCPT."""

import pytest

from gatepost.model.address import Address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.wire.server.parameters import (
    OF_MAIL,
    OF_RCPT,
    BadParameter,
    UnknownParameter,
    parse_mail,
    parse_rcpt,
)

OFFERED = frozenset(one.extension for table in (OF_MAIL, OF_RCPT) for one in table.values())
A = Address("a", "b.example")

# fmt: off
MAIL = [
    ("<a@b.example>",                       Envelope(A)),
    ("  <a@b.example>",                     Envelope(A)),
    ("<>",                                  Envelope(None)),
    ("<a@b.example> SIZE=0",                Envelope(A, size=0)),
    ("<a@b.example> SIZE=" + 20 * "9",      Envelope(A, size=10**20 - 1)),
    ("<a@b.example>  BODY=8BITMIME  RET=FULL", Envelope(A, body="8BITMIME", ret="FULL")),
    ("<a@b.example> auth=<>",               Envelope(A, auth="<>")),
    ("<a@b.example> AUTH=x+2By@b.example",  Envelope(A, auth="x+y@b.example")),
    ("<a@b.example> ENVID=a+2Bb",           Envelope(A, envid="a+2Bb")),
    ("<a@b.example> SMTPUTF8",              Envelope(A, smtputf8=True)),
]
RCPT = [
    ("<a@b.example>",                       Recipient(A)),
    ("<PostMaster>",                        Recipient(Address("PostMaster", ""))),
    ("<postmaster> NOTIFY=NEVER",
     Recipient(Address("postmaster", ""), frozenset({"NEVER"}))),
    ("<a@b.example> ORCPT=utf-8;ü@b.example", Recipient(A, orcpt="utf-8;ü@b.example")),
]
BAD = [
    "SIZE", "SIZE=", "SIZE=1 SIZE=1", "SIZE=1,000", "SIZE=" + 21 * "9",
    "BODY", "SMTPUTF8=", "AUTH", "AUTH=", "AUTH=a+0D+0Ab@c.example", "AUTH=a=b",
    "RET", "RET=", "ENVID=", "=", "X=",
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), MAIL)
def test_mail(text: str, expected: Envelope) -> None:
    assert parse_mail(text, OFFERED) == expected


@pytest.mark.parametrize(("text", "expected"), RCPT)
def test_rcpt(text: str, expected: Recipient) -> None:
    assert parse_rcpt(text, OFFERED) == expected


@pytest.mark.parametrize("parameters", BAD)
def test_bad_parameters(parameters: str) -> None:
    with pytest.raises(BadParameter):
        parse_mail(f"<a@b.example> {parameters}", OFFERED)


@pytest.mark.parametrize("orcpt", ["utf-8;a\x85b", "utf-8;a\u2028b", "utf-8;a\x7fb", "utf-8;"])
def test_bad_orcpt(orcpt: str) -> None:
    with pytest.raises(BadParameter):
        parse_rcpt(f"<a@b.example> ORCPT={orcpt}", OFFERED)


def test_parameters_of_extensions_not_offered_are_unknown() -> None:
    for text in ("SIZE=1", "BODY=7BIT", "SMTPUTF8", "AUTH=<>", "RET=FULL", "ENVID=x"):
        with pytest.raises(UnknownParameter):
            parse_mail(f"<a@b.example> {text}", frozenset())


def test_a_path_is_needed_before_its_parameters() -> None:
    for text in ("", "a@b.example", "SIZE=1"):
        with pytest.raises(ValueError, match="not a path"):
            parse_mail(text, OFFERED)
    with pytest.raises(BadParameter, match="behind the path"):
        parse_mail("<a@b.example>SIZE=1", OFFERED)
