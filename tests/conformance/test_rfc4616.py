"""The PLAIN mechanism."""

import pytest

from tests.conformance.talk import talk


def test_2_a_response_has_three_fields() -> None:
    """A response has three fields: authorization identity (empty, or the user's own name), user
    name, password."""
    talk(r"C: AUTH PLAIN base64(\0{username}\0{password})" + "\nS: 235 ...\n")
    talk(r"C: AUTH PLAIN base64({username}\0{username}\0{password})" + "\nS: 235 ...\n")


def test_2_another_authorization_identity_is_refused() -> None:
    """Another user's name as authorization identity gets 535 5.7.8, as wrong credentials do."""
    talk(r"C: AUTH PLAIN base64(admin\0{username}\0{password})" + "\nS: 535 5.7.8 ...\n")


@pytest.mark.parametrize("response", ["{username}", r"\0{username}", r"\0\0\0\0", r"a\0b\0c\0d"])
def test_2_any_other_number_of_fields_is_501(response: str) -> None:
    """A response with another number of fields gets 501 5.5.2, and the session continues."""
    talk(f"C: AUTH PLAIN base64({response})\nS: 501 5.5.2 ...\nC: NOOP\nS: 250 ...\n")
