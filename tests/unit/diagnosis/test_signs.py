"""The words that signs match."""

import pytest

from gatepost.diagnosis.signs.sign import has_words


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("line too long", "too long", True),
        ("auth login was a syntax error", "auth login *syntax error", True),
        ("syntax error in auth login", "auth login *syntax error", False),
        ("limited to 998 octets", "998", True),
        ("998", "998", True),
        ("resource.1a998-998b.tenant", "998", False),
        ("a998 and 998", "998", True),
        ("535 5.7.8 no", "535*5.7.8", True),
        ("a535f 5.7.8", "535*5.7.8", False),
    ],
)
def test_words_stand_in_order_and_numbers_for_themselves(
    text: str, words: str, found: bool
) -> None:
    assert has_words(text, words) is found
