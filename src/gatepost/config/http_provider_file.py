"""The file of a provider's HTTP API: one that comes with Gatepost, or the user's own, in TOML.

``docs/reference/provider-apis.md`` describes it. All mistakes are found at once.
"""

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.problems import nearest
from gatepost.config.provider_file import header_name, read_shipped_or_own, sourced_table
from gatepost.config.source_file import parse, raise_problems
from gatepost.config.table_reader import TableReader
from gatepost.model.http_provider import (
    Consequence,
    ErrorPaths,
    HttpProvider,
    Placeholder,
    ProviderLimits,
    ProviderSignIn,
    RecipientStates,
    RequestBody,
    ResetHeader,
    ResponseRule,
    Success,
    strings_in,
)
from gatepost.model.reply import Esc

OF_A_MESSAGE: Final = ("sender", "recipients", "recipient", "message", "delivery")
"""Placeholders that have another value for each message."""
RESERVED: Final = frozenset(
    {"kind", "provider", "credential", "endpoint", "message_size", "connections", "rate",
     "messages_per_connection", "recipients_per_message", *OF_A_MESSAGE}
)  # fmt: skip
"""Names that a placeholder cannot have, because a target's keys have them."""
PLACEHOLDER: Final = re.compile(r"\{([a-z_]{1,40})\}")
_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}")
_PATH: Final = re.compile(r"[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){0,7}")
_REPLY: Final = re.compile(r"(5\d\d) 5\.(\d{1,3})\.(\d{1,3})")
_STATUSES: Final = values.some(values.number(100, 599))
_DEEPEST: Final = 8
"""Nested members of a body."""


def read_provider(provider: str) -> HttpProvider:
    """Return the provider of this name, or in the file of this name.

    Raises ConfigProblems with every mistake, each at ``file:line``, and values.Unknown for a name
    that is none of ours.
    """
    return read_shipped_or_own("apis", provider, parse_provider)


def parse_provider(text: str, file: str) -> HttpProvider:
    """Return the provider that a text describes. Raises ConfigProblems."""
    root, source = parse(text, file)
    provider = _read(root, FilePath(file).stem)
    root.finish()
    raise_problems(source)
    return provider


def _read(root: TableReader, name: str) -> HttpProvider:
    title = root.take("title", values.text, name)
    root.take("as_of", values.text, "")
    request = sourced_table(root, "request")
    url = request.need("url", _url, "")
    sign_in = read_sign_in(request)
    idempotency = request.take("idempotency_header", header_name, "")
    request.finish()
    placeholders = {key: read_placeholder(each) for key, each in root.named("placeholder").items()}
    for key in placeholders:
        if key in RESERVED or not _NAME.fullmatch(key):
            problem = "cannot be the name of a placeholder: take another word of small letters"
            root.table("placeholder").fault(key, f"placeholder.{key} {problem}")
    body = _body(root)
    limits, success = _limits(root), _success(root)
    provider = HttpProvider(
        name, title, url, sign_in, body, success, _error(root),
        tuple([_rule(each) for each in root.tables("response")]),
        MappingProxyType(placeholders), limits, _reset(root), idempotency,
    )  # fmt: skip
    _check_placeholders(root, provider)
    if success.rejected and limits.recipients != 1:
        root.table("success").fault(
            "rejected",
            "success.rejected only counts recipients: limits.recipients must be 1, so that it is "
            "known who was rejected",
        )
    return provider


def read_sign_in(request: TableReader) -> ProviderSignIn:
    """Return how requests prove who sends them."""
    kind = request.decide("sign_in", values.one_of(("sigv4", "basic", "key")), "key", required=True)
    match kind:
        case "sigv4":
            service = request.need("service", values.text, "")
            return ProviderSignIn("sigv4", service, request.need("region", values.text, ""))
        case "basic":
            return ProviderSignIn("basic", username=request.need("username", values.text, ""))
        case _:
            header = request.take("header", header_name, "authorization")
            prefix = request.take("prefix", values.optional_text, "")
            return ProviderSignIn("key", header=header.lower(), prefix=prefix)


def read_placeholder(table: TableReader) -> Placeholder:
    """Return a word that the configuration sets."""
    table.take("source", values.text, "")
    default = table.take("default", values.optional_text, None)
    words: Mapping[str, str] = table.take("words", _words, {})
    if words and default is not None and default not in words:
        table.fault("default", f"{table.name('default')} is none of words")
    table.finish()
    return Placeholder(default, words)


def _body(root: TableReader) -> RequestBody:
    table = sourced_table(root, "body")
    kind = table.need("kind", values.one_of(("json", "form")), "json")
    message = table.need("message", values.one_of(("base64", "text", "file")), "base64")
    is_seven_bit = table.take("seven_bit", values.flag, False)
    members: Mapping[str, Any] = table.need("members", _members, {})
    table.finish()
    words = list(strings_in(members))
    if kind == "json" and message == "file":
        table.fault("message", 'body.message: only a form has files; JSON has "base64" or "text"')
    if kind == "form" and any(isinstance(each, dict | list) for each in members.values()):
        table.fault("members", "body.members: the members of a form are strings")
    if not table.is_mistaken("members") and "{message}" not in words:
        table.fault("members", 'body.members: no member is "{message}"')
    if not table.is_mistaken("members") and not {"{recipients}", "{recipient}"} & set(words):
        problem = (
            'no member is "{recipients}" or has "{recipient}": the envelope decides who receives'
        )
        table.fault("members", f"body.members: {problem}")
    return RequestBody(cast("Any", kind), members, cast("Any", message), is_seven_bit)


def _limits(root: TableReader) -> ProviderLimits:
    table = sourced_table(root, "limits")
    limits = ProviderLimits(
        table.take("size", values.positive_size, None),
        cast("Any", table.take("size_counts", values.one_of(("message", "base64")), "message")),
        table.take("recipients", values.number(1, 10_000), None),
    )
    table.finish()
    return limits


def _success(root: TableReader) -> Success:
    table = sourced_table(root, "success")
    statuses: tuple[int, ...] = table.take("status", _STATUSES, (200,))
    id_ = table.need("id", _path, "")
    rejected = table.take("rejected", _path, "")
    recipients = _recipients(table) if table.has("recipients") else None
    table.finish()
    return Success(statuses, id_, recipients, rejected)


def _recipients(success: TableReader) -> RecipientStates:
    table = sourced_table(success, "recipients")
    states = RecipientStates(
        table.need("path", _path, ""),
        table.need("address", _path, ""),
        table.need("state", _path, ""),
        table.need("refused", values.some(values.text), ()),
        table.take("id", _path, ""),
        table.take("code", _path, ""),
        table.take("message", _path, ""),
    )
    table.finish()
    return states


def _error(root: TableReader) -> ErrorPaths:
    table = sourced_table(root, "error")
    paths = ErrorPaths(
        table.take("code", values.some(_path), ()),
        table.take("code_header", header_name, "").lower(),
        table.take("message", values.some(_path), ()),
    )
    table.finish()
    return paths


def _rule(table: TableReader) -> ResponseRule:
    table.take("source", values.text, "")
    then = table.need("then", values.one_of(("retry", "operator", "pause", "bounce")), "retry")
    reply = table.take("reply", _reply, None)
    if reply is not None and then != "bounce":
        table.fault("reply", f'{table.name("reply")} is for then = "bounce"')
    is_throttling = table.take("throttles", values.flag, False)
    if is_throttling and then != "retry":
        table.fault("throttles", f'{table.name("throttles")} is for then = "retry"')
    has_wait = table.has("wait")
    wait = table.take("wait", values.positive_span, None)
    if has_wait and then == "bounce":
        table.fault("wait", f'{table.name("wait")} has no effect with then = "bounce"')
    elif then == "pause" and not has_wait:
        table.lack("wait", f"{table.name('wait')} is missing: how long to pause if no header says")
    rule = ResponseRule(
        cast("Consequence", then),
        table.take("status", _STATUSES, ()),
        table.take("code", values.some(values.text), ()),
        table.take("text", values.text, "").lower(),
        reply,
        is_throttling,
        wait.total_seconds() if wait is not None else 0.0,
        table.take("why", values.text, ""),
    )
    conditions = ("status", "code", "text")
    if not any(map(table.has, conditions)):
        table.lack(conditions, "a response needs a status, a code or a text")
    table.finish()
    return rule


def _reset(root: TableReader) -> ResetHeader | None:
    if not root.has("reset"):
        root.table("reset")
        return None
    table = sourced_table(root, "reset")
    header = table.need("header", header_name, "").lower()
    unit = table.need("unit", values.one_of(("seconds", "epoch")), "seconds")
    table.finish()
    return ResetHeader(header, cast("Any", unit))


def _check_placeholders(root: TableReader, provider: HttpProvider) -> None:
    """Report placeholders that nothing sets, and those that nothing uses."""
    settable, request = provider.placeholders, root.table("request")
    used: set[str] = set()
    for key, text in (("url", provider.url), ("region", provider.sign_in.region)):
        for name in PLACEHOLDER.findall(text):
            used.add(name)
            if name not in settable:
                problem = f"there is no [placeholder.{name}]"
                request.fault(key, f"request.{key}: {problem}", nearest(name, settable))
    for text in strings_in(provider.body.members):
        for name in PLACEHOLDER.findall(text):
            used.add(name)
            if name not in settable and name not in OF_A_MESSAGE:
                near = nearest(name, (*settable, *OF_A_MESSAGE))
                root.table("body").fault(
                    "members", f"body.members: there is no [placeholder.{name}]", near
                )
    for name in settable:
        if name not in used:
            root.table("placeholder").fault(name, f"nothing uses placeholder.{name}")


# Values.


def _url(value: Any) -> str:
    values.https_url(PLACEHOLDER.sub("x", value) if isinstance(value, str) else value)
    return cast("str", value)


def _path(value: Any) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise ValueError('must be the path of a member, such as "errors.0.message"')
    return value


def _reply(value: Any) -> tuple[int, Esc] | None:
    match = _REPLY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be the codes of a refusal, such as "554 5.7.1"')
    return int(match[1]), Esc(5, int(match[2]), int(match[3]))


def _words(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not value:
        raise ValueError('must be a table such as { eu = "api.eu.example.com" }')
    return MappingProxyType({key: values.text(each) for key, each in value.items()})


def _members(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a table with the members of the body")
    _check_member(value, _DEEPEST)
    return MappingProxyType(value)


def _check_member(value: Any, depth: int) -> None:
    if not depth:
        raise ValueError(f"has more than {_DEEPEST} levels")
    if isinstance(value, dict):
        for each in value.values():
            _check_member(each, depth - 1)
    elif isinstance(value, list):
        is_repeated = any("{recipient}" in each for each in strings_in(value))
        if is_repeated and len(value) != 1:
            raise ValueError('has a list with "{recipient}" that has more than one member')
        for each in value:
            _check_member(each, depth - 1)
    elif isinstance(value, float) or not isinstance(value, str | bool | int):
        raise ValueError("has a member that is none of string, number, true, false, list, table")  # noqa: TRY004
