"""From a file to a configuration: all mistakes are reported at once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any

from gatepost.config import value_syntax as values
from gatepost.config.bounce_targets import separate_recipients
from gatepost.config.console import read_console
from gatepost.config.credentials import read_credentials
from gatepost.config.cross_checks import (
    check_addresses,
    check_loops,
    warn_of_high_volume,
    warn_of_lost_bounces,
    warn_of_short_hostname,
    warn_of_unused,
)
from gatepost.config.directories import KIND, read_directories
from gatepost.config.dkim import check_dkim, read_dkim
from gatepost.config.events import read_events
from gatepost.config.external_checks import check_external
from gatepost.config.failures import read_failures
from gatepost.config.limits import read_limits
from gatepost.config.listeners import read_listeners
from gatepost.config.offered_mechanisms import check_mechanisms
from gatepost.config.retries import read_retries
from gatepost.config.routes import read_routes
from gatepost.config.settings import (
    ApiSettings,
    AzureDirectorySettings,
    Configuration,
    DirectorySettings,
    DnsSettings,
)
from gatepost.config.source_file import parse, raise_problems, read_text
from gatepost.config.storage import read_storage
from gatepost.config.table_reader import Source, TableReader
from gatepost.config.targets import read_targets
from gatepost.errors import ConfigError
from gatepost.model.profile import EventRules
from gatepost.net.dial import host_name
from gatepost.net.dns import parse_nameserver
from gatepost.net.rereadable_files import check_again


def load_config(path: FilePath, environment: Mapping[str, str] | None = None) -> Configuration:
    """Return the configuration in a file.

    Checks the files that it names, and reads secrets once, without keeping them. Raises
    ConfigProblems with every mistake, each at ``file:line``.
    """
    text = read_text(path)
    config, source = read_config(text, str(path))
    check_external(config, source, os.environ if environment is None else environment)
    raise_problems(source)
    return replace(config, warnings=tuple(source.warnings))


def load_again(
    path: FilePath, workers: int | None = None, node: str | None = None
) -> Configuration:
    """Return the configuration in a file that can be read more than once, for ``gatepost serve``.

    ``workers`` is a number of front processes instead of its own, ``node`` a name of the node.
    Raises ConfigProblems, or ConfigError if there is no such file, or no database for nodes.
    """
    try:
        check_again(path)
    except OSError as error:
        message = f"the configuration cannot be read: {error.strerror or error}"
        raise ConfigError(message, where=str(path)) from error
    config = load_config(path)
    if node is not None:
        database = config.storage.database
        if database is None:
            raise ConfigError('--node needs storage.kind = "postgres"', where=str(path))
        storage = replace(config.storage, database=replace(database, node=node))
        config = replace(config, storage=storage)
    return config if workers is None else replace(config, workers=workers)


def parse_config(text: str, file: str = "gatepost.toml") -> Configuration:
    """Return the configuration in a text, without external checks.

    Raises ConfigProblems.
    """
    config, source = read_config(text, file)
    raise_problems(source)
    return config


def read_config(text: str, file: str) -> tuple[Configuration, Source]:
    """Return the configuration as far as it can be read, and its mistakes.

    Raises ConfigProblems if it cannot be parsed as TOML at all.
    """
    root, source = parse(text, file)
    config = replace(_read(root), file=file, text=text)
    root.finish()
    return config, source


def _read(root: TableReader) -> Configuration:
    name = root.take("hostname", values.host, host_name())
    workers = root.take("workers", values.number(0, 64), 0)
    postmaster = root.take("postmaster", values.mailbox, "")
    health = root.take("health", _place, None)
    degraded_after = root.take("degraded_after", values.span, timedelta(minutes=30))
    ca_file = root.take("ca_file", values.optional_path, "")
    listeners = read_listeners(root)
    directories = read_directories(root)
    apis = _apis(root, directories)
    check_mechanisms(root, listeners, directories, gives_tokens=bool(apis))
    credentials = read_credentials(root)
    targets = read_targets(root, credentials)
    retries = read_retries(root)
    routes = read_routes(root, targets, retries)
    console = read_console(root, routes, directories)
    failures = read_failures(root)
    events = read_events(root, directories, credentials, targets, routes)
    routes = separate_recipients(root, routes, events)
    check_addresses(root, listeners, health, apis, console)
    check_loops(root, listeners, targets)
    of_events = () if events is None else events.credentials
    others = [each for each in credentials if each not in of_events]
    warn_of_unused(root, targets, routes, others, retries)
    warn_of_lost_bounces(root, routes)
    warn_of_high_volume(root, routes)
    warn_of_short_hostname(root, name, routes)
    limits, storage, dns = read_limits(root), read_storage(root), _dns(root)
    dkim = read_dkim(root, storage.directory)
    check_dkim(root, dkim, targets)
    records_sessions = _should_record(root)
    return Configuration(
        name, listeners, directories, routes, credentials, limits, storage, dns, workers,
        postmaster, health, degraded_after, apis, console, ca_file, tuple(root.effective),
        records_sessions=records_sessions, dkim=dkim, failures=failures,
        events=events, reports=None if events is None else EventRules(),
    )  # fmt: skip


def _place(value: Any) -> tuple[str, int] | None:
    return values.listening(value)


def _apis(root: TableReader, directories: Sequence[DirectorySettings]) -> tuple[ApiSettings, ...]:
    """Return the settings, if the file has any."""
    if not root.has("api"):
        root.table("api")
        return ()
    table = root.table("api")
    host, port = table.need("address", values.listening, values.ListenAddress("127.0.0.1", 0))
    api = ApiSettings(
        host,
        port,
        table.need("certificate", values.path, ""),
        table.take("key", values.optional_path, ""),
    )
    table.finish()
    is_managed = any(isinstance(each, AzureDirectorySettings) for each in directories)
    if not is_managed and root.is_clear(KIND):
        table.fault(None, '[api] manages the directory of kind "azure", but there is none')
    return (api,)


def _dns(root: TableReader) -> DnsSettings:
    table, usual = root.table("dns"), DnsSettings()
    read = DnsSettings(
        table.take("nameservers", values.many(_nameserver), usual.nameservers),
        table.take("timeout", values.positive_span, usual.timeout),
    )
    table.finish()
    return read


def _should_record(root: TableReader) -> bool:
    table = root.table("sessions")
    records: bool = table.take("record", values.flag, False)
    table.finish()
    return records


def _nameserver(value: Any) -> Any:
    try:
        return parse_nameserver(values.text(value))
    except ConfigError as error:
        raise ValueError(f"must be an address; {error}") from None
