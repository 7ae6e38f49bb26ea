"""What the commands of the directory share: subcommands, and the output of objects."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.command_group import Group
from gatepost.cli.output import Printer, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows
from gatepost.model.unprintable import replace_unprintable

Cell = Callable[[Document], str]
Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ObjectKind:
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
    prose: str = ""
    """Its name in sentences; empty: the word."""

    @property
    def noun(self) -> str:
        """Its name in sentences."""
        return self.prose or self.word


def parent_option(parent: str, *, default: str = "the only one") -> Callable[[Command], Command]:
    """Add ``--in``."""
    help_text = f"The {parent}, by name or id" + (f"; default: {default}" if default else "")
    return click.option("--in", "parent", default="", metavar="PARENT", help=f"{help_text}.")


def object_group(kind: ObjectKind, print_object: Printer = None) -> click.Group:
    """Return ``gatepost WORD`` with list, show and delete; each kind adds its own create.

    ``print_object`` shows one of them to people.
    """

    def help_with(text: str, *commands: str) -> str:
        lines = [f"  gatepost {kind.word} {command}" for command in commands]
        return "\n".join([text, "", "\b", "Example:", *lines])

    def in_parent(default: str) -> Callable[[Command], Command]:
        return parent_option(kind.parent, default=default) if kind.parent else lambda each: each

    group = Group(kind.word, help=help_with(kind.about, "list", f"show {kind.example}"))

    @group.command("list", help=help_with(f"List all {kind.noun}s.", "list"))
    @options
    @in_parent("all")
    def list_(data: Path, as_json: bool, **fields: Any) -> None:
        document = call_directory(data, f"{kind.word} list", fields)
        print_result(document, as_json, lambda _: print_listing(kind, document[kind.plural]))

    @group.command(help=help_with(f"Show one {kind.noun}.", f"show {kind.example}"))
    @options
    @in_parent("any")
    @click.argument("name", metavar="NAME|ID")
    def show(data: Path, as_json: bool, **fields: Any) -> None:
        print_result(call_directory(data, f"{kind.word} show", fields), as_json, print_object)

    does = f"Delete one {kind.noun}, and print what was deleted with it."

    @group.command(help=help_with(does, f"delete {kind.example}"))
    @options
    @in_parent("any")
    @click.argument("name", metavar="NAME|ID")
    def delete(data: Path, as_json: bool, **fields: Any) -> None:
        document = call_directory(data, f"{kind.word} delete", fields)
        print_result(document, as_json, lambda _: print_deleted(kind.word, document))

    return group


def print_listing(kind: ObjectKind, documents: list[Document]) -> None:
    """Print objects as aligned columns."""
    rows = [[cell(each) for cell in kind.columns.values()] for each in documents]
    nothing = f"no {kind.plural.replace('_', ' ')}"
    print_rows(tuple(kind.columns), rows, kind.whole, otherwise=nothing)


def print_deleted(word: str, document: Document) -> None:
    """Print what was deleted, including what was deleted with it."""
    deleted = document["deleted"]
    click.echo(f"deleted {word} {replace_unprintable(deleted.get('name') or deleted['id'])}")
    kinds = Counter(each["kind"].replace("_", " ") for each in document["with"])
    for kind, count in kinds.items():
        click.echo(f"  with {count} {kind}{'s' if count > 1 else ''}")
