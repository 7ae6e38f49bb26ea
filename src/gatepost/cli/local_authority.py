"""``.gatepost/ca.pem`` is trusted for the servers on this machine that it belongs to."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:  # not for --help
    from gatepost.net.dial import Server

DIRECTORY: Final = Path(".gatepost")


def local_authority(server: "Server", directory: Path = DIRECTORY) -> str | None:
    """Return the authority of the local server in ``directory``, if ``server`` may be that one."""
    from gatepost.net.local_authority import find_local_authority  # noqa: PLC0415

    return find_local_authority(server, directory)


def tell_trusted(authority: str) -> None:
    """Say on standard error that the server was verified with its own authority."""
    click.echo(f"Trusted {authority}, the authority of this local server.", err=True)
