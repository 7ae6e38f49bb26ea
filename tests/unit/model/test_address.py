"""Mailboxes and paths (RFC 5321 4.1.2, RFC 6531 3.3)."""

import pytest

from gatepost.model.address import MAX_PATH, Address, parse_address, parse_path

# fmt: off
MAILBOXES = [
    ("a@b.example",                     Address("a", "b.example")),
    ("a.b+c-d_e@b.example",             Address("a.b+c-d_e", "b.example")),
    ("!#$%&'*+/=?^_`{|}~-@b.example",   Address("!#$%&'*+/=?^_`{|}~-", "b.example")),
    ('"a b"@b.example',                 Address('"a b"', "b.example")),
    (r'"a\"b@c"@b.example',             Address(r'"a\"b@c"', "b.example")),
    ('""@b.example',                    Address('""', "b.example")),
    ("a@localhost",                     Address("a", "localhost")),
    ("a@mail_1._tcp.b_.example",        Address("a", "mail_1._tcp.b_.example")),
    ("a@B.Example",                     Address("a", "B.Example")),
    ("a@xn--bcher-kva.example",         Address("a", "xn--bcher-kva.example")),
    ("a@[192.0.2.1]",                   Address("a", "[192.0.2.1]")),
    ("a@[IPv6:2001:db8::1]",            Address("a", "[IPv6:2001:db8::1]")),
    ("jürgen@bücher.example",           Address("jürgen", "bücher.example")),
    ("用户@例子.example",                Address("用户", "例子.example")),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), MAILBOXES)
def test_mailbox(text: str, expected: Address) -> None:
    assert parse_address(text) == expected
    assert str(expected) == text
    assert parse_path(f"<{text}> SIZE=1") == (expected, " SIZE=1")


NO_MAILBOXES = [
    "", "a", "@b.example", "a@", "a@b@c.example", ".a@b.example", "a.@b.example", "a..b@c.example",
    "a b@c.example", "a@b c.example", "a@b..example", "a@.example", "a@b.example.", "a@-b.example",
    "a@b-.example", '"a@b.example', 'a"b@c.example', '"a"b@c.example',
    '"a\nb"@c.example', '"a\\\n"@c.example', "a@[192.0.2]", "a@[192.0.2.1", "a@192.0.2.1]",
    "a@[x]", "a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example\n", "a\0@b.example",
    "a\x85b@c.example", "a@b.exam\u2028ple", "a\ud800@b.example", "a@b\udce4.example",
    "(a)a@b.example", "a@b.example ", " a@b.example", "<a@b.example>",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MAILBOXES)
def test_no_mailbox(text: str) -> None:
    with pytest.raises(ValueError, match="not a mailbox"):
        parse_address(text)


# fmt: off
PATHS = [
    ("<>",                               None,                      ""),
    ("<> SIZE=1",                        None,                      " SIZE=1"),
    ("<@hop.example:a@b.example>",       Address("a", "b.example"), ""),
    ("<@h.example,@i.example:a@b.example>x", Address("a", "b.example"), "x"),
    ('<"a>b"@c.example>',                Address('"a>b"', "c.example"), ""),
]
# fmt: on


@pytest.mark.parametrize(("text", "address", "rest"), PATHS)
def test_path(text: str, address: Address | None, rest: str) -> None:
    assert parse_path(text) == (address, rest)


@pytest.mark.parametrize(
    "text",
    ["", "a@b.example", "<a@b.example", "<a>", "< a@b.example>", "<<a@b.example>>", "<@h:>",
     "<@h.example,a@b.example>", " <a@b.example>", "<a@b.example\n>"],
)  # fmt: skip
def test_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        parse_path(text)


def test_a_path_may_have_256_octets() -> None:
    local = "a" * (MAX_PATH - len("<@b.example>"))
    assert parse_path(f"<{local}@b.example>")[0] == parse_address(f"{local}@b.example")
    with pytest.raises(ValueError, match="not a path"):
        parse_path(f"<{local}a@b.example>")
    with pytest.raises(ValueError, match="not a mailbox"):
        parse_address(f"{local}a@b.example")


def test_the_limit_counts_octets() -> None:
    with pytest.raises(ValueError, match="not a mailbox"):
        parse_address("ü" * 125 + "@b.example")


def test_equal_mailboxes_have_equal_keys() -> None:
    assert parse_address("A@B.Example").key == parse_address("A@b.example").key
    assert parse_address("A@b.example").key != parse_address("a@b.example").key


@pytest.mark.parametrize("unit", ["a", "a.", "a-", '"', '\\"', "@a,", "ü"])
def test_takes_linear_time(unit: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_address("a@" + unit * 50_000 + "!")
    with pytest.raises(ValueError, match="not a"):
        parse_path("<@" + unit * 50_000)
