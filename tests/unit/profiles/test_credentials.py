"""Names and secrets in a provider's shape."""

import re

import pytest

from gatepost.profiles import available_profiles, load_profile
from gatepost.profiles.credentials import fill_template


@pytest.mark.parametrize(
    ("template", "shape"),
    [
        ("apikey", "apikey"),
        ("AKIA{upper:16}", r"AKIA[A-Z0-9]{16}"),
        ("SG.{base64url:22}.{base64url:43}", r"SG\.[\w-]{22}\.[\w-]{43}"),
        ("{lower:4}-{digits:3}", r"[a-z]{4}-\d{3}"),
        ("B{base64:43}", r"B[A-Za-z0-9+/]{43}"),
        ("{hex:14}", r"[0-9a-f]{14}"),
        ("{guid}", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("{profile}/{username}", "gmail/me"),
        ("", ""),
    ],
)
def test_a_template_is_filled(template: str, shape: str) -> None:
    known = {"profile": "gmail", "username": "me"}
    assert re.fullmatch(shape, fill_template(template, known))


def test_chance_is_chance() -> None:
    assert fill_template("{alnum:34}", {}) != fill_template("{alnum:34}", {})


@pytest.mark.parametrize(
    "place", ["{}", "{hexa:3}", "{hex:0}", "{hex:10000}", "{hex}", "{profile}"]
)
def test_an_unknown_place_is_an_error(place: str) -> None:
    with pytest.raises(ValueError, match="is not a known placeholder here"):
        fill_template(f"a{place}b", {})


@pytest.mark.parametrize("name", available_profiles())
def test_the_accounts_name_has_the_form_that_its_profile_asks_for(name: str) -> None:
    profile = load_profile(name)
    if profile.quirk.cause != "username_format":
        username = fill_template(profile.account.username, {"profile": name})
        pattern = profile.auth.username_pattern
        assert not pattern or re.fullmatch(pattern, username)
