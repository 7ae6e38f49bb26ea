"""Hostile From fields."""

import contextlib
from email.headerregistry import Address as HeaderAddress

from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.mailboxes import parse_mailboxes

PARTS = st.sampled_from(
    ["a@b.example", "<c@d.example>", '"', "(", ")", ",", ";", ":", "<", ">", "\\", " ", "Ann", "@",
     '"x, y"', "(c)", "\t", "é", "\udce4", "[192.0.2.1]"]
)  # fmt: skip
FIELDS = st.one_of(st.lists(PARTS, max_size=10).map("".join), st.text(max_size=40))
LOCAL = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."),
    min_size=1,
    max_size=12,
).filter(lambda local: "=?" not in local)
NAME = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


@given(FIELDS)
def test_names_mailboxes_or_raises_value_error(field: str) -> None:
    with contextlib.suppress(ValueError):
        found = parse_mailboxes(field)
        assert found
        for address in found:
            assert str(address).replace(" ", "") in field.replace(" ", "")


@given(FIELDS)
def test_every_bare_address_outside_of_quotes_is_seen_or_the_field_refused(field: str) -> None:
    """A reader that looks for anything like an address finds none that was not checked."""
    if any(sign in field for sign in '"(\\'):
        return
    with contextlib.suppress(ValueError):
        seen = {str(address) for address in parse_mailboxes(field)}
        if "<c@d.example>" in field:
            assert "c@d.example" in seen
        elif "a@b.example" in field:
            assert any("a@b.example" in one for one in seen)


@given(st.lists(st.tuples(NAME, LOCAL), min_size=1, max_size=4))
def test_reads_what_the_standard_library_writes(people: list[tuple[str, str]]) -> None:
    written = ", ".join(str(HeaderAddress(name, local, "b.example")) for name, local in people)
    assert [one.domain for one in parse_mailboxes(written)] == ["b.example"] * len(people)
