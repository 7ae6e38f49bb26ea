"""The file of ``gatepost watch``: the upstreams, how often to check them, and what is kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any, Final, cast

from gatepost.client.named_secret import NamedSecret
from gatepost.config import value_syntax as values
from gatepost.config.credentials import NOWHERE, secret
from gatepost.config.source_file import parse, raise_problems, read_text, try_secret, try_to_read
from gatepost.config.table_reader import EffectiveValue, Source, TableReader
from gatepost.diagnosis.remedies.find_remedies import find_library
from gatepost.errors import ConfigError
from gatepost.model.evidence import TlsMode
from gatepost.net.dial import Server
from gatepost.net.listen import is_loopback

MODES: Final = ("auto", "starttls", "implicit", "none")
LEAST: Final = timedelta(seconds=1)
LEAST_WITH_PASSWORD: Final = timedelta(minutes=1)
"""Shortest interval with a password: more logins would look like an attack."""
NOBODY: Final = Server("localhost", 587)
"""Stands for a server whose name is a mistake."""
_IMPLICIT_PORT: Final = 465


@dataclass(frozen=True, slots=True)
class WatchedServer:
    """One server to watch."""

    name: str
    server: Server
    tls: TlsMode
    interval: timedelta
    library: str = ""
    ca_file: str = ""
    username: str = ""
    password: NamedSecret | None = None


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """The contents of the file."""

    upstreams: tuple[WatchedServer, ...]
    directory: FilePath
    metrics: tuple[str, int] | None
    jitter: float
    parallel: int
    keep: int
    keep_for: timedelta
    certificate_warning: timedelta
    effective: tuple[EffectiveValue, ...] = ()


def load_watch(path: FilePath, environment: Mapping[str, str] | None = None) -> WatchConfig:
    """Return the contents of the file; the files that it names are checked.

    Raises ConfigProblems with every mistake, each at ``file:line``.
    """
    root, source = parse(read_text(path), str(path))
    config = _read(root)
    root.finish()
    variables = os.environ if environment is None else environment
    for index, upstream in enumerate(config.upstreams):
        _check(source, index, upstream, variables)
    raise_problems(source)
    return config


def _read(root: TableReader) -> WatchConfig:
    interval = root.take("interval", _interval, timedelta(minutes=15))
    jitter = root.take("jitter", values.fraction(0, 1), 0.1)
    directory = FilePath(root.take("directory", values.path, "watch"))
    usual: tuple[str, int] | None = ("127.0.0.1", 9587)
    metrics = root.take("metrics", _metrics, usual)
    parallel = root.take("parallel", values.number(1, 64), 4)
    keep = root.take("keep", values.number(2, 100_000), 1000)
    keep_for = root.take("keep_for", values.positive_span, timedelta(days=365))
    warning = root.take("certificate_warning", values.span, timedelta(days=21))
    upstreams = _upstreams(root, interval)
    return WatchConfig(
        upstreams, directory, metrics, jitter, parallel, keep, keep_for, warning,
        tuple(root.effective),
    )  # fmt: skip


def _upstreams(root: TableReader, interval: timedelta) -> tuple[WatchedServer, ...]:
    upstreams: list[WatchedServer] = []
    tables = root.tables("upstream")
    if not tables:
        root.fault("upstream" if root.has("upstream") else None, "there is no [[upstream]]")
    for table in tables:
        upstream = _upstream(table, interval)
        if upstream.name in [each.name for each in upstreams]:
            table.fault(
                "name", f"{table.name('name')}: there is already an upstream {upstream.name}"
            )
        upstreams.append(upstream)
        table.finish()
    return tuple(upstreams)


def _upstream(table: TableReader, interval: timedelta) -> WatchedServer:
    tls = cast("TlsMode", table.take("tls", values.one_of(MODES), "auto"))
    default_port = _IMPLICIT_PORT if tls == "implicit" else NOBODY.port
    server = table.need("server", values.server(default_port), NOBODY)
    upstream = WatchedServer(
        table.take("name", values.name, _named_after(server)),
        server,
        tls,
        table.take("interval", _interval, interval),
        table.take("client", _library, ""),
        table.take("ca_file", values.optional_path, ""),
        table.take("username", values.optional_text, ""),
        table.take("password", secret, None),
    )
    if table.has("username") != table.has("password"):
        table.fault(None, f"{table.name('username')} and password must be given together")
    if upstream.password is not None and upstream.interval < LEAST_WITH_PASSWORD:
        table.fault(
            "interval" if table.has("interval") else "password",
            f"{table.name('password')}: with a password, the interval must be at least a minute",
        )
    return upstream


def _named_after(server: Server) -> str:
    return str(server).replace("[", "").replace("]", "").replace(":", "-")


def _check(
    source: Source, index: int, upstream: WatchedServer, environment: Mapping[str, str]
) -> None:
    if upstream.ca_file:
        try_to_read(source, ("upstream", index, "ca_file"), upstream.ca_file)
    if upstream.password not in (None, NOWHERE):
        try_secret(source, ("upstream", index, "password"), upstream.password, environment)


def _interval(value: Any) -> timedelta:
    read = values.positive_span(value)
    if read < LEAST:
        raise ValueError("must be at least a second")
    return read


def _metrics(value: Any) -> tuple[str, int] | None:
    if value == "off":
        return None
    place = values.listening(value)
    if not is_loopback(place[0]):
        raise ValueError(
            'must be an address of this machine, such as "127.0.0.1:9587", or "off": '
            "anybody who connects can read the metrics"
        )
    return place


def _library(value: Any) -> str:
    try:
        return find_library(values.text(value)).name
    except ConfigError as error:
        raise values.Unknown(f"names an unknown library {value!r}", error.did_you_mean) from None
