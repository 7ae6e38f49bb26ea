"""Refresh tokens from a provider that replace the configured one."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gatepost.errors import ConfigError
from gatepost.keys.refresh_tokens import AGAIN, FORGOTTEN, StoredRefreshToken, StoredRefreshTokens
from gatepost.keys.store_key import open_key
from gatepost.model.secret import Secret
from gatepost.testing.clock import FakeClock
from tests.simulated_delivery import run


class Configured:
    """The configured token."""

    value = "first"

    def __call__(self) -> Secret:
        if not self.value:
            raise ConfigError("it cannot be read")
        return Secret(self.value)


class Told:
    """The reports."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))


def of(home: Path, name: str, configured: Configured) -> StoredRefreshToken:
    return StoredRefreshTokens(open_key(home), Told()).of(name, configured)


def test_the_newest_counts_over_restarts_until_another_is_configured(tmp_path: Path) -> None:
    configured = Configured()
    kept = of(tmp_path, "gmail", configured)
    assert kept.read() == Secret("first")
    kept.keep(Secret("second"))
    assert of(tmp_path, "gmail", configured).read() == Secret("second")
    assert of(tmp_path, "other", configured).read() == Secret("second")
    other = Configured()
    other.value = "another"
    assert of(tmp_path, "gmail", other).read() == Secret("another")
    configured.value = "by hand"
    assert kept.read() == Secret("by hand")


def test_a_token_follows_the_one_that_it_was_given_for(tmp_path: Path) -> None:
    """It does not replace one that an operator configured during the request."""
    configured = Configured()
    kept = of(tmp_path, "gmail", configured)
    kept.read()
    configured.value = "by hand"
    kept.keep(Secret("second"))
    assert kept.read() == Secret("by hand")


def test_a_file_of_an_earlier_version_counts_until_the_next_token(tmp_path: Path) -> None:
    kept, place = of(tmp_path, "gmail", Configured()), tmp_path / "tokens"
    kept.read()
    kept.keep(Secret("second"))
    [file] = place.iterdir()
    file.rename(place / "gmail")
    assert kept.read() == Secret("second")
    kept.keep(Secret("third"))
    assert kept.read() == Secret("third")
    assert [each.name for each in place.iterdir()] == [file.name]


def test_it_is_sealed(tmp_path: Path) -> None:
    kept = of(tmp_path, "gmail", Configured())
    kept.read()
    kept.keep(Secret("second"))
    [file] = (tmp_path / "tokens").iterdir()
    assert b"second" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(100)])
def test_a_damaged_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    kept = of(tmp_path, "gmail", Configured())
    kept.read()
    kept.keep(Secret("second"))
    [file] = (tmp_path / "tokens").iterdir()
    file.write_bytes(content)
    assert kept.read() == Secret("first")


def test_without_a_configured_one_there_is_none(tmp_path: Path) -> None:
    configured = Configured()
    configured.value = ""
    with pytest.raises(ConfigError):
        of(tmp_path, "gmail", configured).read()


def test_an_unwritable_token_is_used_reported_once_and_written_later(tmp_path: Path) -> None:
    told, clock = Told(), FakeClock()
    tokens = StoredRefreshTokens(open_key(tmp_path), told)
    kept = tokens.of("gmail", Configured())

    async def main() -> None:
        (tmp_path / "tokens").write_bytes(b"")  # in the way
        kept.read()
        kept.keep(Secret("second"))
        assert tokens.of("after a reload", Configured()).read() == Secret("second")
        await asyncio.sleep(3 * AGAIN)
        [(event, facts)] = told.events
        assert event == "refresh_token_not_kept"
        assert facts == {"credential": "gmail", "reason": "File exists"}
        (tmp_path / "tokens").unlink()
        await asyncio.sleep(AGAIN)

    run(clock, main())
    assert told.events[1:] == [("refresh_token_kept", {"credential": "gmail"})]
    assert of(tmp_path, "gmail", Configured()).read() == Secret("second")


def test_the_end_is_a_last_chance_to_write_it(tmp_path: Path) -> None:
    tokens = StoredRefreshTokens(open_key(tmp_path), Told())

    async def main() -> None:
        (tmp_path / "tokens").write_bytes(b"")
        kept = tokens.of("gmail", Configured())
        kept.read()
        kept.keep(Secret("second"))
        (tmp_path / "tokens").unlink()
        tokens.close()

    asyncio.run(main())
    assert of(tmp_path, "gmail", Configured()).read() == Secret("second")


def test_tokens_of_a_replaced_configuration_are_removed_after_a_time(tmp_path: Path) -> None:
    tokens, mine, before = (
        StoredRefreshTokens(open_key(tmp_path), Told()),
        Configured(),
        Configured(),
    )
    before.value = "before"
    for each in (mine, before):
        kept = tokens.of("gmail", each)
        kept.read()
        kept.keep(Secret(f"after {each.value}"))
    unreadable = Configured()
    unreadable.value = ""

    def left_after(seconds: float, *configured: Configured) -> int:
        files = list((tmp_path / "tokens").iterdir())
        for each in files:
            os.utime(each, (time.time() - seconds,) * 2)
        tokens.keep_only({f"box {each.value}": each for each in configured})
        return len(list((tmp_path / "tokens").iterdir()))

    assert left_after(FORGOTTEN - 60, mine) == 2
    assert left_after(FORGOTTEN + 60, mine, unreadable) == 2  # it may have led there
    assert left_after(FORGOTTEN + 60, mine) == 1
    assert tokens.of("gmail", mine).read() == Secret("after first")
