"""Refresh tokens that a provider gave in place of the configured one."""

from pathlib import Path

import pytest

from gatepost.app.keys import open_key
from gatepost.app.refresh_tokens import KeptToken
from gatepost.errors import ConfigError
from gatepost.model.secret import Secret


class Configured:
    """What the configuration names."""

    value = "first"

    def __call__(self) -> Secret:
        if not self.value:
            raise ConfigError("it cannot be read")
        return Secret(self.value)


def test_the_newest_counts_over_restarts_until_another_is_configured(tmp_path: Path) -> None:
    configured = Configured()
    kept = KeptToken(open_key(tmp_path), "gmail", configured)
    assert kept.read() == Secret("first")
    kept.keep(Secret("second"))
    assert KeptToken(open_key(tmp_path), "gmail", configured).read() == Secret("second")
    assert KeptToken(open_key(tmp_path), "other", configured).read() == Secret("second")
    other = Configured()
    other.value = "another"
    assert KeptToken(open_key(tmp_path), "gmail", other).read() == Secret("another")
    configured.value = "by hand"
    assert kept.read() == Secret("by hand")


def test_a_token_follows_the_one_that_it_was_given_for(tmp_path: Path) -> None:
    """Not one that an operator put in while the provider was asked."""
    configured = Configured()
    kept = KeptToken(open_key(tmp_path), "gmail", configured)
    kept.read()
    configured.value = "by hand"
    kept.keep(Secret("second"))
    assert kept.read() == Secret("by hand")


def test_what_an_earlier_version_kept_counts_until_another_follows(tmp_path: Path) -> None:
    kept, place = KeptToken(open_key(tmp_path), "gmail", Configured()), tmp_path / "tokens"
    kept.read()
    kept.keep(Secret("second"))
    [file] = place.iterdir()
    file.rename(place / "gmail")
    assert kept.read() == Secret("second")
    kept.keep(Secret("third"))
    assert kept.read() == Secret("third")
    assert [each.name for each in place.iterdir()] == [file.name]


def test_it_is_sealed(tmp_path: Path) -> None:
    kept = KeptToken(open_key(tmp_path), "gmail", Configured())
    kept.read()
    kept.keep(Secret("second"))
    [file] = (tmp_path / "tokens").iterdir()
    assert b"second" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(100)])
def test_what_is_damaged_does_not_count(tmp_path: Path, content: bytes) -> None:
    kept = KeptToken(open_key(tmp_path), "gmail", Configured())
    kept.read()
    kept.keep(Secret("second"))
    [file] = (tmp_path / "tokens").iterdir()
    file.write_bytes(content)
    assert kept.read() == Secret("first")


def test_without_a_configured_one_there_is_none(tmp_path: Path) -> None:
    configured = Configured()
    configured.value = ""
    with pytest.raises(ConfigError):
        KeptToken(open_key(tmp_path), "gmail", configured).read()
