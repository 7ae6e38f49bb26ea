"""One relay for all tests of a worker: they run in turn, so the last message is theirs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.relay import RECIPIENT, Relay, running_relay


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with running_relay(tmp_path_factory.mktemp("relay") / "data") as relay:
        yield relay


@pytest.fixture
def message(relay: Relay) -> bytes:
    """Bytes that a careless hop would change: dots, trailing blanks, no last empty line."""
    return (
        f"From: Gatepost <{relay.sender}>\r\n"
        f"To: <{RECIPIENT}>\r\n"
        "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@client.example>\r\n"
        "Subject: bytes survive\r\n"
        "\r\n"
        ".a dot\r\n"
        "..two dots\r\n"
        ".\tand a tab\r\n"
        "trailing blanks \t \r\n"
        "\r\n"
        "the end\r\n"
    ).encode()


@pytest.fixture
def password_file(relay: Relay, tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(relay.password)
    return path


@pytest.fixture
def delivered(relay: Relay, message: bytes) -> Callable[[], None]:
    """Call it once the client is done: one message more, the same bytes, the right envelope."""
    before = relay.count()

    def check() -> None:
        assert relay.count() == before + 1
        assert relay.last() == message
        envelope = relay.last_envelope()
        assert envelope["mail_from"] == relay.sender
        assert envelope["rcpt_to"] == [RECIPIENT]

    return check


@pytest.fixture
def nothing_delivered(relay: Relay) -> Iterator[None]:
    before = relay.count()
    yield
    assert relay.count() == before
