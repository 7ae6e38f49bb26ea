"""The contract of every command: help with an example, ``--json``, and no secret in its
arguments."""

from collections.abc import Iterator

import click
import pytest

from gatepost.cli.main import root

SECRETS = ("password", "secret", "token")


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None, name
        yield from leaves(child, (*path, name))


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    return dict(leaves(root, ()))


def flags(command: click.Command) -> set[str]:
    return {flag for parameter in command.params for flag in parameter.opts}


def test_the_commands_are_found(commands: dict[str, click.Command]) -> None:
    assert {"doctor", "send", "up", "messages list", "messages show"} <= commands.keys()


def test_every_command_gives_an_example(commands: dict[str, click.Command]) -> None:
    without = []
    for name, command in commands.items():
        text = command.get_help(click.Context(command, info_name=f"gatepost {name}"))
        _, found, example = text.partition("Example")
        if not found or f"gatepost {name.partition(' ')[0]}" not in example:
            without.append(name)
    assert without == []


def test_every_command_speaks_json(commands: dict[str, click.Command]) -> None:
    assert [name for name, command in commands.items() if "--json" not in flags(command)] == []


def test_no_command_takes_a_secret(commands: dict[str, click.Command]) -> None:
    """Arguments can be seen by every user of the machine, and are kept in shell histories."""
    revealing = [
        f"{name} {flag}"
        for name, command in commands.items()
        for flag in flags(command)
        if flag.endswith(SECRETS)
    ]
    assert revealing == []
