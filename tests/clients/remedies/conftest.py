"""Servers for the proofs, shared by all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.clients.remedies.grounds import Grounds


@pytest.fixture(scope="session")
def grounds() -> Iterator[Grounds]:
    all_of_them = Grounds()
    yield all_of_them
    all_of_them.close()
