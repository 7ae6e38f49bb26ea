"""``gatepost role``: what applications may do, and where."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, print_listing
from gatepost.cli.output import print_document, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows

KIND: Final = ObjectKind(
    "role",
    "roles",
    "Roles: sets of actions that an application may do on a resource, group or subscription.",
    {
        "NAME": lambda each: each["name"],
        "KIND": lambda each: "built-in" if each["built_in"] else "custom",
        "ASSIGNED": lambda each: str(each["assigned"]),
        "ACTIONS": lambda each: ", ".join(map(_short, each["actions"])),
    },
    whole=("KIND",),
    example="'Email Sender'",
)


def _tell(document: Document) -> None:
    assignments = document.pop("assignments")
    print_document(document)
    _print_assignments(assignments)


role = object_group(KIND, _tell)
_on = click.option(
    "--on", default="", metavar="SCOPE", help="Resource, group or subscription, by name or id."
)


def _short(action: str) -> str:
    return action.removeprefix("Microsoft.Communication/")


@role.command("list")
@options
def list_(data: Path, as_json: bool) -> None:
    """List roles, and to whom they are assigned.

    \b
    Example:
      gatepost role list
    """
    print_result(call_directory(data, "role list", {}), as_json, _tell_all)


def _tell_all(document: Document) -> None:
    print_listing(KIND, document["roles"])
    _print_assignments(document["assignments"])


def _print_assignments(assignments: list[Document]) -> None:
    rows = [
        (each["role"] or "(deleted)", each["app"] or each["principal_id"], _scope(each["scope"]))
        for each in assignments
    ]
    if rows:
        click.echo()
        print_rows(("ROLE", "APP", "ASSIGNED ON"), rows)


def _scope(scope: str) -> str:
    """Return the kind of a scope, and its name."""
    words = scope.strip("/").split("/")
    if len(words) < 2:
        return "everything"
    kind = {"subscriptions": "subscription", "resourcegroups": "group"}.get(words[-2].lower())
    return f"{kind} {words[-1]}" if kind else words[-1]


@role.command()
@click.argument("name")
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="ACTION",
    help="Granted action (repeatable); default: the three that sending needs.",
)
@click.option(
    "--not-action",
    "not_actions",
    multiple=True,
    metavar="ACTION",
    help="Excluded action (repeatable).",
)
@click.option(
    "--scope",
    "--in",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="Subscription or group in which it may be assigned (repeatable); "
    "default: the only subscription.",
)
@click.option("--description", default="", help="Description of the role.")
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Create a custom role.

    \b
    Example:
      gatepost role create 'Mail reader' --action 'Microsoft.Communication/*/Read'
    """
    print_result(call_directory(data, "role create", fields), as_json)


@role.command()
@click.argument("name", metavar="ROLE")
@click.option("--to", "app", required=True, metavar="APP", help="Application, by name or id.")
@click.option(
    "--on",
    required=True,
    metavar="SCOPE",
    help="Resource, group or subscription, by name or id; / is everything.",
)
@options
def assign(data: Path, as_json: bool, **fields: Any) -> None:
    """Assign a role to an application, for a resource or for everything in a group or subscription.

    \b
    Example:
      gatepost role assign 'Email Sender' --to billing --on gatepost
    """
    print_result(call_directory(data, "role assign", fields), as_json)


@role.command()
@click.argument("name", metavar="ROLE")
@click.option("--from", "app", required=True, metavar="APP", help="Application, by name or id.")
@_on
@options
def unassign(data: Path, as_json: bool, **fields: Any) -> None:
    """Remove a role from an application, also for its open sessions.

    \b
    Example:
      gatepost role unassign 'Email Sender' --from billing
    """
    deleted = call_directory(data, "role unassign", fields)
    print_result(deleted, as_json, lambda document: print_unassigned(document["deleted"]))


def print_unassigned(assignment: Document) -> None:
    """Print which role was removed from which application."""
    app, name, scope = assignment["app"], assignment["role"], _scope(assignment["scope"])
    click.echo(f"{app} no longer has the role {name} on {scope}")
