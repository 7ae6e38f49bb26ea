"""``[console]``: where the console listens, and who may use it."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.credentials import secret
from gatepost.config.directories import KIND
from gatepost.config.settings import (
    ConsoleEntraSettings,
    ConsoleSettings,
    DirectorySettings,
    EntraDirectorySettings,
)
from gatepost.config.table_reader import TableReader
from gatepost.model.console_access import ROLES, ConsoleRole, PasswordUser
from gatepost.model.route import Route
from gatepost.model.secret import Secret
from gatepost.net.listen import is_loopback

_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_VERIFIERS: Final = ("$argon2id$", "$scrypt$")


def read_console(
    root: TableReader, routes: Sequence[Route], directories: Sequence[DirectorySettings]
) -> ConsoleSettings | None:
    """Return the settings, if the file has any."""
    table = root.table("console")
    if not root.has("console"):
        return None
    host, port = table.need("address", values.listening, values.ListenAddress("127.0.0.1", 0))
    settings = ConsoleSettings(
        host,
        port,
        table.take("certificate", values.optional_path, ""),
        table.take("key", values.optional_path, ""),
        table.take("hosts", values.many(_host_port), ()),
        table.take("proxies", values.some(_network), ()),
        table.take("user_header", _header, ""),
        tuple(_read_users(table)),
        _read_entra(table, directories),
        table.take("release_route", values.optional_text, ""),
    )
    if not is_loopback(host) and not settings.certificate and not table.is_mistaken("certificate"):
        problem = "other machines can connect, so the console needs TLS"
        table.lack("certificate", f"{table.name('certificate')} is missing: {problem}")
    if settings.key and not settings.certificate:
        table.fault("key", f"{table.name('key')} is not used: there is no certificate")
    if settings.user_header and not settings.proxies:
        table.fault("user_header", f"{table.name('user_header')} is not used: there are no proxies")
    if settings.release_route and settings.release_route not in {each.name for each in routes}:
        table.fault("release_route", f"there is no route {settings.release_route}")
    table.finish()
    return settings


def _read_users(table: TableReader) -> list[PasswordUser]:
    users: list[PasswordUser] = []
    for each in table.tables("user"):
        user = PasswordUser(
            each.need("name", values.text, ""),
            cast("ConsoleRole", each.need("role", values.one_of(ROLES), "viewer")),
            each.take("password_hash", _verifier, None),
        )
        if ":" in user.name:  # RFC 7617 2
            each.fault("name", f"{each.name('name')} must not contain a colon")
        if any(one.name == user.name for one in users):
            each.fault("name", f"{each.name('name')}: there is already a user {user.name}")
        if not user.verifier and not table.has("user_header") and not each.has("password_hash"):
            each.lack("password_hash", f"{each.name('password_hash')} is missing")
        each.finish()
        users.append(user)
    return users


def _read_entra(
    outer: TableReader, directories: Sequence[DirectorySettings]
) -> ConsoleEntraSettings | None:
    table = outer.table("entra")
    if not outer.has("entra"):
        return None
    theirs = [each for each in directories if isinstance(each, EntraDirectorySettings)]
    directory = theirs[0] if theirs else EntraDirectorySettings()
    tenants = directory.tenants
    only = tenants[0] if len(tenants) == 1 else ""
    settings = ConsoleEntraSettings(
        table.take("tenant", values.guid, only),
        table.need("client_id", values.guid, ""),
        directory.authority,
        {each: table.take(each, values.some(_app_role), ()) for each in ROLES},
        table.take("secret", secret, None),
        table.take("certificate", secret, None),
    )
    if not theirs and outer.is_clear(KIND):
        table.fault(None, f'[{outer.name("entra")}] needs a directory of kind "entra"')
    elif settings.tenant not in tenants and outer.is_clear(("directory", "tenants")):
        problem = "must be one of directory.tenants" if settings.tenant else "is missing"
        table.fault("tenant" if settings.tenant else None, f"{table.name('tenant')} {problem}")
    if settings.secret and settings.certificate:
        table.fault("certificate", f"{table.name('certificate')} is not used: there is a secret")
    if not any(table.has(each) for each in ROLES):
        table.lack(ROLES, f"[{outer.name('entra')}] gives nobody a role: {', '.join(ROLES)}")
    table.finish()
    return settings


def _app_role(value: Any) -> str:
    """The value of an app role, or the object id of a group, in lower case."""
    text = values.text(value)
    if " " in text:
        raise ValueError("must be the value of an app role, which has no spaces, or a group's id")
    return text.lower()


def _verifier(value: Any) -> Secret | None:
    if isinstance(value, str) and value.startswith(_VERIFIERS) and value.isprintable():
        return Secret(value)
    raise ValueError("must be what `gatepost console --hash` prints")


def _header(value: Any) -> str:
    if isinstance(value, str) and (_HEADER.fullmatch(value) or not value):
        return value
    raise ValueError("must be the name of a header, such as X-Forwarded-User")


def _host_port(value: Any) -> str:
    """A host's name, with a port if it is not the listener's."""
    text = values.text(value)
    name, colon, port = text.rpartition(":")
    if not colon:
        return values.host(text)
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise ValueError("must be NAME or NAME:PORT")
    values.host(name)
    return text


def _network(value: Any) -> IPv4Network | IPv6Network:
    network = values.network(value)
    if network == "unix":
        raise ValueError('must be a network such as "10.0.0.0/8", or an address')
    return network
