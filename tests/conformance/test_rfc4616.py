"""The PLAIN mechanism."""

import pytest

from tests.conformance.talk import talk


def test_2_three_fields() -> None:
    """An identity to act as (empty, or the own one), the name, the password."""
    talk(r"C: AUTH PLAIN base64(\0{username}\0{password})" + "\nS: 235 ...\n")
    talk(r"C: AUTH PLAIN base64({username}\0{username}\0{password})" + "\nS: 235 ...\n")


def test_2_acting_as_another_is_refused() -> None:
    """The same refusal as for wrong credentials."""
    talk(r"C: AUTH PLAIN base64(admin\0{username}\0{password})" + "\nS: 535 5.7.8 ...\n")


@pytest.mark.parametrize("response", ["{username}", r"\0{username}", r"\0\0\0\0", r"a\0b\0c\0d"])
def test_2_any_other_number_is_malformed(response: str) -> None:
    """501, and the session goes on."""
    talk(f"C: AUTH PLAIN base64({response})\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")
