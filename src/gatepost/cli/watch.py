"""``gatepost watch``: reports what has changed at upstreams."""

from pathlib import Path
from typing import Any

import click

from gatepost.cli.diagnosis_output import EXIT
from gatepost.cli.foreground import run_in_foreground
from gatepost.cli.output import OK, print_problems
from gatepost.processes.stray_signals import ignore_stray_signals

EXAMPLE = """\b
Example:
  gatepost watch --config watch.toml
  gatepost watch --config watch.toml --once --json

\b
Exit with --once: 0 healthy, 1 unknown, 2 finding, 3 unreachable, 64 usage; with several
upstreams, 2 takes precedence over 3. Exit without --once: 0 after a signal.
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The upstreams, how often to check them, and where to keep snapshots (TOML).",
)
@click.option("--once", is_flag=True, help="Check every upstream once, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def watch(path: Path, once: bool, as_json: bool) -> int:
    """Check upstreams on a schedule, and report changes since the last check.

    Changes, such as a missing mechanism, a new certificate, a finding or a server that works
    again, are printed as sentences. The last results are on disk, so changes are also noticed
    after a restart. Metrics are available for Prometheus. A password is sent only if the file
    has one, and not again after it was refused.
    """
    ignore_stray_signals()
    from gatepost.app.watch_loop import Watch  # noqa: PLC0415 - heavy: not for --help
    from gatepost.app.watch_loop import watch as watching  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415
    from gatepost.config.watch_file import load_watch  # noqa: PLC0415

    try:
        config = load_watch(path)
    except ConfigProblems as error:
        return print_problems(error, path, as_json=as_json)
    wanted, verdict = Watch(config, path, once), []

    async def run(report: Any, ready: Any) -> int:
        verdict.append(await watching(wanted, report, ready))
        return OK

    def announce(reporter: Any, document: dict[str, Any]) -> None:
        if as_json:
            reporter("watching", **document)
        else:
            reporter.say(_start_text(document))

    run_in_foreground(run, announce, as_json=as_json)
    return EXIT[verdict[0]] if once else OK


def _start_text(document: dict[str, Any]) -> str:
    count = len(document["upstreams"])
    lines = [
        f"Watching {count} upstream{'s' if count != 1 else ''}: {', '.join(document['upstreams'])}",
        f"  snapshots in {document['directory']}",
    ]
    if document["metrics"]:
        lines.append(f"  metrics at {document['metrics']}")
    return "\n".join(lines)
