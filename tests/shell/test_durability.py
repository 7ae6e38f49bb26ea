"""250 comes after the sync, as the order of calls shows; failing disks give 451 and 452.

SIGKILL cannot show it, because the page cache outlives the process.
"""

import asyncio
import json
import shutil
import smtplib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.testing import Emulator
from tests.commands import ask
from tests.contract.failing import FailingDisk
from tests.contract.messages import message
from tests.shell.processes import is_alive
from tests.shell.strace import CALLS, Call, attached, parse_trace

PATIENCE = 60.0
LARGE = 50_000
SENDER, RECIPIENT = "alice@example.org", "bob@example.net"


class HeldDisk(FailingDisk):
    """Blocks a statement or a sync until it is released."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.failures[what] = OSError(), 1  # so that the connection asks

    def check(self, what: str) -> None:
        if what == self.what and not self.go_on.is_set():
            self.reached.set()
            assert self.go_on.wait(PATIENCE)


@pytest.mark.parametrize(
    ("held", "size"), [("BEGIN", 10), ("BEGIN", LARGE), ("sync", LARGE)], ids=str
)
def test_no_acknowledgement_before_commit_and_sync_are_done(
    tmp_path: Path, held: str, size: int
) -> None:
    disk = HeldDisk("nothing")

    async def steps(store: SqliteStore) -> None:
        disk.what = held
        disk.failures[held] = OSError(), 1
        put = store.put(message("a", bytes(size)))
        assert await asyncio.to_thread(disk.reached.wait, PATIENCE)
        await asyncio.sleep(0.05)
        assert not put.done()
        assert await store.list() == []
        disk.go_on.set()
        await asyncio.wait_for(put, PATIENCE)
        assert await store.count() == 1

    store = open_store(tmp_path, StoreSettings(disk=disk, reserve=0))
    try:
        asyncio.run(steps(store))
    finally:
        disk.go_on.set()
        store.close()


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    disk, opened = Disk(), []
    connect = disk.connect

    def noting(path: Path, *, read_only: bool = False) -> object:
        opened.append(connect(path, read_only=read_only))
        return opened[-1]

    disk.connect = noting  # type: ignore[method-assign,assignment]  # one disk alone
    store = open_store(tmp_path, StoreSettings(disk=disk, reserve=0))
    wanted = {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "wal_autocheckpoint": 0}
    writing = opened[0]
    assert {each: writing.execute(f"PRAGMA {each}").fetchone()[0] for each in wanted} == wanted
    store.close()


# From here on against the relay itself, with strace.

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Emulator]:
    started = Emulator("open", data=tmp_path / "data")
    yield started
    started.kill()


def send(relay: Emulator, name: str, size: int = 100) -> tuple[int, bytes]:
    """Send one message; return the reply to its content."""
    content = f"Message-ID: <{name}@example.org>\r\n\r\n" + f"{name} filler\r\n" * (size // 16)
    client = smtplib.SMTP("127.0.0.1", relay.smtp.port, timeout=PATIENCE)
    try:
        client.ehlo()
        assert client.mail(SENDER)[0] == 250
        assert client.rcpt(RECIPIENT)[0] == 250
        return client.data(content)
    finally:
        client.close()


def names(relay: Emulator) -> set[str]:
    listing = json.loads(ask(relay.data, "messages", "list", "--json"))
    return {
        each["message_id"].strip("<>").removesuffix("@example.org") for each in listing["messages"]
    }


@pytest.mark.compliance
@needs_strace
def test_a_successful_sync_lies_before_each_250(relay: Emulator, tmp_path: Path) -> None:
    log = tmp_path / "trace"
    with attached(relay.pid, log, "-e", CALLS), ThreadPoolExecutor(4) as senders:
        sizes = [100, LARGE, 5_000] * 8
        jobs = [senders.submit(send, relay, f"n{n}", size) for n, size in enumerate(sizes)]
        replies = [job.result(PATIENCE) for job in jobs]
    assert {code for code, _ in replies} == {250}
    calls = parse_trace(log.read_text(errors="replace"))
    segments = [call for call in calls if "/segments/" in call.path]
    wal = [call for call in calls if call.path.endswith("store.db-wal")]
    for number, (size, (_, text)) in enumerate(zip(sizes, replies, strict=True)):
        told = first(calls, f"{text.decode()}\\r\\n")
        row = first(wal, f"<n{number}@example.org>")
        assert synced(wal, row, told), f"{text!r} without a sync behind its row"
        if size == LARGE:
            body = first(segments, f"n{number} filler")
            assert synced(segments, body, row), f"a row of {text!r} without a sync behind its body"


def _wait_end(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_alive(pid):
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.02)


def first(calls: list[Call], text: str) -> Call:
    return next(call for call in calls if text in call.arguments)


def synced(calls: list[Call], written: Call, before: Call) -> bool:
    """Return whether a successful sync lies between the end of a write and a later call.

    A write with RWF_DSYNC syncs itself.
    """
    if written.name == "pwritev2" and "RWF_DSYNC" in written.arguments:
        return (written.result or 0) > 0 and written.end < before.begin
    return any(
        call.name in ("fdatasync", "fsync")
        and call.path == written.path
        and call.result == 0
        and written.end < call.begin
        and call.end < before.begin
        for call in calls
    )


@pytest.mark.compliance
@needs_strace
@pytest.mark.parametrize("size", [100, LARGE])
def test_a_failed_sync_is_451_and_the_end_of_the_process(
    relay: Emulator, tmp_path: Path, size: int
) -> None:
    assert send(relay, "before", LARGE)[0] == 250
    failing = "inject=fdatasync,pwritev2:error=EIO"
    with attached(relay.pid, tmp_path / "trace", "-e", failing):
        assert send(relay, "failed", size)[0] == 451
        _wait_end(relay.pid)
        assert relay.events("stopping")
    with Emulator("open", data=relay.data) as again:
        assert send(again, "after", LARGE)[0] == 250
        assert {"before", "after"} <= names(again)


@pytest.mark.compliance
@needs_strace
@pytest.mark.parametrize(
    ("call", "file", "size"),
    [("pwrite64", "store.db-wal", 100), ("writev,pwritev2", "segments/00000001", LARGE)],
)
def test_a_full_disk_is_452_until_there_is_room(
    relay: Emulator, tmp_path: Path, call: str, file: str, size: int
) -> None:
    assert send(relay, "before", size)[0] == 250
    on = ("-P", str(relay.data.resolve() / file), "-e", f"inject={call}:error=ENOSPC")
    with attached(relay.pid, tmp_path / "trace", *on):
        assert send(relay, "refused", size)[0] == 452
    time.sleep(0.5)
    assert send(relay, "after", size)[0] == 250
    assert relay.count() == 2
    relay.stop()
