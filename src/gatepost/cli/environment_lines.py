"""Environment variables of a local relay, and how shells and .env files write them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gatepost.cli.output import CommandFailed

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


def missing_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that is left out because it would not work."""
    for name, why in _NEEDED.items():
        if name not in variables:
            yield f"no {name}: {why}"
