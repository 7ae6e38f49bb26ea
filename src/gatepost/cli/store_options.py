"""Where a relay stores its mail: ``--data DIR``, or the ``--config FILE`` that names it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.output import CommandFailed

if TYPE_CHECKING:
    from gatepost.config.settings import Configuration, DirectorySettings
    from gatepost.model.route import Route

Command = Callable[..., Any]

DEFAULT: Final = Path(".gatepost")
VARIABLE: Final = "GATEPOST_CONFIG"
"""Names the configuration of the relay, unless an option does."""
_FILE: Final = "gatepost.config"
_HERE: Final = Path("gatepost.toml")
_USUAL: Final = "/var/lib/gatepost"


def config_option(name: str, help: str) -> Callable[[Command], Command]:
    """Add ``--config`` to a command that needs the configuration of a relay, as ``name``."""
    return click.option(
        "--config",
        name,
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        envvar=VARIABLE,
        callback=_existing,
        help=f"{help} Default: the environment variable {VARIABLE}.",
    )


def _existing(ctx: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if _is_from_environment(ctx, parameter) and not value.exists():
        raise click.UsageError(f"{VARIABLE}: {value} does not exist")
    return value


def place_options(command: Command, *, of_relay: bool = False) -> Command:
    """Add ``--data`` and ``--config``; the command gets one ``data``.

    Without either, it is the directory of `gatepost up`, or that of the configuration in the
    current directory if there is no other. ``of_relay``: only a relay has what the command is
    about, so a configuration in the current directory comes first.
    """
    data = click.option(
        "--data",
        type=click.Path(path_type=Path),
        default=DEFAULT,
        show_default=True,
        callback=lambda ctx, parameter, value: _chosen(ctx, parameter, value, of_relay),
        help="The relay's directory.",
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        envvar=VARIABLE,
        callback=_store_config,
        help=f"The configuration of the relay, instead of its directory. Default: the environment "
        f"variable {VARIABLE}, or gatepost.toml if there is no other relay here.",
    )
    return config(data(command))


def options(command: Command, *, of_relay: bool = False) -> Command:
    """Add the options of a command that calls a relay: ``place_options``, and ``--json``."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return place_options(as_json(command), of_relay=of_relay)


def _store_config(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.meta[_FILE] = value, _is_from_environment(ctx, parameter)


def _is_from_environment(ctx: click.Context, parameter: click.Parameter) -> bool:
    source = ctx.get_parameter_source(parameter.name or "")
    return source is click.core.ParameterSource.ENVIRONMENT


def _chosen(ctx: click.Context, parameter: click.Parameter, value: Path, of_relay: bool) -> Path:
    """Return the relay's directory: an option beats the environment, which beats the default."""
    config, is_from_environment = ctx.meta.get(_FILE, (None, False))
    source = ctx.get_parameter_source(parameter.name or "")
    if source is click.core.ParameterSource.COMMANDLINE:
        if config is not None and not is_from_environment:
            raise click.UsageError("--data and --config cannot be used together")
        ctx.meta.pop(_FILE, None)
        return value
    if config is None:
        if not _HERE.is_file() or (_has_store(value) and not of_relay):
            return value
        config = _HERE
        click.echo(f"Using the relay of {_HERE}; --data selects another one.", err=True)
        ctx.meta[_FILE] = config, False
    try:
        return directory_of(config)
    except click.UsageError as error:
        if is_from_environment:
            raise click.UsageError(f"{VARIABLE}: {error.message}") from None
        raise


def _has_store(directory: Path) -> bool:
    """Tell whether there is a store, or what is left of one."""
    return any((directory / each).exists() for each in ("store.db", "store.json", "segments"))


def directory_of(config: Path) -> Path:
    """Return ``storage.directory`` of a configuration, whatever else is wrong with it.

    Quick commands need not read secrets. A key that was probably meant to be this one is an error,
    because the default directory may be another relay's.
    """
    import tomllib  # noqa: PLC0415 - not for --help

    try:
        table = tomllib.loads(config.read_text("utf-8-sig"))
    except IsADirectoryError:
        message = f"{config} is a directory (did you mean --data {config}?)"
        raise click.UsageError(message) from None
    except OSError as error:
        raise click.UsageError(f"{config} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        message = f"{config} is not valid TOML: {error} (to name the relay's directory, use --data)"
        raise click.UsageError(message) from None
    storage = table.get("storage", {})
    if not isinstance(storage, dict):
        raise click.UsageError(f"{config}: storage must be a table")
    directory = storage.get("directory", _USUAL)
    if not isinstance(directory, str):
        raise click.UsageError(f"{config}: storage.directory must be a string")
    for key, meant in (*((each, "storage") for each in table),
                       *((each, "directory") for each in storage)):  # fmt: skip
        if key != meant and directory == _USUAL and _is_like(key, meant):
            raise click.UsageError(f"{config}: unknown key {key} (did you mean {meant}?)")
    return Path(directory or _USUAL)


def _is_like(key: str, meant: str) -> bool:
    from difflib import get_close_matches  # noqa: PLC0415 - not for --help

    return bool(get_close_matches(key.lower(), [meant], cutoff=0.8))


def configured_directories() -> "Sequence[DirectorySettings]":
    """Return the directories of the given configuration, if any."""
    config = _read_config()
    return () if config is None else config.directories


def configured_routes() -> "Sequence[Route]":
    """Return the routes of the given configuration, if any."""
    config = _read_config()
    return () if config is None else config.routes


def _read_config() -> "Configuration | None":
    """Return the given configuration.

    Mistakes in the file are ignored here; ``gatepost check`` reports them.
    """
    from gatepost.config.load import read_config  # noqa: PLC0415
    from gatepost.config.source_file import read_text  # noqa: PLC0415

    path = _config_file()
    return None if path is None else read_config(read_text(path), str(path))[0]


def _config_file() -> Path | None:
    stored: tuple[Path, bool] | None = click.get_current_context().meta.get(_FILE)
    return None if stored is None else stored[0]


def check_config() -> None:
    """Raise CommandFailed for a mistake in the given configuration, before something is created.

    Nothing outside of the file is read, because secrets may be accessible to the relay only.
    """
    from gatepost.config.load import parse_config  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415
    from gatepost.config.source_file import read_text  # noqa: PLC0415

    path = _config_file()
    if path is None:
        return
    try:
        parse_config(read_text(path), str(path))
    except ConfigProblems as error:
        raise CommandFailed.by(error) from None
