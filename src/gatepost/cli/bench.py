"""``gatepost bench``: tests on this machine that a relay loses no mail."""

import shutil
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from gatepost.cli.command_group import Group
from gatepost.cli.output import FAILED, OK, CommandFailed, print_json

if TYPE_CHECKING:
    from gatepost.testing.crash.run import CrashResult

MOST_NAMES: Final = 20
"""Maximum names of lost messages that are printed; JSON contains all."""


@click.group(cls=Group)
def bench() -> None:
    """Test a relay on this machine.

    \b
    Example:
      gatepost bench crash --messages 300 --kills 8
    """


@bench.command()
@click.option(
    "--messages", type=click.IntRange(1), default=10_000, show_default=True,
    help="Minimum number of acknowledged messages.",
)  # fmt: skip
@click.option(
    "--kills", type=click.IntRange(0), default=200, show_default=True, help="Number of SIGKILLs."
)
@click.option(
    "--workers", type=click.IntRange(0, 64), default=2, show_default=True,
    help="Number of front processes; with 0, one process does everything.",
)  # fmt: skip
@click.option(
    "--store", type=click.Choice(("sqlite", "postgres")), default="sqlite", show_default=True,
    help="Where mail is stored. A PostgreSQL of its own is killed, too.",
)  # fmt: skip
@click.option(
    "--nodes", type=click.IntRange(1, 16), default=1, show_default=True,
    help="Number of relays that share a PostgreSQL. They are paused, too.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random choices.")
@click.option(
    "--directory", type=click.Path(path_type=Path, file_okay=False),
    help="Working directory, kept afterwards. Default: a temporary one.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def crash(
    messages: int,
    kills: int,
    workers: int,
    store: Literal["sqlite", "postgres"],
    nodes: int,
    seed: int,
    directory: Path | None,
    as_json: bool,
) -> int:
    """Kill a relay repeatedly under load, and count lost and repeated messages.

    Starts `gatepost serve` with a configuration of its own, senders, and upstreams that defer,
    refuse, stall and disconnect. Front processes, the store process and the whole relay get
    SIGKILL at random times, also while they start. With `--store postgres`, a database and its
    standby are killed, stopped, frozen, and change places. Then the upstreams recover, and the
    queue is delivered. Each message for which a sender read a 250 must have arrived, be queued, or
    have its notification, and only messages that were being delivered at a kill may arrive twice.
    Linux only. Exit: 0 if all this is true, 1 if not.

    \b
    Example:
      gatepost bench crash --messages 300 --kills 8
      gatepost bench crash --store postgres --nodes 3 --json
    """
    if nodes > 1 and store != "postgres":
        raise click.UsageError("--nodes needs --store postgres")
    if not Path("/proc/self/stat").exists():
        raise CommandFailed("this needs /proc, which lists the relay's processes")
    from gatepost.processes.event_loop import run  # noqa: PLC0415 - heavy: not for --help
    from gatepost.testing.crash.run import CrashPlan, run_crash  # noqa: PLC0415
    from gatepost.testing.crash.victim import NotServed  # noqa: PLC0415
    from gatepost.testing.postgres_server import NoPostgres  # noqa: PLC0415

    home = _home(directory)
    plan = CrashPlan(messages, kills, workers, seed=seed, store=store, nodes=nodes)
    try:
        result = run(run_crash(plan, home, lambda text: click.echo(text, err=True)))
    except (NotServed, NoPostgres) as error:
        raise CommandFailed.by(error) from None
    finally:
        if directory is None:
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        print_json(document(result))
    else:
        show(result)
    return OK if result.is_good else FAILED


def _home(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="gatepost-crash-"))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise click.UsageError(f"{directory} is not empty")
    except OSError as error:
        raise CommandFailed(f"{directory} cannot be used: {error.strerror}") from None
    return directory.resolve()


def document(result: "CrashResult") -> dict[str, Any]:
    """Return the JSON document (docs/reference/json.md)."""
    return {
        "kept": result.is_good,
        **asdict(result.verdict),
        "kills": result.kills,
        "starts": result.starts,
        "longest_outage": round(result.longest_outage, 3),
        "seconds": round(result.seconds, 3),
        "upstream": result.fates,
        "senders": result.troubles,
        "events": result.events,
        "faults": result.faults,
    }


def show(result: "CrashResult") -> None:
    """Print the result."""
    verdict = result.verdict
    click.echo(
        f"{verdict.acknowledged:,} messages acknowledged in {result.seconds:,.0f} s, "
        f"{sum(result.kills.values())} kills ({_counts(result.kills)}), "
        f"{result.starts} starts, longest outage {result.longest_outage:.1f} s"
    )
    click.echo(f"upstream: {_counts(result.fates)}")
    click.echo(f"errors of senders: {_counts(result.troubles) or 'none'}")
    click.echo()
    for name, count in (
        ("recipients promised", verdict.promised),
        ("arrived", verdict.arrived),
        ("sender notified", verdict.notified),
        ("still queued", verdict.queued),
        ("LOST", len(verdict.lost)),
        ("DAMAGED", len(verdict.damaged)),
        ("arrived without a 250", verdict.unacknowledged),
        ("twice: in flight at a kill", verdict.doubled_by_kill),
        ("twice: upstream hung up", verdict.doubled_by_upstream),
        ("TWICE FOR NO REASON", len(verdict.unexplained)),
        ("NOTIFIED TWICE", len(verdict.notified_twice)),
        ("KILLS WITH TOO MANY DOUBLES", len(verdict.crowded)),
        ("FAULTS REPORTED", len(result.faults)),
    ):
        if count or not name.isupper():
            click.echo(f"{name:<27} {count:>7,}")
    for name, pairs in (
        ("lost", verdict.lost), ("damaged", verdict.damaged),
        ("twice", verdict.unexplained), ("notified twice", verdict.notified_twice),
    ):  # fmt: skip
        for message_id, address in pairs[:MOST_NAMES]:
            click.echo(f"{name}: {message_id} to <{address}>")
    for line in (*verdict.crowded, *result.faults):
        click.echo(line)
    click.echo()
    click.echo("The promise is kept." if result.is_good else "The promise is BROKEN.")


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
