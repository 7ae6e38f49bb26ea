"""The file of a provider's events: one that comes with Gatepost, or the user's own, in TOML.

``docs/reference/provider-events.md`` describes it. All mistakes are found at once.
"""

import re
from pathlib import Path as FilePath
from typing import Any, Final, cast, get_args

from gatepost.config import value_syntax as values
from gatepost.config.http_provider_file import read_placeholder, read_sign_in
from gatepost.config.provider_file import header_name, read_shipped_or_own, sourced_table
from gatepost.config.source_file import parse, raise_problems
from gatepost.config.table_reader import TableReader
from gatepost.model.provider_events import (
    CarriedMark,
    EventMeaning,
    EventPaths,
    EventPoll,
    EventProvider,
    Meaning,
    Proof,
    WebhookProof,
)

_PATH: Final = re.compile(r"(?:[A-Za-z0-9_-]{1,60}|\*|@[A-Za-z0-9-]{1,64})"
                          r"(?:\.(?:[A-Za-z0-9_-]{1,60}|\*|@[A-Za-z0-9-]{1,64})){0,7}")  # fmt: skip
_WINDOW: Final = 300.0
_OVERLAP: Final = 900.0


def read_event_provider(provider: str) -> EventProvider:
    """Return the provider of this name, or in the file of this name.

    Raises ConfigProblems with every mistake, each at ``file:line``, and values.Unknown for a name
    that is none of ours.
    """
    return read_shipped_or_own("events", provider, parse_event_provider)


def parse_event_provider(text: str, file: str) -> EventProvider:
    """Return the provider that a text describes. Raises ConfigProblems."""
    root, source = parse(text, file)
    name = FilePath(file).stem
    title = root.take("title", values.text, name)
    root.take("as_of", values.text, "")
    provider = EventProvider(
        name, title, _proof(root), _paths(root),
        tuple([_meaning(each) for each in root.tables("meaning")]), _mark(root),
        tuple([_poll(each) for each in root.tables("poll")]),
        {key: read_placeholder(each) for key, each in root.named("placeholder").items()},
        root.take("polls_deliveries", values.flag, True),
    )  # fmt: skip
    root.finish()
    raise_problems(source)
    return provider


def _proof(root: TableReader) -> WebhookProof:
    table = sourced_table(root, "proof")
    kind = table.decide("kind", values.one_of(get_args(Proof)), "basic", required=True)
    signature, timestamp = "", ""
    if kind == "ecdsa":
        signature = table.need("signature_header", header_name, "")
        timestamp = table.need("timestamp_header", header_name, "")
    window = _WINDOW
    if kind != "basic":
        window = table.take("window", _seconds, _WINDOW)
    table.finish()
    return WebhookProof(cast("Any", kind), signature, timestamp, window)


def _seconds(value: Any) -> float:
    return values.positive_span(value).total_seconds()


def _paths(root: TableReader) -> EventPaths:
    table = sourced_table(root, "event")
    paths = EventPaths(
        table.need("kind", _some_paths, ()),
        table.need("delivery", _some_paths, ()),
        table.need("recipients", _path, ""),
        table.take("events", _path, ""),
        table.take("each", _path, ""),
        table.take("address", _path, ""),
        table.take("reason", _some_paths, ()),
        table.take("server", _some_paths, ()),
        table.take("time", _some_paths, ()),
        table.take("id", _some_paths, ()),
        table.take("message_id", _some_paths, ()),
    )
    table.finish()
    return paths


def _meaning(table: TableReader) -> EventMeaning:
    table.take("source", values.text, "")
    meaning = EventMeaning(
        table.need("kind", values.some(values.text), ()),
        cast("Meaning", table.need("then", values.one_of(get_args(Meaning)), "nothing")),
        table.take("where", _conditions, ()),
        table.take("recipients", _path, ""),
        table.take("address", _path, None),
    )
    table.finish()
    return meaning


def _mark(root: TableReader) -> CarriedMark | None:
    table = root.table("mark")
    if not root.has("mark"):
        return None
    table.take("source", values.text, "")
    mark = CarriedMark(table.need("header", header_name, ""), table.need("value", _marked, ""))
    table.finish()
    return mark


def _poll(table: TableReader) -> EventPoll:
    table.take("source", values.text, "")
    sign_in = read_sign_in(table)
    poll = EventPoll(
        table.need("url", _url, ""),
        sign_in,
        table.take("events", _path, ""),
        table.take("each", _path, ""),
        table.take("query", _query, ()),
        cast("Any", table.take("since", values.one_of(("epoch", "minute", "date")), "epoch")),
        table.take("next", _path, ""),
        table.take("offset", values.name, ""),
        table.take("overlap", _seconds, _OVERLAP),
        table.take("usual_kind", values.text, ""),
        table.take("by_recipient", values.flag, False),
        table.take("takes_away", values.flag, False),
    )
    if sign_in.kind == "sigv4":
        table.fault("sign_in", f"{table.name('sign_in')}: signatures are not made here")
    table.finish()
    return poll


# Values.


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("https://") or " " in value:
        raise ValueError("must be a URL that begins with https://")
    return value


def _query(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError('must be a table such as { limit = "100" }')  # noqa: TRY004
    return tuple([(values.name(name), values.text(each)) for name, each in value.items()])


def _path(value: Any) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise ValueError('must be the path of a member, such as "data.headers.@X-Id"')
    return value


_some_paths: Final = values.some(_path)


def _marked(value: Any) -> str:
    text = values.text(value)
    if "{delivery}" not in text or not text.isascii() or not text.isprintable():
        raise ValueError('must be ASCII with "{delivery}" in it')
    return text


def _conditions(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict) or not value:
        raise ValueError('must be a table such as { "bounce.type" = ["Permanent"] }')
    read = values.some(values.text)
    return tuple([(_path(path), read(each)) for path, each in value.items()])
