"""A secret inside base64, at any offset."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.secret_encodings import SHORTEST, base64_fragments


@given(st.binary(max_size=7), st.binary(min_size=6, max_size=40), st.binary(max_size=7))
def test_one_fragment_is_in_every_encoding(before: bytes, secret: bytes, behind: bytes) -> None:
    encoded = base64.b64encode(before + secret + behind).decode()
    fragments = list(base64_fragments(secret))
    assert fragments[len(before) % 3] in encoded
    assert min(map(len, fragments)) >= SHORTEST


def test_a_secret_too_short_has_none() -> None:
    assert list(base64_fragments(b"ab")) == []
