"""The key: made once, with a subkey for each purpose; only it opens what it sealed."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.contract import Record
from gatepost.errors import ConfigError
from gatepost.keys.store_key import (
    SIZE,
    Key,
    SealedAccessKeys,
    check_key,
    keep_fingerprint,
    open_key,
)
from gatepost.keys.token_signing import open_tokens
from gatepost.model.secret import Secret
from tests.unit.directory.azure.world import NOW
from tests.unit.directory.memory import MemoryRecords

KEY = Key(bytes(range(32)), "DIR/key")


def test_it_is_made_once(tmp_path: Path) -> None:
    first, second = open_key(tmp_path), open_key(tmp_path)
    assert first.subkey("x") == second.subkey("x")
    assert first.subkey("x") != open_key_elsewhere(tmp_path).subkey("x")


def open_key_elsewhere(directory: Path) -> Key:
    other = directory / "other"
    other.mkdir()
    return open_key(other)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_key_file_is_private(tmp_path: Path) -> None:
    open_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_file_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="32 octets") as caught:
        open_key(tmp_path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == content


def test_every_purpose_has_a_key_of_its_own() -> None:
    subkeys = {KEY.subkey(purpose) for purpose in ("a", "b", "seal: a", "")}
    assert len(subkeys) == 4
    assert {len(subkey) for subkey in subkeys} == {SIZE}
    assert bytes(range(32)) not in subkeys


@given(st.binary(max_size=200), st.text(max_size=20))
def test_sealed_data_can_be_unsealed(secret: bytes, purpose: str) -> None:
    sealed = KEY.seal(secret, purpose)
    assert KEY.unseal(sealed, purpose) == secret
    assert len(secret) < 4 or secret not in sealed


def test_the_same_secret_never_looks_the_same() -> None:
    assert KEY.seal(b"x", "p") != KEY.seal(b"x", "p")


@pytest.mark.parametrize(
    "sealed",
    [
        b"",
        b"\x01",
        b"\x01" + bytes(12),
        b"\x01" + bytes(40),
        b"\x02" + KEY.seal(b"secret", "p")[1:],
        KEY.seal(b"secret", "p")[:-1],
        KEY.seal(b"secret", "p") + b"x",
        KEY.seal(b"secret", "other"),
        Key(bytes(32)).seal(b"secret", "p"),
    ],
    ids=["empty", "version", "nonce", "zeros", "newer", "short", "long", "purpose", "key"],
)
def test_foreign_sealed_data_is_refused(sealed: bytes) -> None:
    with pytest.raises(ConfigError, match="does not match") as caught:
        KEY.unseal(sealed, "p")
    assert caught.value.where == "DIR/key"


def test_an_error_about_a_damaged_access_key_names_the_fix() -> None:
    keys = SealedAccessKeys(KEY)
    sealed = keys.seal(Secret("c2VjcmV0"))
    assert keys.open(sealed) == Secret("c2VjcmV0")
    with pytest.raises(ConfigError, match="--regenerate primary"):
        keys.open(sealed[:-1])


def test_it_does_not_show() -> None:
    assert repr(KEY) == "Key(***)"


@pytest.mark.parametrize("damage", [{}, {"digest": "x"}, {"digest": "x", "sum": 5}])
def test_records_know_the_key_that_they_were_sealed_with(damage: dict[str, Any]) -> None:
    """What does not open with that key is damaged; with another key nothing would open."""
    records = MemoryRecords()
    asyncio.run(keep_fingerprint(KEY, records))
    asyncio.run(keep_fingerprint(KEY, records))
    assert records.commits == 1
    other = Key(bytes(32), "DIR/key")
    with pytest.raises(ConfigError, match="does not match") as caught:
        asyncio.run(keep_fingerprint(other, records))
    assert caught.value.where == "DIR/key"
    [mark] = records.kept
    records.kept[mark] = Record(*mark, damage)
    asyncio.run(keep_fingerprint(KEY, records))
    asyncio.run(keep_fingerprint(KEY, records))
    assert records.commits == 2


def test_a_key_may_not_be_replaced_where_an_earlier_version_kept_no_fingerprint() -> None:
    """Otherwise everything would be made again, and the right key be refused when it is found."""
    records = MemoryRecords()
    asyncio.run(open_tokens(records, KEY, lambda: NOW, {}))
    with pytest.raises(ConfigError, match="does not match"):
        asyncio.run(keep_fingerprint(Key(bytes(32)), records))
    asyncio.run(keep_fingerprint(KEY, records))
    with pytest.raises(ConfigError, match="does not match"):
        asyncio.run(check_key(Key(bytes(32)), records))
    asyncio.run(check_key(KEY, records))
