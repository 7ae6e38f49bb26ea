"""Everybody who may seem to have written a message."""

import pytest

from gatepost.mime.authors import MOST_AUTHORS, find_authors, read_authors

MANY = [f"{number}@example.com" for number in range(MOST_AUTHORS + 1)]

# fmt: off
MAILBOXES = [
    ("a@b.example",                                     ["a@b.example"]),
    ("Ann <a@b.example>, Bob <b@b.example>",            ["a@b.example", "b@b.example"]),
    ("a@b.example, A <a@b.example>",                    ["a@b.example"]),
    ("Team: a@b.example, c@d.example;",                 ["a@b.example", "c@d.example"]),
    ("Ann (of B) <a@b.example>",                        ["a@b.example"]),
    ('"Ann, \\"of\\" B" <a@b.example> (it is me)',      ["a@b.example"]),
    ("=?utf-8?q?J=C3=BCrgen?= <a@b.example>",           ["a@b.example"]),
    ("=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?= <a@b.example>", ["a@b.example"]),
    ("=?UTF-8?B?5qCq5byP5Lya56S+?= =?UTF-8?B?5Za25qWt?= <a@b.example>", ["a@b.example"]),
    ("=?x-unknown?q?Ann?= <a@b.example>",               ["a@b.example"]),
    ("=?idna?q?Ann?= <a@b.example>",                    ["a@b.example"]),
    ("=?utf-8?b?*?= <a@b.example>",                     ["a@b.example"]),
    ("株式会社 <a@b.example>",                           ["a@b.example"]),
    ("J\udcfcrgen <a@b.example>",                       ["a@b.example"]),
    ("Jürgen <jürgen@bücher.example>",                  ["jürgen@bücher.example"]),
    ("संपर्क <संपर्क@डाटामेल.भारत>",                           ["संपर्क@डाटामेल.भारत"]),
    ('"a b"@c.example',                                 ['"a b"@c.example']),
    ("Ann <a@[192.0.2.1]>",                             ["a@[192.0.2.1]"]),
    ("root@localhost (Cron Daemon)",                    ["root@localhost"]),
    # Its own address, as it is often shown.
    ('"a@b.example" <a@b.example>',                     ["a@b.example"]),
    ("a@b.example <a@b.example>",                       ["a@b.example"]),
    ('"A@B.Example" <a@b.example>',                     ["a@b.example"]),
    ("'a@b.example' <a@b.example>",                     ["a@b.example"]),
    ("\"'a@b.example'\" <a@b.example>",                 ["a@b.example"]),
    ('"Ann (a@b.example)" <a@b.example>',               ["a@b.example"]),
    ('"Ann: a@b.example." <a@b.example>',               ["a@b.example"]),
    ("=?utf-8?q?a=40b.example?= <a@b.example>",         ["a@b.example"]),
    ("a@b.example (a@b.example)",                       ["a@b.example"]),
    ("a@bücher.example (a@xn--bcher-kva.example)",      ["a@bücher.example"]),
    ("「a@b.example」 <a@b.example>",                    ["a@b.example"]),
    # No address.
    ("Sales @ Contoso <a@b.example>",                   ["a@b.example"]),
    ('"Sales @ Contoso" <a@b.example>',                 ["a@b.example"]),
    ('"Jobs @ Contoso.com" <a@b.example>',              ["a@b.example"]),
    ("@handle <a@b.example>",                           ["a@b.example"]),
    ("@ann.social.example <a@b.example>",               ["a@b.example"]),
    ('"Ann@Work" <a@b.example>',                        ["a@b.example"]),
    ("Meet us @ 9.30am <a@b.example>",                  ["a@b.example"]),
    ("=?utf-8?q?Caf=C3=A9_=40_Home?= <a@b.example>",    ["a@b.example"]),
    ("田中＠営業部 <a@b.example>",                        ["a@b.example"]),
    ("C@ <a@b.example>",                                ["a@b.example"]),
]
# fmt: on


@pytest.mark.parametrize(("field", "expected"), MAILBOXES)
def test_nobody_else_is_seen(field: str, expected: list[str]) -> None:
    content = f"From: {field}\r\n\r\n".encode("utf-8", "surrogateescape")
    assert [str(each) for each in read_authors(content)] == expected


SHOWN = [
    "c@d.example <a@b.example>",
    '"c@d.example" <a@b.example>',
    '"c@d.example (by way of Ann)" <a@b.example>',
    '"Mail to <c@d.example>" <a@b.example>',
    '"mailto:c@d.example" <a@b.example>',
    r'"\c\@d.example" <a@b.example>',
    '"c@d.example"<a@b.example>',
    'Ann "c@d.example" <a@b.example>',
    'c"@"d.example <a@b.example>',
    '"c"@d.example <a@b.example>',
    "c @ d.example <a@b.example>",
    "c@d . example <a@b.example>",
    "c@(at)d.example <a@b.example>",
    "c(x)@(y)d.(z)example <a@b.example>",
    "a@b.example (c@d.example)",
    "a@b.example (Ann (c@d.example))",
    "Ann (c@d.example) <a@b.example>",
    "=?utf-8?q?c=40d.example?= <a@b.example>",
    "=?utf-8?Q?c@d.example?= <a@b.example>",
    "=?utf-8?b?Y0BkLmV4YW1wbGU=?= <a@b.example>",
    "=?UTF-8?B?Y0BkLmV4YW1wbGU?= <a@b.example>",
    "=?utf-8?b?Y0Bk?= =?utf-8?q?=2Eexample?= <a@b.example>",
    "=?utf-8?q?c=40?= d.example <a@b.example>",
    "c =?utf-8?q?=40d.example?= <a@b.example>",
    '"=?utf-8?q?c=40d.example?=" <a@b.example>',
    "a@b.example (=?utf-8?q?c=40d.example?=)",
    "=?utf-8*en?q?c=40d.example?= <a@b.example>",
    "=?utf-7?q?c+AEA-d.example?= <a@b.example>",
    "=?utf-16-le?b?YwBAAGQALgBlAHgAYQBtAHAAbABlAA==?= <a@b.example>",
    "=?x-unknown?q?c=40d.example?= <a@b.example>",
    "=?utf-8?q?c=EF=BC=A0d=EF=BC=8Eexample?= <a@b.example>",
    "c＠d.example <a@b.example>",
    '"c﹫d。example" <a@b.example>',
    '"c@d\u200b.example" <a@b.example>',
    '"c\u2060@d.exam\u00adple" <a@b.example>',
    "Team: a@b.example (c@d.example);",
    'Ann <"c@d.example"@b.example>',
    '"<c@d.example>"@b.example',
    "c＠d.example@b.example",
]


@pytest.mark.parametrize("field", SHOWN)
def test_every_address_that_is_shown_counts(field: str) -> None:
    assert "c@d.example" in [str(each) for each in find_authors(field)]


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("root@localhost <a@b.example>", "root@localhost"),
        ("c@[192.0.2.1] <a@b.example>", "c@[192.0.2.1]"),
        ('"c@192.0.2.1" <a@b.example>', "c@192.0.2.1"),
        ('"c@[192.0.2.1]" <a@b.example>', "c@[192.0.2.1]"),
        ("xa@b.example <a@b.example>", "xa@b.example"),
        ('"a@b.example.org" <a@b.example>', "a@b.example.org"),
        ('"c@xn--bcher-kva.example" <a@b.example>', "c@xn--bcher-kva.example"),
        ('"ﬁ@b.example" <fi@b.example>', "ﬁ@b.example"),
    ],
)
def test_another_address_is_not_the_mailbox(field: str, other: str) -> None:
    assert other in [str(each) for each in find_authors(field)]


UNCLEAR = [
    "",
    "a person",
    "a@b.example, <",
    "a@b.example\0",
    "Ann\0 <a@b.example>",
    '"Ann\x1b[2J" <a@b.example>',
    "Ann\x85 <a@b.example>",
    "Ann\u2028 <a@b.example>",
    "Ann\x7f <a@b.example>",
    '"\u202emoc.elpmaxe@b" <a@b.example>',
    "=?utf-8?q?=E2=80=AEmoc?= <a@b.example>",
    "=?utf-8?q?Ann=0D=0AFrom:_c=40d.example?= <a@b.example>",
    "=?utf-8?q?Ann=00?= <a@b.example>",
    "<@c.example,@d.example:a@b.example>",
    "c@d.example: a@b.example;",
    ", ".join(MANY),
    f'"{" ".join(MANY)}" <0@example.com>',
]


@pytest.mark.parametrize("field", UNCLEAR)
def test_refuses_what_can_be_read_in_two_ways(field: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_authors(f"From: {field}\r\n\r\n".encode())


@pytest.mark.parametrize("control", "\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029")
def test_refuses_controls_at_the_ends_too(control: str) -> None:
    for value in (f"{control}a@b.example", f"a@b.example{control}"):
        with pytest.raises(ValueError, match="control"):
            read_authors(f"From: {value}\r\n\r\n".encode())


def test_every_field_counts() -> None:
    fields = "".join(f"From: {each}\r\n" for each in MANY[:MOST_AUTHORS])
    assert len(read_authors(fields.encode())) == MOST_AUTHORS
    with pytest.raises(ValueError, match=r"too many"):
        read_authors("".join(f"From: {each}\r\n" for each in MANY).encode())
    assert read_authors(b"Subject: nobody\r\n\r\n") == ()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    ["@", "a@", "a.@", '"', '"\\\\"', '"a@b.cc" ', "(a@b.cc)", "=?", "=?utf-8?q?=40?=",
     "=?utf-8?b?QA?= ", "=?utf-7?q?+AEA-?= ", ". ", " @ ", "a@b.", "\\", "＠", "=?a?b?=", "(" ],
)  # fmt: skip
def test_takes_linear_time(unit: str) -> None:
    for field in (f"{unit * 20_000} <a@b.example>", f'"{unit * 20_000}" <a@b.example>'):
        try:
            find_authors(field)
        except ValueError:
            pass
