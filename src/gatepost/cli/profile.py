"""``gatepost profile``: the servers that ``gatepost up`` behaves like."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.command_group import Group
from gatepost.cli.output import FAILED, OK, print_json
from gatepost.cli.tables import print_rows

if TYPE_CHECKING:
    from gatepost.model.profile import Profile

KINDS: Final = ("provider", "server", "quirk")
_WIDEST: Final = 60


@click.group(cls=Group)
def profile() -> None:
    """List, show and check the profiles of `gatepost up --profile`.

    \b
    Example:
      gatepost profile list
      gatepost profile show gmail
    """


@profile.command(
    name="list",
    epilog="""\b
Example:
  gatepost profile list
  gatepost profile list --kind quirk --json
""",
)
@click.option("--kind", type=click.Choice(KINDS), help="Only profiles of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_profiles(kind: str | None, as_json: bool) -> int:
    """List the profiles that come with Gatepost, one per line.

    Kinds: a provider is a mail service, a server is mail server software, and a quirk is a server
    with one fault; its cause is the finding that `gatepost doctor` reports.
    """
    from gatepost.profiles import available_profiles, load_profile  # noqa: PLC0415 - not for --help

    profiles = [load_profile(name) for name in available_profiles()]
    kinds = KINDS if kind is None else (kind,)
    listed = [each for one in kinds for each in profiles if each.kind == one]
    if as_json:
        print_json({"profiles": [_line(each) for each in listed]})
        return OK
    rows = [(each.name, each.as_of or "ours", _what(each)) for each in listed]
    print_rows(("name", "as of", "what"), rows, whole=("name", "as of"))
    return OK


def _what(profile_: "Profile") -> str:
    cause = profile_.quirk.cause
    return f"{cause}: {profile_.title}" if cause else profile_.title


def _line(profile_: "Profile") -> dict[str, Any]:
    return {
        "name": profile_.name,
        "kind": profile_.kind,
        "title": profile_.title,
        "as_of": profile_.as_of or None,
        "source": profile_.sources.get("title", ""),
        "hosts": list(profile_.hosts),
        "directory": profile_.directory.kind,
        "cause": profile_.quirk.cause or None,
    }


@profile.command(
    epilog="""\b
Example:
  gatepost profile show gmail
  gatepost profile show mine.toml --set limits.recipients=3 --json
"""
)
@click.argument("name", metavar="NAME|FILE.toml")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change one value. Repeatable."
)
@click.option("--own", is_flag=True, help="Only values that the profile sets, without defaults.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str, settings: tuple[str, ...], own: bool, as_json: bool) -> int:
    """Show every value of a profile with its source."""
    from gatepost.config.preset import served_profile  # noqa: PLC0415 - not for --help
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.profiles.effective_values import DEFAULT, effective_values  # noqa: PLC0415

    try:
        profile_ = served_profile(name, strict=True, settings=settings)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    values = [each for each in effective_values(profile_) if not own or each.origin != DEFAULT]
    if as_json:
        entries = [{"key": each.key, "value": each.value, "origin": each.origin} for each in values]
        print_json(_line(profile_) | {"values": entries})
        return OK
    lines = [(f"{each.key} = {_toml(each.value)}", each.origin) for each in values]
    width = min(_WIDEST, max(len(text) for text, _ in lines))
    for text, origin in lines:
        click.echo(f"{text:<{width}}  # {origin}")
    return OK


def _toml(value: Any) -> str:
    """Return a value as TOML: JSON writes strings, numbers and lists of them in the same way, but
    TOML has no null."""
    return '"none"' if value is None else json.dumps(value, ensure_ascii=False)


@profile.command(
    epilog="""\b
Example:
  gatepost profile check mine.toml
  gatepost profile check mine.toml --json
"""
)
@click.argument("path", metavar="FILE.toml", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(path: Path, as_json: bool) -> int:
    """Check a profile of your own. Reports all mistakes at once, with what was probably meant.

    Exit: 0 without mistakes, 1 with mistakes.
    """
    from gatepost.errors import ConfigError  # noqa: PLC0415 - not for --help
    from gatepost.profiles.load import problems_in  # noqa: PLC0415

    try:
        problems = problems_in(path)
    except ConfigError as error:
        problems = [(error.where or str(path), str(error).removeprefix(f"{error.where}: "))]
    if as_json:
        entries = [_problem(*each) for each in problems]
        print_json({"valid": not problems, "problems": entries})
    else:
        for where, message in problems:
            click.echo(f"{where}: {message}", err=True)
        count = len(problems)
        verdict = f"{count} mistake{'s' if count != 1 else ''} in {path}." if count else "ok"
        click.echo(verdict, err=bool(count))
    return FAILED if problems else OK


def _problem(where: str, message: str) -> dict[str, str]:
    mistake, _, near = message.rstrip("?").partition(", did you mean ")
    return {"where": where, "message": mistake, "did_you_mean": near}
