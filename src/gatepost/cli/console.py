"""``gatepost console``: a link that signs a browser in to the console of a running relay."""

import sys
from pathlib import Path
from typing import Any

import click

from gatepost.cli.call_relay import call_console
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.secret_file import read_secret
from gatepost.cli.store_options import options

EXAMPLE = """\b
Example:
  gatepost console
  gatepost console --json
  gatepost console --hash < password
"""


@click.command(epilog=EXAMPLE)
@options
@click.option(
    "--hash",
    is_flag=True,
    help="Read a password from standard input, or ask for it, and print what [[console.user]] of "
    "a configuration contains in its place.",
)
def console(data: Path, as_json: bool, hash: bool) -> None:
    """Print a link that signs a browser in to the console of a running relay.

    The link works once, within ten minutes.
    """
    document = {"password_hash": _hash(_password())} if hash else call_console(data, "link", {})
    print_result(document, as_json, _print)


def _password() -> str:
    if sys.stdin.isatty():
        prompted: str = click.prompt(
            "Password", hide_input=True, confirmation_prompt=True, err=True
        )
        return prompted
    return read_secret(sys.stdin.buffer, "password")


def _hash(password: str) -> str:
    from gatepost.directory.passwords import PasswordHasher  # noqa: PLC0415 - loads OpenSSL

    if not password:
        raise CommandFailed("the password is empty")
    return PasswordHasher().hash(password.encode())


def _print(document: dict[str, Any]) -> None:
    click.echo(document.get("url") or document["password_hash"])
