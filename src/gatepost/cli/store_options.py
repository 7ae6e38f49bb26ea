"""Where a relay stores its mail: ``--data DIR``, or the ``--config FILE`` that names it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.output import Failed

if TYPE_CHECKING:
    from gatepost.config.settings import Config, DirectorySettings
    from gatepost.model.route import Route

Command = Callable[..., Any]

DEFAULT: Final = Path(".gatepost")
_META: Final = "gatepost.data"
_FILE: Final = "gatepost.config"
_USUAL: Final = "/var/lib/gatepost"


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
        type=click.Path(path_type=Path),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="The configuration of the relay, instead of its directory.",
    )
    return config(data(command))


def _read(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.meta[_META], ctx.meta[_FILE] = directory_of(value), value


def _told_by_config(ctx: click.Context, parameter: click.Parameter, value: Path) -> Path:
    told: Path | None = ctx.meta.get(_META)
    if told is None:
        return value
    source = ctx.get_parameter_source(parameter.name or "")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--data and --config cannot be used together")
    return told


def directory_of(config: Path) -> Path:
    """Return ``storage.directory`` of a configuration, whatever else is wrong with it.

    Quick commands need not read secrets. A key that was probably meant to be this one is an error,
    because the default directory may be another relay's.
    """
    import tomllib  # noqa: PLC0415 - not for --help

    try:
        table = tomllib.loads(config.read_text("utf-8-sig"))
    except IsADirectoryError:
        said = f"{config} is a directory (did you mean --data {config}?)"
        raise click.UsageError(said) from None
    except OSError as error:
        raise click.UsageError(f"{config} cannot be read: {error.strerror}") from None
    except ValueError as error:
        said = f"{config} is not valid TOML: {error} (the relay's directory is given by --data)"
        raise click.UsageError(said) from None
    storage = table.get("storage", {})
    if not isinstance(storage, dict):
        raise click.UsageError(f"{config}: storage must be a table")
    told = storage.get("directory", _USUAL)
    if not isinstance(told, str):
        raise click.UsageError(f"{config}: storage.directory must be a string")
    for key, meant in (*((each, "storage") for each in table),
                       *((each, "directory") for each in storage)):  # fmt: skip
        if key != meant and told == _USUAL and _is_like(key, meant):
            raise click.UsageError(f"{config}: unknown key {key} (did you mean {meant}?)")
    return Path(told or _USUAL)


def _is_like(key: str, meant: str) -> bool:
    from difflib import get_close_matches  # noqa: PLC0415 - not for --help

    return bool(get_close_matches(key.lower(), [meant], cutoff=0.8))


def configured_directories() -> "Sequence[DirectorySettings]":
    """Return the directories of the given configuration, if any."""
    config = _given_config()
    return () if config is None else config.directories


def configured_routes() -> "Sequence[Route]":
    """Return the routes of the given configuration, if any."""
    config = _given_config()
    return () if config is None else config.routes


def _given_config() -> "Config | None":
    """Return the given configuration.

    Mistakes in the file are ignored here; ``gatepost check`` reports them.
    """
    from gatepost.config.load import read_config  # noqa: PLC0415
    from gatepost.config.source_file import read_text  # noqa: PLC0415

    path = click.get_current_context().meta.get(_FILE)
    return None if path is None else read_config(read_text(path), str(path))[0]


def check_config() -> None:
    """Raise Failed for a mistake in the given configuration, before something is created.

    Nothing outside of the file is read, because secrets may be accessible to the relay only.
    """
    from gatepost.config.load import parse_config  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415
    from gatepost.config.source_file import read_text  # noqa: PLC0415

    path = click.get_current_context().meta.get(_FILE)
    if path is None:
        return
    try:
        parse_config(read_text(path), str(path))
    except ConfigProblems as error:
        raise Failed.by(error) from None
