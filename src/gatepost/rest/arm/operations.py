"""Which operation a request asks for: methods and paths, compared without regard to case."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from gatepost.rest.errors import ApiError

if TYPE_CHECKING:
    from gatepost.rest.arm.call import Call

Handler = Callable[["Call"], Awaitable[Response]]
ANY: Final = "{}"
EXTENSION: Final = "microsoft.authorization"
"""The provider of what can be asked of any scope; its last mention in a path counts."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the API.

    An operation of Microsoft.Authorization is written without the scope that it is asked of.
    """

    method: str
    path: str
    """As the documentation writes it, ``{name}`` where there is a name."""
    pattern: Words
    """Its words, lower case; ``{}`` for any name."""
    action: str
    """What the caller's role must grant on the scope; empty: the handler looks itself."""
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """An operation and what its path named."""

    operation: Operation
    scope: str
    """What the action must be granted on."""
    names: Words
    """What stood for ``{}``."""


def operation(method: str, path: str, action: str, handler: Handler) -> Operation:
    """Return one line of the table."""
    words = (ANY if word.startswith("{") else word.lower() for word in words_of(path))
    return Operation(method, path, tuple(words), action, handler)


def words_of(path: str) -> Words:
    """Return the parts of a path; empty ones do not count, as clients write ``//subscriptions``."""
    return tuple(word for word in path.split("/") if word)


def find(operations: Iterable[Operation], method: str, words: Words) -> Match:
    """Return the operation that a request asks for.

    Raises ApiError: 404 as Resource Manager words it, 405 for another method.
    """
    prefix, rest = _split(words)
    methods = set()
    for each in operations:
        names = _names(each.pattern, rest)
        if names is None:
            continue
        if each.method == method or (method == "HEAD" and each.method == "GET"):
            return Match(each, _scope(each.pattern, prefix, rest), names)
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
    """Return the scope of an extension and the rest of its path; no scope for another."""
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
    """Return the resource that is asked of: of a collection or an action, what holds it."""
    if pattern[0] == "providers" and pattern[1] == EXTENSION:
        return f"/{'/'.join(prefix)}"
    if pattern[-1] != ANY:
        words = words[:-1]
        if len(words) > 1 and pattern[-3] == "providers":
            words = words[:-2]
    return f"/{'/'.join(words)}"


_KNOWN: Final = ("microsoft.communication", "microsoft.authorization", "microsoft.resources")


def _nothing_there(words: Words) -> ApiError:
    lower = [word.lower() for word in words]
    if "providers" in lower[:-1]:
        index = len(lower) - 1 - lower[::-1].index("providers")
        namespace = words[index + 1] if index + 1 < len(words) else ""
        if namespace and namespace.lower() not in _KNOWN:
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
