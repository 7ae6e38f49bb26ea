"""Many large messages at once: memory stays within the budget, and every octet arrives."""

import asyncio
import hashlib
import shutil
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from gatepost.app.data_directory import open_mailbox
from gatepost.testing import Emulator
from tests.shell.peer import Peer
from tests.shell.processes import children
from tests.shell.serve_process import relaying, wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.usefixtures("new_python"),
]

SENDER = "a@example.com"
MB = 1_000_000
CLIENTS = 20
BUDGET = 67
"""MB of content that may lie in memory, a process."""
MARGIN = 30
"""MB on top of it, a process: what is being read, written and sent, and garbage."""


def memory(pid: int, key: str) -> float:
    """MB of ``VmRSS`` (now) or ``VmHWM`` (ever)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024 / MB
    raise AssertionError(key)


def content(number: int, size: int) -> bytes:
    line = b"%08d " % number * 10 + b"\r\n"
    return b"From: <a@example.com>\r\n\r\n" + line * (size // len(line))


def send(relay: Emulator, number: int, size: int, together: threading.Barrier) -> str:
    """Send a message; its end waits until all others have reached theirs."""
    with Peer.connect(relay.smtp.port, relay.ca_file) as peer:
        peer.sock.settimeout(60)
        assert peer.reply().startswith("220 ")
        peer.ask("EHLO client.example")
        peer.begin(SENDER)
        octets = content(number, size)
        for start in range(0, len(octets), 262_144):
            peer.send(octets[start : start + 262_144])
        together.wait(60)
        peer.send(b".\r\n")
        return peer.reply()


CROWD = 200
CLEAR = """
[limits]
memory = "2MiB"
connections_per_address = 1000
[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"
[[listener.network]]
from = "127.0.0.0/8"
may_relay = true
"""


def test_incomplete_content_of_many_clients_stays_within_the_budget(tmp_path: Path) -> None:
    """Each sends almost as much as was once buffered outside of the budget."""
    with relaying(tmp_path, CLEAR) as relay, ExitStack() as stack:
        port, pid = relay.listener("in")["port"], relay.process.pid
        clients = []
        for _ in range(CROWD):
            client = socket.create_connection(("127.0.0.1", port), 10)
            clients.append(stack.enter_context(client))
            client.sendall(
                b"EHLO x\r\nMAIL FROM:<app@example.com>\r\nRCPT TO:<bob@example.net>\r\n"
            )
            told = b""
            while told.count(b"\r\n250 ") < 3:
                told += client.recv(4_096)
        before = memory(pid, "VmRSS")
        for number, client in enumerate(clients):
            client.sendall(b"BDAT 65000 LAST\r\n" if number % 2 else b"DATA\r\n")
            client.sendall(b"x" * 60_000)
        wait_for(lambda: unread(port) == 0)
        assert memory(pid, "VmRSS") - before < 2 + CROWD * 0.02 + 4


def unread(port: int) -> int:
    """Return how many octets wait to be read from connections to a port (proc(5))."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if int(row[1].rpartition(":")[2], 16) == port]
    return sum(int(row[4].partition(":")[2], 16) for row in ours if row[3] == "01")


async def digests(data: Path) -> list[str]:
    async with open_mailbox(data) as store:
        found = []
        for each in await store.list():
            digest = hashlib.sha256()
            for chunk in (await store.body(each.id)).chunks():
                digest.update(chunk)
            found.append(digest.hexdigest())
        return sorted(found)


@pytest.mark.compliance
@pytest.mark.parametrize(("workers", "size"), [(0, 12 * MB), (2, 12 * MB)])
def test_twenty_large_messages_at_once_stay_within_the_budget(
    tmp_path: Path, workers: int, size: int
) -> None:
    data = tmp_path / "data"
    with Emulator("open", workers=workers, data=data) as relay:
        pids = [relay.pid, *children(relay.pid)]
        assert len(pids) == 1 + workers
        before = sum(memory(pid, "VmRSS") for pid in pids)
        together = threading.Barrier(CLIENTS)
        said: list[str] = []
        threads = [
            threading.Thread(
                target=lambda n: said.append(send(relay, n, size, together)), args=(n,)
            )
            for n in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [reply[:4] for reply in said] == ["250 "] * CLIENTS
        used = sum(memory(pid, "VmHWM") for pid in pids) - before
        assert used < len(pids) * (BUDGET + MARGIN)
    expected = [hashlib.sha256(content(n, size)).hexdigest() for n in range(CLIENTS)]
    assert asyncio.run(digests(data)) == sorted(expected)
    shutil.rmtree(data)
