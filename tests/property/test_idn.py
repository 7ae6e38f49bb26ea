"""Every ASCII form that we produce is that of the reference implementation of IDNA 2008."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.model.idn import a_labels

idna = pytest.importorskip("idna")

LETTERS = st.characters(categories=["Ll", "Lo", "Mn", "Nd"], max_codepoint=0x2FFF)


@example("\u13f8")
@example("stra\u1e9ee")
@example("\u1c80")
@example("0\u180f")
@example("\u212a")
@given(st.text(LETTERS, min_size=1, max_size=20))
def test_agrees_with_the_reference(label: str) -> None:
    try:
        ours = a_labels(label)
        theirs = idna.encode(label, uts46=True).decode()
    except (ValueError, idna.IDNAError):  # each refuses what the other may not
        return
    assert ours.lower() == theirs
