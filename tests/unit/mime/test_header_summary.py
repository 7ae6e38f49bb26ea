"""The fields that a relay reads."""

import pytest

from gatepost.mime.header_summary import MAX_FIELDS, Summary, read_fields, read_summary

# fmt: off
HEADERS = [
    (b"From: a@b.example\r\nSubject: s\r\nMessage-ID: <1@b>\r\n\r\nbody", Summary("s", "<1@b>")),
    (b"FROM : a@b.example\r\nsubject:s\r\nMESSAGE-id:\t<1@b>\r\n\r\n", Summary("s", "<1@b>")),
    (b"Subject: a\r\n\tb\r\n c\r\n\r\n",                   Summary("a b c")),
    (b"Subject: first\r\nSubject: second\r\n\r\n",        Summary("first")),
    (b"Subject: s",                                       Summary("s")),
    (b"Subject:\r\n\r\n",                                 Summary("")),
    (b"X-Subject: x\r\nSubjects: y\r\nSubject-X: x\r\n\r\n", Summary()),
    (b"X: y\r\n Subject: folded\r\n\r\n",                 Summary()),
    (b"X: y\r\n\r\nSubject: body\r\n",                    Summary()),
    (b"\r\nSubject: body\r\n\r\n",                        Summary()),
    (b"\r\n\r\nSubject: body\r\n\r\n",                    Summary()),
    (b"no field\r\nSubject: s\r\n\r\n",                   Summary("s")),
    (b"Subject: \xfc\r\n\r\n",                             Summary("\udcfc")),
    ("Subject: grüße\r\n\r\n".encode(),                   Summary("grüße")),
    (b"",                                                 Summary()),
]
# fmt: on


@pytest.mark.parametrize(("content", "expected"), HEADERS)
def test_summary(content: bytes, expected: Summary) -> None:
    assert read_summary(content) == expected


@pytest.mark.parametrize("unit", [b"Subject:", b"\r\n ", b"S", b"Subject: a\r\n", b"\r\n\t\r\n"])
def test_takes_linear_time(unit: bytes) -> None:
    assert read_summary(unit * 60_000) is not None


def test_fields_are_read_by_name() -> None:
    head = b"X-A: one\r\n\ttwo\r\nSubject : s\r\nx-a:\r\n three\r\n\r\nX-B: body\r\n"
    assert read_fields(head) == (("x-a", "one two"), ("subject", "s"), ("x-a", " three"))
    assert read_fields(b"\r\nX-B: body\r\n") == ()
    assert len(read_fields(b"A: b\r\n" * 1_000)) == MAX_FIELDS
    assert read_fields(b"no field\r\nA: b\r\n") == ()
    assert read_fields(b" folded first\r\n") == ()
