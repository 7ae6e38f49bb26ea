"""An OpenAPI 3.1 document of endpoints, made of the types that are read and written."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from gatepost.model.console_access import ConsoleEndpoint

_NAME: Final = re.compile(r"\{(\w+)(?::path)?\}")
_ANY: Final = re.compile(r"[^A-Za-z0-9]+")
_NUMBERS: Final = frozenset({"start", "limit", "min", "step"})
_DESCRIBED: Final = {
    "after": "A cursor of an earlier response.",
    "before": "Only what was received before this time.",
    "dl": "1: as a file.",
    "embed": "1: links open a new tab.",
    "inbox": "The id of an inbox.",
    "limit": "How many at most.",
    "min": "For how many matching messages to wait; 1 if it is missing.",
    "pattern": "A regular expression without nested repetitions; its group, if any, is the value.",
    "query": "A search.",
    "start": "How many to leave out.",
    "trace": "0: without the trace fields.",
    "tz": "The time zone of dates in the search, such as Asia/Tokyo.",
    "wait": "Seconds, up to 60, to wait for messages.",
}
_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}
_FORM: Final = "application/x-www-form-urlencoded"


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str


class ErrorDocument(msgspec.Struct, frozen=True):
    """A refusal."""

    error: ErrorDetail


class ApiStyle(msgspec.Struct, frozen=True):
    """What the endpoints of an API have in common."""

    title: str
    version: str
    prefixes: tuple[str, ...]
    """The base paths, the first of which is the usual one."""
    refuses_in_json: bool
    """Refusals are ErrorDocument; otherwise text."""
    takes_forms: bool = False
    """Bodies may be forms, too."""
    refuses_with_error: frozenset[str] = frozenset()
    """Paths whose refusals may be ``{"Error": "..."}`` instead of text."""


def describe_api(style: ApiStyle, endpoints: Iterable[ConsoleEndpoint]) -> dict[str, Any]:
    """Return the document."""
    chosen = list(endpoints)
    types: list[type] = []
    for one in chosen:
        types += [each for each in (one.body, one.answer) if each not in (None, str, bytes)]
    types += [ErrorDocument] if style.refuses_in_json else []
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in chosen:
        path = _NAME.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(style, each, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": style.title, "version": style.version},
        "servers": [_server(prefix) for prefix in style.prefixes],
        "security": [{"bearer": []}, {"basic": []}, {}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _server(prefix: str) -> dict[str, Any]:
    server: dict[str, Any] = {"url": _NAME.sub(r"{\1}", prefix) or "/"}
    if names := _NAME.findall(prefix):
        server["variables"] = {
            name: {"default": "all", "description": f"The id of an {name}."} for name in names
        }
    return server


def _operation(
    style: ApiStyle, endpoint: ConsoleEndpoint, schemas: dict[type, dict[str, Any]]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _ANY.sub("_", f"{endpoint.method.lower()}{endpoint.path}").rstrip("_"),
        "summary": endpoint.summary,
        "description": f"Needs the role {endpoint.role}.",
        "parameters": [*_path_parameters(endpoint.path), *map(_parameter, endpoint.query)],
        "responses": {"200": _success(endpoint, schemas), **_refusals(style, endpoint)},
    }
    if endpoint.body is not None:
        schema = schemas.get(endpoint.body, {"type": "object"})
        content = {"application/json": {"schema": schema}}
        if style.takes_forms:
            content[_FORM] = {"schema": {"type": "object"}}
        operation["requestBody"] = {"content": content}
    return operation


def _path_parameters(path: str) -> Sequence[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAME.findall(path)
    ]


def _parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name in _NUMBERS:
        schema = {"type": "integer", "minimum": 0}
    elif name == "wait":
        schema = {"type": "number", "minimum": 0, "maximum": 60}
    parameter = {"name": name, "in": "query", "schema": schema}
    if name in _DESCRIBED:
        parameter["description"] = _DESCRIBED[name]
    return parameter


def _success(endpoint: ConsoleEndpoint, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    if endpoint.answer is str:
        return {"description": "Done.", "content": _TEXT}
    if endpoint.answer is bytes:
        return {"description": "Octets.", "content": {"*/*": {"schema": {"type": "string"}}}}
    schema: dict[str, Any] = {"type": "object"}
    if endpoint.answer is not None:
        schema = schemas[endpoint.answer]
    return {"description": "The answer.", "content": {"application/json": {"schema": schema}}}


def _refusals(style: ApiStyle, endpoint: ConsoleEndpoint) -> dict[str, Any]:
    content: dict[str, Any] = _TEXT
    if style.refuses_in_json:
        ref = {"$ref": "#/components/schemas/ErrorDocument"}
        content = {"application/json": {"schema": ref}}
    elif endpoint.path in style.refuses_with_error:
        error = {"type": "object", "properties": {"Error": {"type": "string"}}}
        content = {**_TEXT, "application/json": {"schema": error}}
    refusals = {
        "400": "The request means nothing.",
        "401": "No valid token or password was sent.",
        "403": "The user may not do this, or another site's page sent the request.",
        "404": "There is no such object.",
    }
    if style.refuses_in_json:
        refusals["409"] = "It cannot be done now, or exists already, or the relay has no such part."
    if style.refuses_in_json and endpoint.method != "GET":
        refusals["412"] = "The object has changed."
        refusals["429"] = "There are too many."
    if endpoint.body is not None:
        refusals["413"] = "The body is too large."
    refusals["503"] = "The server cannot do this now."
    return {
        code: {"description": text, "content": content} for code, text in sorted(refusals.items())
    }
