"""A client's configuration as its framework reads it: roles, formats and marks, never a secret."""

from typing import Final, Literal

from gatepost.model.fast_dataclass import dataclass

Role = Literal[
    "host", "endpoint", "port", "username", "password", "sender", "helo", "url", "auth",
    "mechanism", "filter", "starttls", "implicit", "tls", "clear", "verify", "backend", "maps",
    "sending",
]  # fmt: skip
"""The purpose of a setting. ``endpoint`` is HOST:PORT; ``tls`` switches on TLS of an unknown
kind; ``sending`` switches on mail altogether."""


@dataclass(frozen=True, slots=True)
class SecretShape:
    """The format of a secret, without its value."""

    length: int
    kind: str = ""
    """A known format: ``guid``, ``access_key``, ``connection_string``, ..."""
    ascii: bool = True
    edge_blank: bool = False
    """It begins or ends with white space or a line end."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``shown`` is its value if that may be shown, otherwise empty."""

    role: Role
    key: str
    """Its name as in the file."""
    line: int
    shown: str = ""
    state: Literal["set", "empty", "elsewhere"] = "set"
    """``elsewhere``: the value comes from the environment, a vault or a template."""
    on: bool | None = None
    """A switch, as the framework reads the value; None if that is unknown."""
    form: str = ""
    """The format of a user name or sender, as in ``Login``."""
    secret: SecretShape | None = None
    marks: tuple[str, ...] = ()
    """What was noticed when the value was read: see ``diagnosis.settings.marks``."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The settings of one client: a file, or one account in it."""

    file: str
    kind: str
    """The kind of file: ``dotenv``, ``django``, ``postfix``, ..."""
    name: str = ""
    """The account, if the file has several."""
    settings: tuple[Setting, ...] = ()


MAILERS: Final = "MAILERS."
"""The beginning of the names of Django's settings for several mail servers (6.1)."""


def has_mailers(config: ClientSettings) -> bool:
    """Tell whether these are Django settings with MAILERS, which have names of their own."""
    return config.kind == "django" and any(each.key.startswith(MAILERS) for each in config.settings)
