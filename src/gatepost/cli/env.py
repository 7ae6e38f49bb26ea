"""``gatepost env``: the settings of a running relay as environment variables, and how shells and
.env files write them."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.output import CommandFailed
from gatepost.cli.printable_streams import write_unescaped
from gatepost.cli.read_ready_json import read_ready

EXAMPLE = """\b
Example:
  eval "$(gatepost env)"
  eval "$(gatepost env --admin)"
  gatepost env --format dotenv > .env
  gatepost env --json
"""


_NEEDED: Final = {
    "AZURE_CLIENT_SECRET": "the client secret was deleted or has expired",
    "COMMUNICATION_SERVICES_CONNECTION_STRING": "the resource was deleted",
}
_PLAIN: Final = re.compile(r"(?!~)(?:[\w@%+,./~-]|[:=](?!~))*", re.ASCII)
"""Needs no quotes: nothing that a shell replaces, such as a ~ at the beginning."""


def smtp_variables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what a program needs to send to the relay of a ready.json; see docs/reference/env.md.

    A listener that is off, and a password that does not work any more, has no variable.
    """
    first, second = [document.get(name) for name in ("smtp", "smtps")]
    if not first:
        first, second = second, None
    values = {
        **_listener("SMTP", first),
        **_listener("SMTPS", second),
        "GATEPOST_USERNAME": document.get("username"),
        "GATEPOST_PASSWORD": document.get("password"),
        "GATEPOST_TOKEN": document.get("access_token"),
        "GATEPOST_SENDER": document.get("from"),
        "GATEPOST_CA_FILE": document.get("ca_file"),
        "REQUESTS_CA_BUNDLE": document.get("ca_bundle"),
        "SSL_CERT_FILE": document.get("ca_bundle"),
        "NODE_EXTRA_CA_CERTS": document.get("ca_file"),
    }
    return {name: str(value) for name, value in values.items() if value}


def _listener(name: str, listener: Mapping[str, Any] | None) -> dict[str, Any]:
    fields = ("host", "port", "tls") if listener else ()
    return {f"GATEPOST_{name}_{each.upper()}": (listener or {})[each] for each in fields}


def export_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield ``export NAME=VALUE`` lines for a POSIX shell, quoted if necessary."""
    for name, value in variables.items():
        yield f"export {name}={shlex.quote(value)}"


def dotenv_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield ``NAME=VALUE`` lines that all readers of .env files read alike: shells, python-dotenv,
    Node.js, Docker Compose.

    Raises CommandFailed for a value that they read differently.
    """
    for name, value in variables.items():
        yield f"{name}={_in_dotenv(name, value)}"


def _in_dotenv(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    # Within '', python-dotenv replaces ${NAME} and \\ nevertheless.
    if not re.search(r"'|\\|\$\{|[\r\n]", value):
        return f"'{value}'"
    if not re.search(r'["\\$`\r\n]', value):
        return f'"{value}"'
    raise CommandFailed(
        f"{name}: programs read such a value in a .env file differently; use --format shell or json"
    )


def missing_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each variable of a ready.json's ``env`` that is left out because it
    would not work."""
    for name, why in _NEEDED.items():
        is_of_resource = name == "COMMUNICATION_SERVICES_CONNECTION_STRING"
        if name not in document["env"] and (document.get("resource", True) or not is_of_resource):
            yield f"no {name}: {why}"


def _github_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of ``$GITHUB_ENV``, in which nothing is quoted.

    Raises CommandFailed for a value of several lines.
    """
    for name, value in variables.items():
        if set("\r\n") & set(value):
            raise CommandFailed(f"{name} has several lines; use --format json")
        yield f"{name}={value}"


def _as_json(variables: Mapping[str, str]) -> Iterable[str]:
    return (json.dumps(variables),)


_FORMATS: Final[Mapping[str, Callable[[Mapping[str, str]], Iterable[str]]]] = {
    "shell": export_lines, "dotenv": dotenv_lines, "github": _github_lines, "json": _as_json,
}  # fmt: skip


@click.command(epilog=EXAMPLE)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".gatepost"),
    show_default=True,
    help="Directory of the relay.",
)
@click.option(
    "--admin",
    is_flag=True,
    help="The administrator's credentials, for the management APIs.",
)
@click.option(
    "--format",
    "wanted",
    type=click.Choice([*_FORMATS]),
    help="shell (default): for `eval` in a POSIX shell; dotenv: for a .env file; github: for "
    "$GITHUB_ENV; json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: names and values.")
def env(data: Path, admin: bool, wanted: str | None, as_json: bool) -> int:
    """Print the environment variables with which programs use a running relay.

    They contain secrets of the local relay. GATEPOST_SMTP_HOST and others are for sending; those
    of Azure's libraries follow if the relay serves their APIs; SSL_CERT_FILE and others make its
    certificate known.
    """
    if as_json and wanted not in (None, "json"):
        raise click.UsageError(f"--json cannot be used with --format {wanted}")
    document = read_ready(data)
    variables = _variables(document, admin=admin)
    lines = list(_FORMATS["json" if as_json else wanted or "shell"](variables))
    for missing in _missing(document, variables):
        click.echo(f"gatepost env: {missing}", err=True)
    # As they are: a shell does not read escapes.
    write_unescaped("".join(f"{line}\n" for line in lines))
    return 0


def _variables(document: dict[str, Any], *, admin: bool) -> dict[str, str]:
    variables: dict[str, str] = {**smtp_variables(document), **document["env"]}
    if admin:
        if not document["env"]:
            raise CommandFailed(f"there is no administrator to use: {_why_not_azure(document)}")
        identity = document["admin"]
        if identity is None:
            raise CommandFailed("this directory has no administrator: its tenant was deleted")
        variables["AZURE_CLIENT_ID"] = identity["client_id"]
        variables.pop("AZURE_CLIENT_SECRET", None)
        if identity["client_secret"] is not None:
            variables["AZURE_CLIENT_SECRET"] = identity["client_secret"]
    return variables


def _missing(document: dict[str, Any], variables: dict[str, str]) -> Iterable[str]:
    if not variables.keys() & {"GATEPOST_PASSWORD", "GATEPOST_TOKEN"}:
        yield "no GATEPOST_PASSWORD: the client secret was deleted or has expired"
    if document["env"]:
        yield from missing_lines(document)
    elif document.get("tenant_id") is not None:
        yield f"no variables for Azure's libraries: {_why_not_azure(document)}"


def _why_not_azure(document: dict[str, Any]) -> str:
    if document.get("tenant_id") is None:
        return "this relay has no Azure directory, because its profile has plain accounts"
    return "the relay serves no APIs, because it was started with --https off"
