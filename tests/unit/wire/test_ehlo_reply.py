"""EHLO replies as servers write them."""

import pytest

from gatepost.model.reply import Reply
from gatepost.wire.ehlo_reply import parse_capabilities

MECHANISMS = [
    # lines after the first                          mechanisms
    (["AUTH LOGIN"], ("LOGIN",)),
    (["AUTH LOGIN PLAIN"], ("LOGIN", "PLAIN")),
    (["AUTH=LOGIN PLAIN"], ("LOGIN", "PLAIN")),
    (["AUTH LOGIN PLAIN", "AUTH=LOGIN"], ("LOGIN", "PLAIN")),
    (["AUTH=LOGIN", "AUTH XOAUTH2"], ("LOGIN", "XOAUTH2")),
    (["auth login Plain"], ("LOGIN", "PLAIN")),
    (["Auth=login"], ("LOGIN",)),
    (["AUTH"], ()),
    (["AUTH="], ()),
    (["STARTTLS"], ()),
    ([], ()),
]


@pytest.mark.parametrize(("lines", "mechanisms"), MECHANISMS)
def test_mechanisms(lines: list[str], mechanisms: tuple[str, ...]) -> None:
    assert parse_capabilities(Reply(250, "\n".join(["host", *lines]))).mechanisms == mechanisms


def test_a_whole_reply() -> None:
    lines = ("SIZE 31457280", "starttls", "", "8BITMIME", "LIMITS RCPTMAX=50  MAILMAX=9")
    offered = parse_capabilities(Reply(250, "\n".join(["mail.example Hello [192.0.2.1]", *lines])))
    assert offered.greeting == "mail.example Hello [192.0.2.1]"
    assert offered.lines == lines
    assert offered.size == 31_457_280
    assert "STARTTLS" in offered
    assert "starttls" in offered
    assert "PIPELINING" not in offered
    assert offered.keywords["LIMITS"] == ("RCPTMAX=50", "MAILMAX=9")


@pytest.mark.parametrize("line", ["SIZE", "SIZE many", "SIZE -1", ""])
def test_no_size(line: str) -> None:
    assert parse_capabilities(Reply(250, f"host\n{line}")).size is None


def test_helo_offers_nothing() -> None:
    offered = parse_capabilities(Reply(250, "mail.example"))
    assert (offered.greeting, offered.lines, dict(offered.keywords)) == ("mail.example", (), {})
