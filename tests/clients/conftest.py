"""One relay for all tests of a worker. They run one after the other, so the last message is
theirs."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.testing import Emulator
from tests.commands import RECIPIENT

GO = Path(__file__).parents[2] / "compliance" / "go"


@pytest.fixture(scope="session")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


@pytest.fixture
def message(relay: Emulator) -> bytes:
    """Return a message that a careless hop would change: dots, trailing blanks, no last empty
    line."""
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
def password_file(relay: Emulator, tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(relay.password)
    return path


@pytest.fixture
def delivered(relay: Emulator, message: bytes) -> Callable[[], None]:
    """Return a check to call after the client: one more message, the same bytes, the right
    envelope."""
    before = relay.count()

    def check() -> None:
        assert relay.count() == before + 1
        last = relay.messages()[0]
        assert last.content == message
        assert last.mail_from == relay.sender
        assert last.rcpt_to == (RECIPIENT,)

    return check


@pytest.fixture
def nothing_delivered(relay: Emulator) -> Iterator[None]:
    before = relay.count()
    yield
    assert relay.count() == before


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program of ``compliance/go``."""
    path = tmp_path_factory.mktemp("go") / "send"
    offline = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    subprocess.run(["go", "build", "-o", path, "."], cwd=GO, env=os.environ | offline, check=True)
    return path


@pytest.fixture(scope="module")
def https_relay() -> Iterator[Emulator]:
    """Yield an emulator whose certificates the SDKs of Azure trust."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Emulator(options=("--https", "localhost:0", "--http", "off")) as relay,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", relay.ca_file)
        yield relay
