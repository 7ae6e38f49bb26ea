"""``gatepost serve``: the production relay, in the foreground."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.foreground import run_in_foreground
from gatepost.cli.store_options import config_option
from gatepost.model.host_port import join_host_port
from gatepost.processes.stray_signals import ignore_stray_signals

EXAMPLE = """\b
Example:
  gatepost check --config /etc/gatepost.toml && gatepost serve --config /etc/gatepost.toml
  gatepost serve --config gatepost.toml --workers 4 --json
"""


SECRETS: Final = ("api_token", "console_link")


@click.command(epilog=EXAMPLE)
@config_option("config", "The configuration file; `gatepost check` explains it.")
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    help="Number of front processes; default: that of the configuration.",
)
@click.option(
    "--node",
    callback=lambda _context, _option, value: _node(value),
    metavar="NAME",
    help="Name of this node among those that share a database; default: that of the configuration.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def serve(config: Path, workers: int | None, node: str | None, as_json: bool) -> int:
    """Run a relay: applications sign in to it, and it signs in to upstream servers.

    Accepted mail is not lost: it is delivered, captured, or its sender is notified. SIGHUP reloads
    the configuration without a pause; one with mistakes is refused. SIGTERM finishes what is being
    sent, keeps the rest, and stops.
    """
    ignore_stray_signals("SIGHUP")  # until it is ready: the start reads the configuration anyway
    from gatepost.app.run import run  # noqa: PLC0415 - heavy: not for --help
    from gatepost.config.load import load_again  # noqa: PLC0415

    def announce(reporter: Any, document: dict[str, Any], _config: Any) -> None:
        if as_json:
            reporter("ready", **{key: document[key] for key in document if key not in SECRETS})
        else:
            reporter.say(start_text(document))

    read = partial(load_again, config, workers, node)
    return run_in_foreground(partial(run, read), announce, as_json=as_json)


def _node(value: str | None) -> str | None:
    from gatepost.config.storage import node_name  # noqa: PLC0415 - heavy: not for --help

    try:
        return None if value is None else node_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def start_text(document: dict[str, Any]) -> str:
    """Return where the relay listens."""
    lines = [f"Gatepost serves {document['config']} (process {document['pid']})."]
    for each in document["listeners"]:
        where = each.get("unix") or join_host_port(each["host"], each["port"])
        lines.append(f"  {each['name']:<12} {where} ({_TLS[each['tls']]})")
    if document.get("api"):
        lines.append(f"  {'api':<12} {document['api']}")
    if document.get("console_link"):
        lines.append(f"  {'console':<12} {document['console_link']}")
    return "\n".join(lines)


_TLS = {"starttls": "STARTTLS", "implicit": "implicit TLS", "none": "in clear"}
