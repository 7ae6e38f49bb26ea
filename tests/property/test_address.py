"""Addresses, paths and their parameters: any text either parses or raises ValueError."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.address import parse_address, parse_path
from gatepost.wire.server.parameters import OF_MAIL, OF_RCPT, parse_mail, parse_rcpt

NEAR = st.text(
    st.sampled_from('ab.@<>"\\ []:,;-_=+()0\x00\x7f\x85\u2028é用\ud800\udce4'), max_size=30
)
TEXT = st.one_of(st.text(max_size=40), NEAR)
OFFERED = frozenset(one.extension for table in (OF_MAIL, OF_RCPT) for one in table.values())
PARAMETER = st.builds(
    "{}={}".format, st.sampled_from([*OF_MAIL, *OF_RCPT, "X"]), st.text(max_size=12)
)


@given(TEXT)
def test_an_address_is_spelled_as_it_came(text: str) -> None:
    with contextlib.suppress(ValueError):
        address = parse_address(text)
        assert str(address) == text
        assert parse_address(str(address)) == address
        assert parse_path(f"<{address}>") == (address, "")
        text.encode()
        assert not any(sign in text for sign in "\r\n\0\x85\u2028")


@given(TEXT)
def test_a_path_keeps_what_follows_it(text: str) -> None:
    with contextlib.suppress(ValueError):
        address, rest = parse_path(text)
        assert text.endswith(rest)
        assert text.startswith("<")
        if address is not None:
            assert parse_address(str(address)) == address


@given(st.one_of(TEXT, st.lists(PARAMETER, max_size=4).map(lambda p: "<a@b.c> " + " ".join(p))))
def test_mail_and_rcpt_raise_nothing_but_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_mail(text, OFFERED)
    with contextlib.suppress(ValueError):
        parse_rcpt(text, OFFERED)
