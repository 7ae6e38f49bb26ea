"""``gatepost mcp``: the doctor and captured mail, as tools for an assistant."""

import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.output import OK, CommandFailed, print_json
from gatepost.cli.store_options import place_options

_MAJOR: Final = 2
"""The version of the ``mcp`` package."""
EXAMPLE: Final = """\b
Example:
  gatepost mcp --json
  gatepost mcp --allow-probe smtp.example.com --allow-files .
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "--allow-probe",
    "probes",
    metavar="HOST[:PORT]",
    multiple=True,
    help="Permit connections to this server, without a port to those for submission; * stands for "
    "any characters (repeatable). Default: none.",
)
@click.option(
    "--allow-files",
    "directories",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Permit files in this directory to be read as logs or settings (repeatable). Default: "
    "none.",
)
@place_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the entry for an assistant's settings, and stop.",
)
def mcp(probes: tuple[str, ...], directories: tuple[Path, ...], data: Path, as_json: bool) -> int:
    """Serve tools for an assistant by the Model Context Protocol, on standard input and output.

    The tools are diagnose_text, check_config, explain_cause, probe_server and read_mailbox.
    Secrets are removed from everything that they return. Needs the mcp package:
    pip install 'gatepost[mcp]'.
    """
    if as_json:
        arguments = [part for each in probes for part in ("--allow-probe", each)]
        arguments += [
            part for each in directories for part in ("--allow-files", str(each.resolve()))
        ]
        arguments += ["--data", str(data.absolute())]
        print_json({"mcpServers": {"gatepost": _entry(arguments)}})
        return OK
    _check_package()
    import anyio  # noqa: PLC0415

    from gatepost.cli.assistant.server import serve  # noqa: PLC0415
    from gatepost.cli.assistant.toolbox import Permissions  # noqa: PLC0415

    if sys.stdin is None or sys.stdout is None:
        raise click.UsageError("standard input and output must be open")
    if sys.stdin.isatty():
        click.echo("Waiting for an assistant on standard input; Ctrl-C ends it.", err=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread waits for standard input
    anyio.run(serve, Permissions(probes, directories, data))
    return OK


def _entry(arguments: list[str]) -> dict[str, Any]:
    return {"command": sys.executable, "args": ["-m", "gatepost", "mcp", *arguments]}


def _check_package() -> None:
    """Raise CommandFailed unless the mcp package is there, in a version that is known."""
    try:
        installed = version("mcp")
    except PackageNotFoundError:
        reason = "it is not installed"
    else:
        major = installed.partition(".")[0]
        if major.isdigit() and int(major) >= _MAJOR:
            return
        reason = f"version {installed} is too old"
    raise CommandFailed(
        f"gatepost mcp needs the mcp package ({reason}): pip install 'gatepost[mcp]'",
        "NotInstalled",
    )
