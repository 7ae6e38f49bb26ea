"""``gatepost store copy``: everything of a store is in the other one afterwards."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.app.store_copy import copy_store
from gatepost.client.named_secret import NamedSecret
from gatepost.config.settings import DatabaseSettings, StorageSettings
from gatepost.directory.contract import Record
from gatepost.errors import ConfigError, Unreadable
from gatepost.model.report import PublishedReport, SuppressedPeriod
from gatepost.queue.deliveries_contract import QueueSelection
from gatepost.queue.reports_contract import ReportSettlement
from gatepost.store.sqlite import StoreSettings, open_store
from tests.commands import gatepost
from tests.contract.messages import NOON, message
from tests.contract.queued import DAY, HOUR, MINUTE, attempt, mail, planned, settlement
from tests.contract.test_deliveries import FULL
from tests.contract.test_mailbox import entry
from tests.contract.test_operations import ID, OPERATION
from tests.contract.test_reports import report
from tests.postgres_stores import PostgresStores

ODD = b"gr\xfc\xdfe\0".decode("utf-8", "surrogateescape")
LARGE = bytes(range(256)) * 5_000


async def fill(store: Any) -> None:
    """Let a store have something of everything, and leave it with leases, as a kill does."""
    queue, mailbox, reports = store.deliveries, store.mailbox, store.reports
    await store.new_epoch()
    await queue.take_over(NOON)
    await store.put(message("a", subject=ODD))
    await store.put(message("b", body=LARGE))
    await store.operations.put(message(ID), OPERATION)
    unread = await mailbox.read_on(9)
    entries = [entry(each, tags=("x", "y z"), keys=frozenset({"code:1"})) for each in unread]
    await mailbox.record(unread[-1].seq, entries)
    await mailbox.mark((), is_read=True)
    for name in "cd":
        await store.put(message(name))
    await reports.record(
        1, [PublishedReport(report(each), ("s", "t")) for each in "12"],
        [SuppressedPeriod("x@x", 1, NOON, NOON + DAY)],
    )  # fmt: skip
    due = await reports.due("s", NOON, 9)
    await reports.settle("s", [ReportSettlement(due[0].number, NOON, NOON + HOUR, "500")])
    await reports.settle("s", [ReportSettlement(due[1].number, NOON, outcome="400", dead="Bad")])
    await store.delete(["d"])
    await store.save_records([Record("app", "1", {"name": "grüße"}), Record("app", "2", {})])
    names = ("leased", "held", "to be held", "deferred", "settled", "large")
    for name in names:
        submission = mail(name, FULL if name == "leased" else None, subject=ODD)
        if name == "large":
            submission = replace(submission, body=message(body=LARGE).body)
        [lease] = await queue.put(submission, [planned(due=NOON)])
        if name == "deferred":
            await queue.settle(lease, settlement("deferred", attempt=attempt()), NOON)
        if name == "settled":
            await queue.settle(lease, settlement("delivered"), NOON)
        if name.endswith("held"):
            await queue.act("hold", [name], NOON)
    await queue.put(mail("waiting"), [planned(due=NOON + HOUR), planned()], leased=False)


async def state(store: Any) -> dict[str, object]:
    """Return everything that a store shows."""
    queue, mailbox, reports = store.deliveries, store.mailbox, store.reports
    await queue.take_over(NOON + MINUTE)
    captured = await store.list()
    everything = QueueSelection(states=("waiting", "leased", "held", "settled"))
    deliveries = await queue.list(everything)
    bodies = {}
    for each in deliveries:
        if each.state != "settled":
            bodies[each.message] = b"".join((await queue.body(each.message)).chunks())
    for each in captured:
        bodies[each.id] = b"".join((await store.body(each.id)).chunks())
    return {
        "captured": list(captured), "bodies": bodies,
        "traces": [await store.trace(each.id) for each in captured],
        "count": await store.count(), "queued": list(deliveries), "counts": await queue.count(),
        "messages": [await queue.message(each.message) for each in deliveries],
        "due": await queue.next_due(), "operation": await store.operations.get(ID),
        "records": sorted(await store.load_records(), key=lambda each: each.id),
        "unread": [each.message.id for each in await reports.read_on(9)],
        "reports": list(await reports.list_reports()), "backlog": await reports.backlog("s"),
        "dead": list(await reports.dead_letters("s")),
        "later": list(await reports.due("t", NOON, 9)),
        "periods": list(await reports.suppressed_periods()), "cursor": await mailbox.cursor(),
        "unindexed": [each.message.id for each in await mailbox.read_on(9)],
        "page": await mailbox.page(()), "tags": await mailbox.tags(),
        "inboxes": list(await mailbox.inboxes()),
    }  # fmt: skip


@pytest.fixture
def settings(postgres: PostgresStores, tmp_path: Path) -> Callable[[str, str], StorageSettings]:
    (tmp_path / "database").write_text(postgres.url)

    def make(kind: str, name: str) -> StorageSettings:
        url = NamedSecret("file", str(tmp_path / "database"))
        database = DatabaseSettings(url, postgres.schema, "")
        return StorageSettings(tmp_path / name, database=database if kind == "postgres" else None)

    return make


def seen(postgres: PostgresStores, storage: StorageSettings) -> dict[str, object]:
    opened = (
        open_store(storage.directory, StoreSettings(reserve=0))
        if storage.database is None
        else postgres.open(storage.directory)
    )
    with closing(opened) as store:
        return asyncio.run(state(store))


def test_everything_is_copied_there_and_back(
    postgres: PostgresStores, settings: Callable[[str, str], StorageSettings], tmp_path: Path
) -> None:
    """To a database whose relay has the same directory, and from there to another directory."""
    first, there, back = (
        settings("sqlite", "one"), settings("postgres", "one"), settings("sqlite", "two"),
    )  # fmt: skip
    with closing(open_store(first.directory, StoreSettings(reserve=0))) as store:
        asyncio.run(fill(store))
    (first.directory / "key").write_bytes(b"k" * 32)
    now = 1_000_000 * round((NOON + MINUTE).timestamp())
    copied = copy_store(first, there, now)
    assert (copied["captured"], copied["queued"], copied["delivery"]) == (4, 7, 8)
    assert copy_store(there, back, now) == copied
    assert (back.directory / "key").read_bytes() == b"k" * 32
    with pytest.raises(ConfigError, match="not empty"):
        copy_store(first, there, now)
    states = [seen(postgres, each) for each in (first, there, back)]
    for name in states[0]:
        assert states[1][name] == states[0][name], name
        assert states[2][name] == states[0][name], name


def test_a_database_that_another_node_uses_is_not_copied(
    postgres: PostgresStores, settings: Callable[[str, str], StorageSettings], tmp_path: Path
) -> None:
    first, there = settings("sqlite", "one"), settings("postgres", "one")
    open_store(first.directory, StoreSettings(reserve=0)).close()
    with (
        closing(postgres.open(tmp_path / "other", node="other")),
        pytest.raises(Unreadable, match="in use by the node other"),
    ):
        copy_store(first, there, 0)
    copy_store(first, there, 0)


def test_the_copy_is_used_like_any_store(
    postgres: PostgresStores, settings: Callable[[str, str], StorageSettings]
) -> None:
    first, there = settings("sqlite", "one"), settings("postgres", "two")
    with closing(open_store(first.directory, StoreSettings(reserve=0))) as store:
        asyncio.run(fill(store))
    copy_store(first, there, 0)

    async def steps(store: Any) -> None:
        await store.deliveries.take_over(NOON)
        await store.put(message("new"))
        await store.reports.record(None, [PublishedReport(report("new"), ("s",))])
        assert (await store.get("last")).id == "new"
        [unread] = [each for each in await store.mailbox.read_on(9) if each.message.id == "new"]
        await store.mailbox.record(unread.seq, [entry(unread)])
        for lease in await store.deliveries.lease(NOON + DAY, 50):
            await store.deliveries.settle(lease, settlement("delivered"), NOON)
        left = {each.message for each in await store.deliveries.list()}
        assert left == {"held", "to be held"}

    with closing(postgres.open(there.directory)) as store:
        asyncio.run(steps(store))


CONFIG = """
hostname = "relay.example"
[storage]
directory = "{directory}"
{more}
[[listener]]
name = "one"
address = "127.0.0.1:0"
tls = "none"
[target.keep]
kind = "capture"
[[route]]
to = "keep"
"""


def test_the_command(
    postgres: PostgresStores, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "database").write_text(postgres.url)
    (tmp_path / "database").chmod(0o600)
    more = f'kind = "postgres"\nurl = {{ file = "database" }}\nschema = "{postgres.schema}"'
    (tmp_path / "old.toml").write_text(CONFIG.format(directory="data", more=""))
    (tmp_path / "new.toml").write_text(CONFIG.format(directory="data", more=more))
    arguments = ["store", "copy", "--from", "old.toml", "--to", "new.toml"]
    assert gatepost(*arguments) == 1
    assert "there is no store in" in capsys.readouterr().err
    with closing(open_store(tmp_path / "data", StoreSettings(reserve=0))) as store:
        asyncio.run(fill(store))
    assert gatepost(*arguments) == 0
    assert capsys.readouterr().out.startswith("Copied 4 captured and 7 queued messages, and ")
