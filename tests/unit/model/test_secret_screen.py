"""The quick look at a text: it may be wrong about what is harmless in one direction only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.model.secret_screen import may_have_secret, note_harmless
from gatepost.model.secret_search import SecretSearch
from tests.examples import examples
from tests.secret_forms import FORMS

SECRETS = ("xyz8Q~bGd5Jkw.9-Tt2", "hunter2", "pässwörd-1", "p w d", "0f3a9c1e77aa41d2", "Aa1")
HARMLESS = (
    "EHLO client.example.com",
    "MAIL FROM:<alice@example.com> SIZE=1200 BODY=8BITMIME",
    "RCPT TO:<bob.baker@example.net>",
    "AUTH PLAIN [redacted]",
    "[4096 octets of content]",
    "DATA\nQUIT",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_whatever_the_search_finds_is_suspected(secret: str, form: str) -> None:
    text = f"MAIL FROM:<{FORMS[form](secret)}@example.com>"
    if SecretSearch((secret,)).is_in(text):
        assert may_have_secret([text.encode("utf-8", "surrogateescape")], (secret,))


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    form=st.sampled_from(sorted(FORMS)),
    cut=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    around=st.tuples(st.text(max_size=10), st.text(max_size=10)),
)
@settings(max_examples=examples(3_000), deadline=None)
def test_parts_of_any_secret_are_suspected(
    secret: str, form: str, cut: tuple[int, int], around: tuple[str, str]
) -> None:
    part = secret[cut[0] : len(secret) - cut[1]]
    text = f"{around[0]}{FORMS[form](part)}{around[1]}"
    if SecretSearch((secret,)).is_in(text):
        assert may_have_secret([text.encode("utf-8", "surrogateescape")], (secret,))


def test_what_was_searched_need_not_be_searched_again() -> None:
    text, other = b"EHLO ip-10-0-12-34.eu-west-1.example", b"EHLO short-pw.example"
    for secrets in (("xyz8Q~bGd5Jkw.9-Tt2",), ("short",)):
        assert may_have_secret([text], secrets)
        note_harmless([text], secrets)
        assert not may_have_secret([text], secrets)
        assert may_have_secret([text], ("another",))
    assert may_have_secret([text, other], ("short",))


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_lines_need_no_search(text: str) -> None:
    assert not may_have_secret([text.encode("utf-8", "surrogateescape")], ("xyz8Q~bGd5Jkw.9-Tt2",))
