"""Thousands of idle clients: the relay serves the others, and disconnects the idle ones later."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.shell.peer import letter
from tests.shell.serve_process import relaying, wait_for

pytestmark = pytest.mark.compliance
"""Not for want of a package: it takes ten thousand file handles, and seconds."""

CLIENTS = 5_000
OTHERS = 5
"""Handles that come and go by themselves."""
SENDER = "app@example.com"
TEXT = """
[limits]
connections = 6000
connections_per_address = 6000
idle = "10m"
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""


@pytest.fixture(autouse=True)
def handles() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CLIENTS + 500:
        pytest.skip(f"no more than {hard} file handles may be had")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * CLIENTS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_thousand_idle_clients(tmp_path: Path) -> None:
    with relaying(tmp_path, TEXT) as relay:
        pid, port = relay.process.pid, relay.listener("submission")["port"]
        before, memory = handles_of(pid), resident(pid)
        with ExitStack() as stack:
            for _ in range(CLIENTS):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
                assert client.recv(4) == b"220 "
            assert handles_of(pid) >= before + CLIENTS - OTHERS
            assert resident(pid) - memory < CLIENTS * 20 * 1024, "at most 20 KiB each"
            with relay.signed_in("submission") as peer:
                assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
        wait_for(lambda: handles_of(pid) <= before + OTHERS)
        assert relay.stop() == 0


def handles_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(pid: int) -> int:
    """Return the octets of memory in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
