"""A provider's HTTP API as data: how a message is handed over, and what its responses mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from gatepost.model.reply import Esc

Consequence = Literal["retry", "operator", "pause", "bounce"]
"""What follows from a response that is no success: try again by the schedule; try again, and tell
the operator now; send nothing until a window ends; report to the sender."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A word of the URL or the body that a target's table sets."""

    default: str | None = None
    """None: the table must set it."""
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The permitted words, and what each stands for; empty: any word stands for itself."""


@dataclass(frozen=True, slots=True)
class ProviderSignIn:
    """How requests prove who sends them."""

    kind: Literal["sigv4", "basic", "key"]
    service: str = ""
    """Of ``sigv4``: the name of the service in the signature."""
    region: str = ""
    """Of ``sigv4``: the region in the signature, with placeholders."""
    username: str = ""
    """Of ``basic``: the user name; the key is the password."""
    header: str = "authorization"
    """Of ``key``: the field that has the key."""
    prefix: str = ""
    """Of ``key``: what is in front of the key, such as ``Bearer``, with the space behind it."""


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The form of a request's body.

    In ``members``, ``{sender}``, ``{recipients}``, ``{message}``, ``{delivery}`` (a mark that the
    provider's events repeat, or nothing) and the placeholders are replaced; a list with
    ``{recipient}`` has its one member for each recipient.
    """

    kind: Literal["json", "form"]
    members: Mapping[str, Any]
    message: Literal["base64", "text", "file"]
    """How the message is written: a file is a part of a form, everything else a string."""
    is_seven_bit: bool = False
    """8-bit parts of the message must be encoded."""


@dataclass(frozen=True, slots=True)
class RecipientStates:
    """Where a success says what became of each recipient. Paths are those of members."""

    path: str
    """The list."""
    address: str
    state: str
    refused: tuple[str, ...]
    """The states of recipients who get nothing; every other state is a success."""
    id: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Success:
    """What a response is like whose message was accepted."""

    statuses: tuple[int, ...]
    id: str
    """The path of the id; a response without it is none of this API."""
    recipients: RecipientStates | None = None
    rejected: str = ""
    """The path of the number of rejected recipients, where the API does not name them."""


@dataclass(frozen=True, slots=True)
class ErrorPaths:
    """Where an error has its code and its text: the first path with a value counts."""

    code: tuple[str, ...] = ()
    code_header: str = ""
    message: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """What one kind of response means; the first rule that matches counts."""

    then: Consequence
    statuses: tuple[int, ...] = ()
    """Empty: any."""
    codes: tuple[str, ...] = ()
    """Empty: any."""
    text: str = ""
    """Part of the error's text, in any case; empty: any."""
    reply: tuple[int, Esc] | None = None
    """The SMTP reply with the same meaning; None: the usual one."""
    is_throttling: bool = False
    """The provider wants less mail at a time."""
    wait: float = 0.0
    """Seconds until the next attempt, if no header says."""
    why: str = ""
    """The meaning, for the operator."""


@dataclass(frozen=True, slots=True)
class ResetHeader:
    """The header that says when a window of a rate or quota ends."""

    name: str
    unit: Literal["seconds", "epoch"]


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What a request may contain; None: not known."""

    size: int | None = None
    """Octets."""
    size_counts: Literal["message", "base64"] = "message"
    recipients: int | None = None

    @property
    def message_size(self) -> int | None:
        """The maximum octets of the message itself."""
        if self.size is None or self.size_counts == "message":
            return self.size
        return self.size // 4 * 3


@dataclass(frozen=True, slots=True)
class HttpProvider:
    """One provider, as its file describes it."""

    name: str
    title: str
    url: str
    """Where messages are posted, with placeholders."""
    sign_in: ProviderSignIn
    body: RequestBody
    success: Success
    error: ErrorPaths
    rules: tuple[ResponseRule, ...]
    placeholders: Mapping[str, Placeholder]
    limits: ProviderLimits = ProviderLimits()
    reset: ResetHeader | None = None
    idempotency_header: str = ""
    """The header by which the API recognises a request that is repeated; empty: there is none."""


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string in the members of a body, at any depth, without the names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings_in(each)
