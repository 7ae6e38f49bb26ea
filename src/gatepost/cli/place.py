"""Where a relay keeps its mail: ``--data DIR``, or the ``--config FILE`` that says it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

Command = Callable[..., Any]

DEFAULT: Final = Path(".gatepost")
_META: Final = "gatepost.data"


def place_options(command: Command) -> Command:
    """Add ``--data`` and ``--config``; the command gets one ``data``."""
    data = click.option(
        "--data",
        type=click.Path(path_type=Path),
        default=DEFAULT,
        show_default=True,
        callback=_told_by_config,
        help="The relay's directory.",
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="The configuration of the relay, instead of its directory.",
    )
    return config(data(command))


def _read(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.meta[_META] = directory_of(value)


def _told_by_config(ctx: click.Context, parameter: click.Parameter, value: Path) -> Path:
    told: Path | None = ctx.meta.get(_META)
    if told is None:
        return value
    source = ctx.get_parameter_source(parameter.name or "")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--data and --config exclude each other")
    return told


def directory_of(config: Path) -> Path:
    """Return ``storage.directory`` of a configuration, whatever else is wrong with it.

    What is asked in a hurry should not have to read secrets.
    """
    import tomllib  # noqa: PLC0415 - not for --help

    try:
        table = tomllib.loads(config.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{config} cannot be read: {error}") from None
    storage = table.get("storage", {})
    told = storage.get("directory") if isinstance(storage, dict) else None
    if told is not None and not isinstance(told, str):
        raise click.UsageError(f"{config}: storage.directory takes a text")
    return Path(told or "/var/lib/gatepost")
