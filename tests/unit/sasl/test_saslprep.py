"""SASLprep; the examples of RFC 4013 section 3, and its tables."""

import pytest

from gatepost.sasl.saslprep import saslprep
from tests.processor_time import run_within

EXAMPLES = [
    # RFC 4013, section 3
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    # section 2.1: other blanks become blanks, section 2.2: NFKC
    ("a\u00a0b", "a b"),
    ("a\u2003b", "a b"),
    ("a\u200bb", "a b"),
    ("e\u0301", "é"),
    ("ﬁ", "fi"),
    ("", ""),
    ("\u0627\u0628", "\u0627\u0628"),
    ("\u06271\u0628", "\u06271\u0628"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_examples(text: str, expected: str) -> None:
    assert saslprep(text, stored=True) == expected
    assert saslprep(saslprep(text, stored=True), stored=True) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0007",  # RFC 4013, section 3
        "\u06271",  # RFC 4013, section 3
        "a\u0627",
        "\u0627a\u0627",
        "\0",
        "\u0085",
        "\u2028",
        "\ue000",
        "\ufdd0",
        chr(0xD800),
        "\ufffd",
        "\u2ff0",
        "\u200e",
        "\U000e0041",
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_prohibited(text: str, stored: bool) -> None:
    with pytest.raises(ValueError, match=r"right-to-left|prohibits"):
        saslprep(text, stored=stored)


def test_unassigned_code_points_are_allowed_in_queries_only() -> None:
    assert saslprep("🔑", stored=False) == "🔑"
    with pytest.raises(ValueError, match=r"Unicode 3\.2"):
        saslprep("🔑", stored=True)


def test_a_text_that_grows_costs_little_for_each_letter() -> None:
    """Who is not signed in yet sends it, and a relay does nothing else meanwhile."""
    text = "\ufdfa" * 3_000
    prepared = run_within(0.8, lambda: [saslprep(text, stored=True) for _ in range(20)])
    assert {len(each) for each in prepared} == {54_000}
