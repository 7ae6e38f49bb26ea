"""From fields: where every reader finds them, and where only some do."""

import pytest

from gatepost.mime.from_fields import from_fields
from gatepost.mime.header_summary import MAX_HEADER

# fmt: off
FOUND = [
    (b"From: a@b.example\r\n\r\nbody",                      ["a@b.example"]),
    (b"To: x\r\nFROM : a@b.example\r\nSubject: s\r\n\r\n",  ["a@b.example"]),
    (b"from\t:a@b.example\r\n\r\n",                         ["a@b.example"]),
    (b"From: Ann\r\n <a@b.example>\r\n\r\n",                ["Ann <a@b.example>"]),
    (b"From: Ann\r\n \r\n <a@b.example>\r\n\r\n",           ["Ann  <a@b.example>"]),
    (b"From:\r\n\ta@b.example\r\n\r\n",                     ["a@b.example"]),
    (b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n",     ["a@b.example", "c@d.example"]),
    (b"From: a@b.example",                                  ["a@b.example"]),
    (b"From: a@b.example\r\n",                              ["a@b.example"]),
    (b"From:\r\n\r\n",                                      [""]),
    ("From: Jürgen <a@b.example>\r\n\r\n".encode(),         ["Jürgen <a@b.example>"]),
    (b"From: J\xfcrgen <a@b.example>\r\n\r\n",              ["J\udcfcrgen <a@b.example>"]),
    (b"no field\r\nFrom: a@b.example\r\n\r\n",              ["a@b.example"]),
    (b"X: y\r\n \r\nFrom: a@b.example\r\n\r\n",             ["a@b.example"]),
    ("Grüße: x\r\nFrom: a@b.example\r\n\r\n".encode(),      ["a@b.example"]),
    # Some readers skip empty lines at the start.
    (b"\r\nFrom: a@b.example\r\n\r\n",                      ["a@b.example"]),
    (b"\r\n\r\nX: y\r\nFrom: a@b.example\r\n\r\n",          ["a@b.example"]),
    (b"\r\nDear all\r\nFrom: me\r\n\r\n",                   []),
    # An envelope line of mbox, which some readers show.
    (b"From a@b.example Thu Jan  1 00:00:00 1970\r\n\r\n",  ["a@b.example"]),
    (b">From a@b.example\r\nFrom: c@d.example\r\n\r\n",     ["a@b.example", "c@d.example"]),
    (b"From - Thu Jan  1 00:00:00 1970\r\nX: y\r\n\r\n",    []),
    # Some readers show Sender in place of a missing From.
    (b"Sender: a@b.example\r\n\r\n",                        ["a@b.example"]),
    (b"Sender: a@b.example\r\nFrom: c@d.example\r\n\r\n",   ["c@d.example"]),
    (b"Sender: the printer\r\n\r\n",                        []),
    (b"Sender: =?utf-8?q?B=C3=BCro?=\r\n\r\n",              []),
    (b"Sender: =?utf-8?q?a=40b.example?=\r\n\r\n",          ["=?utf-8?q?a=40b.example?="]),
    (b"Sender: a\xef\xbc\xa0b.example\r\n\r\n",            ["a\uff20b.example"]),
    # Nobody finds one.
    (b"X-From: x\r\nFromage: brie\r\nFrom-Field: x\r\n\r\n", []),
    (b"X: y\r\n From: folded@b.example\r\n\r\n",            []),
    (b"X: y\r\n\r\nFrom: body@b.example\r\n",               []),
    (b"Subject: From: us\r\n\r\n",                          []),
    (b"Hello,\r\n\r\nI am writing to you.\r\n",             []),
    (b"Resent-From: a@b.example\r\n\r\n",                   []),
    (b"\r\n\r\n",                                           []),
    (b"\r\n",                                               []),
    (b"",                                                   []),
]
# fmt: on


@pytest.mark.parametrize(("content", "expected"), FOUND)
def test_finds(content: bytes, expected: list[str]) -> None:
    assert from_fields(content) == expected


UNCLEAR = [
    " From: c@d.example\r\n",
    "\tFrom: c@d.example\r\n",
    " X: y\r\n From: c@d.example\r\n",
    "\ufeffFrom: c@d.example\r\n",
    "\u200bFrom: c@d.example\r\n",
    "From\r\n : c@d.example\r\n",
    "From\r\n\t\r\n : c@d.example\r\n",
    "Fr\r\n om: c@d.example\r\n",
    "no field\r\n From: c@d.example\r\n",
    "From\u00a0: c@d.example\r\n",
    "From\0: c@d.example\r\n",
    "\0From: c@d.example\r\n",
    "F\0r\0o\0m\0: c@d.example\r\n",
    "Fr\x08om: c@d.example\r\n",
    "From\uff1a c@d.example\r\n",
    "Ｆｒｏｍ: c@d.example\r\n",
    ">From: c@d.example\r\n",
    "X: y\x0bFrom: c@d.example\r\n",
    "X: y\x0cFrom: c@d.example\r\n",
    "X: y\x85From: c@d.example\r\n",
    "X: y\u2028From : c@d.example\r\n",
    "X: y\0From: c@d.example\r\n",
]


@pytest.mark.parametrize("line", UNCLEAR)
@pytest.mark.parametrize("before", ["", "X: y\r\n \r\n", "\r\nX: y\r\n"])
def test_refuses_what_only_some_readers_take_for_a_field(line: str, before: str) -> None:
    if before and line.startswith((" ", "\t")):
        return  # it continues a field
    with pytest.raises(ValueError, match=r"some readers"):
        from_fields(f"{before}{line}From: a@b.example\r\n\r\nbody".encode())


@pytest.mark.parametrize("line", [b"\xffFrom: c@d.example\r\n", b"From\xa0: c@d.example\r\n"])
def test_refuses_octets_that_are_no_text(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"some readers"):
        from_fields(b"X: y\r\n" + line + b"\r\n")


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_refuses_wide_characters(charset: str) -> None:
    with pytest.raises(ValueError, match=r"some readers"):
        from_fields("From: a@b.example\r\n\r\nbody".encode(charset).replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    "start", [b"From: a@b.example\r\nX: " + b"y" * MAX_HEADER + b"\r\n", b"\r\n" * MAX_HEADER,
              b"\r\n" + b"X: y\r\n" * (MAX_HEADER // 6), b"X: " + b"y" * (MAX_HEADER - 5) + b"\r\n"]
)  # fmt: skip
def test_refuses_a_header_too_long_to_be_searched(start: bytes) -> None:
    with pytest.raises(ValueError, match=r"too long"):
        from_fields(start + b"From: hidden@b.example\r\n\r\n")


def test_a_long_body_is_no_long_header() -> None:
    for start in (b"From: a@b.example\r\n\r\n", b"From: a@b.example\r\n \r\nX: y\r\n\r\n"):
        assert from_fields(start + b"y" * MAX_HEADER * 2) == ["a@b.example"]
    assert from_fields(b"\r\nHello\r\n" + b"y" * MAX_HEADER * 2) == []


@pytest.mark.parametrize(
    "unit", [b"From:", b"\r\n ", b"F", b"From: a\r\n", b"\r\n\t\r\n", b"\0", b"a\r\n", b" \r\n"]
)
def test_takes_linear_time(unit: bytes) -> None:
    try:
        from_fields(unit * 60_000)
    except ValueError:
        pass
