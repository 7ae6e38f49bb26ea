"""The mailboxes of a From field: plain, legal, and deceptive ones."""

import pytest

from gatepost.mime.mailboxes import parse_mailboxes

# fmt: off
NAMED = [
    ("a@b.example",                                 ["a@b.example"]),
    ("Ann <a@b.example>",                           ["a@b.example"]),
    ("<a@b.example>",                               ["a@b.example"]),
    ("  Ann <a@b.example>  ",                       ["a@b.example"]),
    ('"Ann, of B" <a@b.example>',                   ["a@b.example"]),
    (r'"Ann \"the\" <x@y.example>" <a@b.example>',  ["a@b.example"]),
    ("a@b.example (Ann)",                           ["a@b.example"]),
    ("(Ann (of B)) a@b.example",                    ["a@b.example"]),
    (r"a@b.example (\) c@d.example)",               ["a@b.example"]),
    ("Ann <a@b.example> (boss)",                    ["a@b.example"]),
    ("Ann <a@b.example(here)>",                     ["a@b.example"]),
    ("a@b.example, c@d.example",                    ["a@b.example", "c@d.example"]),
    ("a@b.example; c@d.example",                    ["a@b.example", "c@d.example"]),
    ("A <a@b.example>,, C <c@d.example>,",          ["a@b.example", "c@d.example"]),
    ("Team: a@b.example, C <c@d.example>;",         ["a@b.example", "c@d.example"]),
    ("Team: a@b.example;, e@f.example",             ["a@b.example", "e@f.example"]),
    ("a@b.example <c@d.example>",                   ["c@d.example"]),
    ('"a b"@c.example',                             ['"a b"@c.example']),
    ('"<x@y.example>"@c.example',                   ['"<x@y.example>"@c.example']),
    ("a@[192.0.2.1]",                               ["a@[192.0.2.1]"]),
    ("a@[IPv6:2001:db8::1]",                        None),
    ("<a@[IPv6:2001:db8::1]>",                      ["a@[IPv6:2001:db8::1]"]),
    ("=?utf-8?q?J=C3=BCrgen?= <a@b.example>",       ["a@b.example"]),
    ("Jürgen <jürgen@bücher.example>",              ["jürgen@bücher.example"]),
    ("\udce4 <a@b.example>",                        ["a@b.example"]),
]
# fmt: on


@pytest.mark.parametrize(("field", "expected"), NAMED)
def test_names(field: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"."):
            parse_mailboxes(field)
    else:
        assert [str(address) for address in parse_mailboxes(field)] == expected


# A hidden second author, for readers that see one where we see the other.
HOSTILE = [
    "",
    "   ",
    "Ann",
    "<>",
    "Ann <>",
    "Team:;",
    "undisclosed-recipients:;",
    "a@b.example c@d.example",
    "a@b.example <c@d.example",
    "a@b.example> <c@d.example>",
    "<a@b.example> c@d.example",
    "<a@b.example> <c@d.example>",
    "<a@b.example>: c@d.example",
    "c@d.example: a@b.example;",
    '"c@d.example": a@b.example;',
    "<c@d.example,a@b.example>",
    "<@hop.example:a@b.example>",
    "<<a@b.example>>",
    "(unclosed a@b.example",
    "unopened) a@b.example",
    '"unclosed a@b.example',
    '(") <c@d.example> (") a@b.example',
    r"\<a@b.example>",
    "a@b.example\\",
    "a @b.example",
    "a@b.example\x00",
    "a@b.example\u2028c@d.example",
    "a@b.example\x85",
    "\udce4@b.example",
    "a@\udce4.example",
    "a@b..example",
    "@b.example",
    "a@",
    "=?utf-8?Q?c=40d.example=3E?=@b.example",
    "Ann <=?utf-8?B?Y0BkLmV4YW1wbGU=?=@b.example>",
]


@pytest.mark.parametrize("field", HOSTILE)
def test_refuses_what_can_be_read_in_two_ways(field: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_mailboxes(field)


def test_a_quote_within_a_comment_hides_no_author() -> None:
    field = 'a@b.example (") , c@d.example (")'
    assert [str(one) for one in parse_mailboxes(field)] == ["a@b.example", "c@d.example"]


@pytest.mark.parametrize("unit", ['"', "(", '\\"', "a,", "<", "((", '"\\', "a@b.c,", "a.", "()"])
def test_takes_linear_time(unit: str) -> None:
    field = unit * 30_000
    try:
        assert parse_mailboxes(field)
    except ValueError:
        pass
