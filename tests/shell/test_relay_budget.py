"""Many large messages at once: memory stays within the budget, and every octet arrives."""

import asyncio
import hashlib
import shutil
import sys
import threading
from pathlib import Path

import pytest

from gatepost.app.access import open_mailbox
from gatepost.testing import Emulator
from tests.shell.peer import Peer
from tests.shell.processes import children

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

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


async def digests(data: Path) -> list[str]:
    async with open_mailbox(data) as store:
        found = []
        for each in await store.list():
            digest = hashlib.sha256()
            for chunk in (await store.body(each.id)).chunks():
                digest.update(chunk)
            found.append(digest.hexdigest())
        return sorted(found)


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
