"""``gatepost account``: who may sign in to a relay, and with which senders."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group
from gatepost.cli.output import CommandFailed, print_document, print_result
from gatepost.cli.secret_file import saved_secret
from gatepost.cli.store_options import options

MAX_PASSWORD: Final = 9_216
"""Octets that fit in a line of AUTH."""

KIND: Final = ObjectKind(
    "account",
    "accounts",
    "Accounts of a relay (`gatepost serve`): name, password and permitted senders. Accounts "
    "in the configuration are shown while the relay runs, or with --config.",
    {
        "NAME": lambda each: each["name"],
        "SENDERS": lambda each: ", ".join(each["senders"]) or "-",
        "ORIGIN": lambda each: each["origin"],
    },
    example="printer",
)

account = object_group(KIND)


def _password_options(command: Any) -> Any:
    for option in (
        click.option(
            "--password-file",
            type=click.Path(dir_okay=False, allow_dash=True),
            metavar="FILE|-",
            help="File with the password; - for standard input. Default: a generated one.",
        ),
        click.option("--prompt", is_flag=True, help="Ask for the password on the terminal."),
        click.option(
            "--save",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write a generated password to this file (mode 0600) instead of showing it.",
        ),
        click.option(
            "--cram-md5",
            is_flag=True,
            help="Also store, encrypted, what CRAM-MD5 needs; it is equivalent to the password.",
        ),
    ):
        command = option(command)
    return command


@account.command()
@click.argument("name")
@click.option(
    "--sender",
    "senders",
    multiple=True,
    metavar="ADDRESS|@DOMAIN|*",
    help="Permitted sender. Repeatable.",
)
@_password_options
@options
def create(data: Path, as_json: bool, senders: tuple[str, ...], **fields: Any) -> None:
    """Create an account. A generated password is shown only once.

    \b
    Example:
      gatepost account create printer --sender printer@example.com --save printer.password
      gatepost account create crm --sender @example.com --password-file crm.password
    """
    _change(data, as_json, "account create", {**fields, "senders": list(senders)})


@account.command("set-password")
@click.argument("name")
@_password_options
@options
def set_password(data: Path, as_json: bool, **fields: Any) -> None:
    """Change the password of an account; its senders stay the same.

    \b
    Example:
      gatepost account set-password printer --save printer.password
    """
    _change(data, as_json, "account set-password", fields)


def _change(data: Path, as_json: bool, operation: str, fields: dict[str, Any]) -> None:
    save, file, prompt = fields.pop("save"), fields.pop("password_file"), fields.pop("prompt")
    if save is not None and (prompt or file is not None):
        raise click.UsageError("--save is for generated passwords only")
    password = _password(file, prompt)
    if password is not None:
        print_result(call_directory(data, operation, {**fields, "password": password}), as_json)
        return
    if save is None:
        print_result(call_directory(data, operation, fields), as_json, _tell)
        return
    with saved_secret(save) as write:
        document = call_directory(data, operation, fields)
        write(document.pop("password"))
    print_result(document | {"saved": str(save)}, as_json)


def _password(file: str | None, prompt: bool) -> str | None:
    """Return the given password; None: generate one."""
    if file is not None and prompt:
        raise click.UsageError("--password-file and --prompt cannot be used together")
    if prompt:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    if file is None:
        return None
    try:
        if file == "-":
            octets = sys.stdin.buffer.read(MAX_PASSWORD + 1)
        else:
            with Path(file).open("rb") as opened:
                octets = opened.read(MAX_PASSWORD + 1)
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from None
    text = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not text or len(octets) > MAX_PASSWORD:
        raise CommandFailed(f"{file} contains no password, or one that is too long")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise CommandFailed(f"{file} is not UTF-8") from None


def _tell(document: dict[str, Any]) -> None:
    print_document(document)
    click.echo("\nThis password is shown only once: save it now.")
