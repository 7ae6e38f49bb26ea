"""The option ``--as``: the mail library of the client."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_FORMER: Final = "--client"


class _Renamed(click.Option):
    """An option that also has its former name, which help does not show."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know both names."""
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=[_FORMER], dest=self.name)


def client_option(help: str) -> Callable[[F], F]:
    """Add ``--as LIBRARY``; the command gets ``library``, which is empty if it was not given."""
    return click.option("--as", "library", metavar="LIBRARY", default="", help=help, cls=_Renamed)


def warn_of_unknown(library: str) -> None:
    """Warn of a name that is probably a mistyped library; it may as well be a program's."""
    if not library:
        return
    from gatepost.doctor.client_names import library_named  # noqa: PLC0415 - not for --help

    if library_named(library):
        return
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

    from gatepost.diagnosis.remedies.catalog import NAMES  # noqa: PLC0415

    if near := get_close_matches(library.strip().lower(), NAMES, 1, 0.75):
        click.echo(f"no library is called {library!r} (did you mean {near[0]}?)", err=True)
