"""A client's configuration as its framework reads it: roles, forms and marks, never a secret."""

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "host", "endpoint", "port", "username", "password", "sender", "helo", "url", "auth",
    "mechanism", "filter", "starttls", "implicit", "tls", "clear", "verify", "backend", "maps",
]  # fmt: skip
"""What a setting is for. ``endpoint`` is HOST:PORT in one; ``tls`` is on and does not say how."""


@dataclass(frozen=True, slots=True)
class SecretShape:
    """What a secret looks like, without what it is."""

    length: int
    kind: str = ""
    """A shape that is known: ``guid``, ``access_key``, ``connection_string``, ..."""
    ascii: bool = True
    edge_blank: bool = False
    """It begins or ends with white space or a line end."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``shown`` is its value where everybody may see it, else empty."""

    role: Role
    key: str
    """As it is spelled in the file."""
    line: int
    shown: str = ""
    state: Literal["set", "empty", "elsewhere"] = "set"
    """``elsewhere``: the value comes from the environment, a vault, a template."""
    on: bool | None = None
    """A switch, as the framework takes its value; None where that is unknown."""
    form: str = ""
    """A user name's or sender's form, as in ``Login``."""
    secret: SecretShape | None = None
    marks: tuple[str, ...] = ()
    """What was noticed while reading: see ``diagnosis.lint.marks``."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one client: a file, or one account of it."""

    file: str
    kind: str
    """Whose file it is: ``dotenv``, ``django``, ``postfix``, ..."""
    name: str = ""
    """The account, where a file has several."""
    settings: tuple[Setting, ...] = ()
