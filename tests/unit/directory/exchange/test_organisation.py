"""What an organisation may have in it: anything that an operator has written."""

import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gatepost.cli.exchange import _toml
from gatepost.directory.exchange.organisation import Moment, Organisation, wait_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("key", ["licenses", "recipient_rate_limit", "external_recipient_limit"])
@pytest.mark.parametrize("count", [-1, 10**10, 10**400, 1.5, True])
def test_a_number_that_is_no_count(key: str, count: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({key: count}, Organisation)


def test_a_billion_licenses_have_a_limit() -> None:
    assert msgspec.convert({"licenses": 10**9}, Organisation).external_limit > 10**6


# fmt: off
TIMES = [
    ("9999-12-31T23:59:59-14:00", True),
    ("0001-01-01T00:00:00+14:00", False),
    ("2026-11-01T00:00:00Z",      True),
    ("2026-10-31T23:00:00Z",      False),
]
# fmt: on


@pytest.mark.parametrize(("since", "has_to_wait"), TIMES)
def test_a_grant_of_any_year(since: str, *, has_to_wait: bool) -> None:
    wait = wait_of(msgspec.convert(since, Moment), timedelta(hours=1), NOW)
    assert (wait > timedelta(0)) is has_to_wait


def test_what_is_shown_can_be_applied() -> None:
    text = '\u00fc\U0001f600 "\\\n'
    shown: dict[str, Any] = {
        "accepted_domains": ["contoso.com"], "security_defaults": True,
        "mailbox": [{"address": "\U0001f600@contoso.com", "full_access": [{"to": text}]}],
    }  # fmt: skip
    assert tomllib.loads(_toml(shown)) == shown
    assert msgspec.convert(shown, Organisation).mailbox[0].full_access[0].to == text
