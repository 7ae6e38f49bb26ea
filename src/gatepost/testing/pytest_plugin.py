"""Fixtures for pytest, there as soon as Gatepost is installed.

    def test_welcome(gatepost):
        send_welcome("ann@example.net", host=gatepost.smtp.host, port=gatepost.smtp.port,
                     username=gatepost.username, password=gatepost.password,
                     sender=gatepost.sender, ca_file=gatepost.ca_file)
        assert gatepost.wait(to="ann@example.net").subject == "Welcome"

``gatepost`` is an ``Emulator`` without mail; ``acs_relay`` is the same relay, which runs
for the whole session (each worker of pytest-xdist has its own) and keeps what it has.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gatepost.testing.emulator import Emulator


@pytest.fixture(scope="session")
def acs_relay() -> "Iterator[Emulator]":
    """A relay that behaves like Azure Communication Services, for the whole session."""
    from gatepost.testing.emulator import Emulator  # noqa: PLC0415 - only who asks pays for it

    with Emulator() as relay:
        yield relay


@pytest.fixture
def gatepost(acs_relay: "Emulator") -> "Emulator":
    """The relay of the session, emptied for this test."""
    acs_relay.clear()
    return acs_relay
