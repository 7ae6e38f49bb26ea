"""No reader sees an author whom we did not find, whatever the From field and the header hold."""

from collections.abc import Iterator
from email import policy
from email._parseaddr import AddressList  # type: ignore[import-not-found]
from email.parser import BytesParser
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.authors import find_authors, read_authors

OWN = "p@example.com"
PARTS = st.sampled_from(
    [OWN, f"<{OWN}>", "evil@evil.example", "<evil@evil.example>", "evil", "@", "evil.example", ".",
     '"', "\\", "(", ")", ",", ";", ":", "<", ">", " ", "Ann", "é", "＠", "\u200b", "\t", "=40",
     "=?utf-8?q?evil=40evil.example?=", "=?utf-8?b?ZXZpbEBldmls?=", "=?utf-8?q?", "?="]
)  # fmt: skip
FIELDS = st.lists(PARTS, max_size=8).map("".join)
LINES = st.lists(
    st.sampled_from(
        [f"From: {OWN}", "From: evil@evil.example", "From", " ", "\t", ":", "\r\n", "\r\n", "\r\n",
         "\ufeff", "\0", "\x0b", "\x85", "\u2028", "X: y", "nothing", " evil@evil.example", ">",
         "From evil@evil.example", "\u00a0", "Ｆrom: evil@evil.example"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


def python_addresses(field: str) -> Iterator[str]:
    """Yield what the parsers of the standard library take for addresses."""
    yield from [address for _, address in AddressList(field).addresslist]
    header = policy.default.header_factory("From", field)
    yield from [each.addr_spec for each in header.addresses]


def is_evil(address: str) -> bool:
    return "evil.example" in address and "@" in address.strip("@")


@given(FIELDS)
def test_a_reader_that_is_not_strict_finds_nobody_else(field: str) -> None:
    try:
        found = {str(each) for each in find_authors(field)}
    except ValueError:
        return
    try:
        shown = set(filter(is_evil, python_addresses(field)))
    except Exception:  # noqa: BLE001 - the library fails in many ways
        return
    assert not shown or any("evil" in each for each in found), shown


def lenient_fields(content: bytes) -> Iterator[str]:
    """Yield the From fields that careless readers find: some skip empty lines at the start, and
    others lines that are no field."""
    yield from BytesParser(policy=policy.compat32).parsebytes(content).get_all("From", [])
    text = content.decode()
    yield from _careless(text.splitlines())
    late = text.lstrip("\r\n").splitlines()
    yield from _careless(list(takewhile(lambda line: ":" in line, late)))


def _careless(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if not line:
            return
        name, colon, value = line.partition(":")
        is_continuation = inside and line.startswith((" ", "\t"))
        inside = inside if is_continuation else bool(colon)
        if name.strip(" \t\0\ufeff\u00a0>").lower() == "from" and colon and not is_continuation:
            yield value


@given(LINES)
def test_a_careless_reader_finds_no_other_field(content: str) -> None:
    octets = content.encode()
    try:
        found = {str(each) for each in read_authors(octets)}
    except ValueError:
        return
    if any("evil" in str(field) for field in lenient_fields(octets)):
        assert any("evil" in each for each in found)
