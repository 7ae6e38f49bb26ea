"""The key that signs tokens: made once, sealed, and the same after a restart."""

import asyncio
from typing import Any

import pytest

from gatepost.directory.azure.tokens import COMMUNICATION
from gatepost.directory.contract import Record
from gatepost.keys.store_key import Key
from gatepost.keys.token_signing import open_tokens
from tests.unit.directory.azure.world import APPLICATION, NOW, principal
from tests.unit.directory.memory import MemoryRecords

KEY = Key(b"k" * 32, "DIR/key")


def test_a_restart_verifies_what_was_issued_before() -> None:
    records = MemoryRecords()
    first = asyncio.run(open_tokens(records, KEY, lambda: NOW, {}))
    issued = first.issue(principal(), "https://communication.azure.com", "issuer")
    again = asyncio.run(open_tokens(records, KEY, lambda: NOW, {}))
    assert again.key_id == first.key_id
    claims = again.verify(issued.token.reveal(), COMMUNICATION)
    assert claims.application_id == APPLICATION


def test_the_key_is_kept_sealed() -> None:
    records = MemoryRecords()
    tokens = asyncio.run(open_tokens(records, KEY, lambda: NOW, {}))
    [record] = asyncio.run(records.load_records())
    assert record.kind == "signing_key"
    assert set(record.fields) == {"sealed"}
    assert "PRIVATE" not in str(record) + repr(tokens)


@pytest.mark.parametrize("fields", [{}, {"sealed": "x"}, {"sealed": "AAAA"}, {"sealed": 5}])
def test_instead_of_a_damaged_key_another_one_is_made_and_told(fields: dict[str, Any]) -> None:
    damaged: dict[str, str] = {}
    records = MemoryRecords([Record("signing_key", "access tokens", fields)])
    made = asyncio.run(open_tokens(records, KEY, lambda: NOW, damaged))
    assert "a new one is made" in damaged["signing_key access tokens"]
    assert asyncio.run(open_tokens(records, KEY, lambda: NOW, {})).key_id == made.key_id


def test_two_directories_have_two_keys() -> None:
    made = [asyncio.run(open_tokens(MemoryRecords(), KEY, lambda: NOW, {})) for _ in range(2)]
    assert made[0].key_id != made[1].key_id
