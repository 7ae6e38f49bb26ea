"""The operation of a request: methods and paths, compared without regard to case."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gatepost.rest.arm.handled_request import Handler
from gatepost.rest.errors import ApiError

ANY: Final = "{}"
EXTENSION: Final = "microsoft.authorization"
"""The provider of operations on any scope; its last mention in a path counts."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    The path of an operation of Microsoft.Authorization does not include its scope.
    """

    method: str
    path: str
    """As in the documentation, with ``{name}`` for a name."""
    pattern: Words
    """Its words in lower case, with ``{}`` for any name."""
    action: str
    """What the caller's role must grant on the scope; empty: the handler checks it."""
    handler: Handler


@dataclass(frozen=True, slots=True)
class OperationMatch:
    """An operation and the names in its path."""

    operation: Operation
    scope: str
    """The scope on which the action must be granted."""
    names: Words
    """The values of ``{}``."""


def operation(method: str, path: str, action: str, handler: Handler) -> Operation:
    """Return one operation of the table."""
    words = (ANY if word.startswith("{") else word.lower() for word in words_of(path))
    return Operation(method, path, tuple(words), action, handler)


def words_of(path: str) -> Words:
    """Return the parts of a path without empty ones, because clients write ``//subscriptions``."""
    return tuple(word for word in path.split("/") if word)


def find(operations: Iterable[Operation], method: str, words: Words) -> OperationMatch:
    """Return the operation of a request.

    Raises ApiError: 404 with the text of Resource Manager, 405 for another method.
    """
    prefix, rest = _split(words)
    methods = set()
    for each in operations:
        names = _names(each.pattern, rest)
        if names is None:
            continue
        if each.method == method or (method == "HEAD" and each.method == "GET"):
            return OperationMatch(each, _scope(each.pattern, prefix, rest), names)
        methods.add(each.method)
    if methods:
        raise ApiError(
            405,
            "MethodNotAllowed",
            f"The resource does not support method '{method}'.",
            headers={"Allow": ", ".join(sorted(methods))},
        )
    raise _nothing_there(words)


def _split(words: Words) -> tuple[Words, Words]:
    """Return the scope of an extension and the rest of its path; no scope for other paths."""
    lower = [word.lower() for word in words]
    for index in range(len(words) - 2, -1, -1):
        if lower[index] == "providers" and lower[index + 1] == EXTENSION:
            return words[:index], words[index:]
    return (), words


def _names(pattern: Words, words: Words) -> Words | None:
    if len(pattern) != len(words):
        return None
    names = []
    for expected, word in zip(pattern, words, strict=True):
        if expected == ANY:
            names.append(word)
        elif expected != word.lower():
            return None
    return tuple(names)


def _scope(pattern: Words, prefix: Words, words: Words) -> str:
    """Return the resource of an operation: for a collection or an action, its parent."""
    if pattern[0] == "providers" and pattern[1] == EXTENSION:
        return f"/{'/'.join(prefix)}"
    if pattern[-1] != ANY:
        words = words[:-1]
        if len(words) > 1 and pattern[-3] == "providers":
            words = words[:-2]
    return f"/{'/'.join(words)}"


_NAMESPACES: Final = ("microsoft.communication", "microsoft.authorization", "microsoft.resources")


def _nothing_there(words: Words) -> ApiError:
    lower = [word.lower() for word in words]
    if "providers" in lower[:-1]:
        index = len(lower) - 1 - lower[::-1].index("providers")
        namespace = words[index + 1] if index + 1 < len(words) else ""
        if namespace and namespace.lower() not in _NAMESPACES:
            return ApiError(
                404,
                "InvalidResourceNamespace",
                f"The resource namespace '{namespace}' is invalid.",
            )
        if namespace:
            kind = "/".join(words[index + 2 :: 2])
            return ApiError(
                404,
                "InvalidResourceType",
                f"The resource type '{kind}' could not be found in the namespace '{namespace}'.",
            )
    return ApiError(404, "NotFound", f"There is nothing at '/{'/'.join(words)}'.")
