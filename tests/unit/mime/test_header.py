"""The fields that a relay reads."""

import pytest

from gatepost.mime.header import MAX_HEADER, Summary, read_summary

# fmt: off
HEADERS = [
    (b"From: a@b.example\r\nSubject: s\r\nMessage-ID: <1@b>\r\n\r\nbody",
     Summary(("a@b.example",), "s", "<1@b>")),
    (b"FROM : a@b.example\r\nsubject:s\r\nMESSAGE-id:\t<1@b>\r\n\r\n",
     Summary(("a@b.example",), "s", "<1@b>")),
    (b"From: Ann\r\n <a@b.example>\r\nSubject: a\r\n\tb\r\n c\r\n\r\n",
     Summary(("Ann <a@b.example>",), "a b c")),
    (b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n", Summary(("a@b.example", "c@d.example"))),
    (b"Subject: first\r\nSubject: second\r\n\r\n",      Summary((), "first")),
    (b"From: a@b.example",                              Summary(("a@b.example",))),
    (b"From:\r\n\r\n",                                  Summary(("",))),
    (b"X-From: x\r\nFromage: brie\r\nFrom-Field: x\r\n\r\n", Summary()),
    (b"X: y\r\n From: folded@b.example\r\n\r\n",        Summary()),
    (b"X: y\r\n\r\nFrom: body@b.example\r\n",           Summary()),
    (b"\r\nFrom: body@b.example\r\n\r\n",               Summary()),
    (b"\r\n\r\nFrom: body@b.example\r\n\r\n",           Summary()),
    (b"no field\r\nFrom: a@b.example\r\n\r\n",          Summary(("a@b.example",))),
    (b"Subject: \xfc\r\n\r\n",                          Summary((), "\udcfc")),
    ("Subject: grüße\r\n\r\n".encode(),                 Summary((), "grüße")),
    (b"",                                               Summary()),
]
# fmt: on


@pytest.mark.parametrize(("content", "expected"), HEADERS)
def test_summary(content: bytes, expected: Summary) -> None:
    assert read_summary(content) == expected


def test_says_when_there_may_be_more() -> None:
    filler = b"X: " + b"y" * MAX_HEADER + b"\r\nFrom: hidden@b.example\r\n\r\n"
    summary = read_summary(b"From: a@b.example\r\n" + filler)
    assert summary.from_ == ("a@b.example",)
    assert not summary.complete


def test_a_long_body_is_no_long_header() -> None:
    assert read_summary(b"From: a@b.example\r\n\r\n" + b"y" * MAX_HEADER * 2).complete


@pytest.mark.parametrize("unit", [b"From:", b"\r\n ", b"F", b"From: a\r\n", b"\r\n\t\r\n"])
def test_takes_linear_time(unit: bytes) -> None:
    assert read_summary(unit * 60_000) is not None
