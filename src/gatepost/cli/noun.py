"""What the commands of the directory share: calling operations, and printing answers."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.group import Group
from gatepost.cli.output import Failed, print_json
from gatepost.cli.store_options import check_config, configured_directories, place_options
from gatepost.cli.tables import print_rows, safe

Document = dict[str, Any]
Cell = Callable[[Document], str]
Command = Callable[..., Any]
_MAKES: Final = "account create"
"""Operations that are possible before the first start of a relay."""

Tell = Callable[[Document], None] | None


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of object in the directory, and how listings show it."""

    word: str
    plural: str
    """Its key in the JSON of a listing."""
    about: str
    columns: Mapping[str, Cell]
    parent: str = ""
    """The kind of its parent; empty if it has none."""
    whole: tuple[str, ...] = ()
    """Columns that are never cut."""
    example: str = "NAME"


def options(command: Command, *, of_relay: bool = False) -> Command:
    """Add the options that every command of the directory has; see ``place_options``."""
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    return place_options(as_json(command), of_relay=of_relay)


def within(parent: str, *, default: str = "the only one") -> Callable[[Command], Command]:
    """Add ``--in``."""
    said = f"The {parent}, by name or id" + (f"; default: {default}" if default else "")
    return click.option("--in", "parent", default="", metavar="PARENT", help=f"{said}.")


def ask(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation on the directory of ``data``; errors become Failed."""
    import asyncio  # noqa: PLC0415 - `gatepost --help` does without

    from gatepost.app.access import is_there, open_administration  # noqa: PLC0415
    from gatepost.directory.azure.changes.outcome import Rejected  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    if not is_there(data):
        if operation == "account list":
            return _only_configured()
        if operation == _MAKES:
            check_config()
    given = {name: value for name, value in fields.items() if value is not None}

    async def run() -> Document:
        async with open_administration(
            data, make=operation == _MAKES, configured=configured_directories
        ) as administer:
            return await administer(operation, given)

    try:
        return asyncio.run(run())
    except Rejected as error:
        raise Failed(error.message, error.code) from None
    except (GatepostError, OSError) as error:
        raise Failed.by(error) from None


def _only_configured() -> Document:
    from gatepost.app.accounts import named_accounts  # noqa: PLC0415
    from gatepost.app.administration.accounts import document  # noqa: PLC0415

    found = [document(each, "configuration") for each in named_accounts(configured_directories())]
    return {"accounts": sorted(found, key=lambda each: str(each["name"]))}


def answer(document: Document, as_json: bool, tell: Tell = None) -> None:
    """Print a document: as JSON, or for people.

    ``tell`` prints one object for people.
    """
    if as_json:
        print_json(document)
    else:
        (tell or print_document)(document)


def noun_group(noun: Noun, tell: Tell = None) -> click.Group:
    """Return ``gatepost NOUN`` with list, show and delete; create is each noun's own.

    ``tell`` shows one of them to people.
    """
    group = Group(
        noun.word,
        help=f"{noun.about}\n\n\b\nExample:\n  gatepost {noun.word} list\n"
        f"  gatepost {noun.word} show {noun.example}",
    )
    parented = within(noun.parent, default="all") if noun.parent else _as_it_is
    named = within(noun.parent, default="any") if noun.parent else _as_it_is

    @options
    @parented
    def list_(data: Path, as_json: bool, **fields: Any) -> None:
        found = ask(data, f"{noun.word} list", fields)
        answer(found, as_json, lambda document: print_listing(noun, document[noun.plural]))

    @options
    @named
    @click.argument("name", metavar="NAME|ID")
    def show(data: Path, as_json: bool, **fields: Any) -> None:
        answer(ask(data, f"{noun.word} show", fields), as_json, tell)

    @options
    @named
    @click.argument("name", metavar="NAME|ID")
    def delete(data: Path, as_json: bool, **fields: Any) -> None:
        gone = ask(data, f"{noun.word} delete", fields)
        answer(gone, as_json, lambda document: print_deleted(noun.word, document))

    for callback, name, does in (
        (list_, "list", f"List all {noun.word}s."),
        (show, "show", f"Show one {noun.word}."),
        (delete, "delete", f"Delete one {noun.word}, and print what was deleted with it."),
    ):
        given = "" if name == "list" else f" {noun.example}"
        example = f"{does}\n\n\b\nExample:\n  gatepost {noun.word} {name}{given}"
        group.command(name, help=example)(callback)
    return group


def _as_it_is(command: Command) -> Command:
    return command


def print_listing(noun: Noun, found: list[Document]) -> None:
    """Print documents as aligned columns."""
    if not found:
        click.echo(f"no {noun.plural.replace('_', ' ')}")
        return
    rows = [[cell(each) for cell in noun.columns.values()] for each in found]
    print_rows(tuple(noun.columns), rows, noun.whole)


def print_document(document: Document) -> None:
    """Print one document, a line for each field."""
    width = max(map(len, document), default=0)
    for key, value in document.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {_said(value)}".rstrip())


def _said(value: Any) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return safe(str(value))


def print_deleted(word: str, document: Document) -> None:
    """Print what was deleted, including what was deleted with it."""
    gone = document["deleted"]
    click.echo(f"deleted {word} {safe(gone.get('name') or gone['id'])}")
    kinds = Counter(each["kind"].replace("_", " ") for each in document["with"])
    for kind, count in kinds.items():
        click.echo(f"  with {count} {kind}{'s' if count > 1 else ''}")
