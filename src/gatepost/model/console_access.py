"""Who may call what of the console and of Gatepost's own API: roles, users, and endpoints."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from gatepost.model.secret import Secret

API_PREFIX: Final = "/api/gatepost/v1"
"""The path of Gatepost's own API, below which the paths of its endpoints are."""
USER: Final = "gatepost.user"
"""The key of the ASGI scope under which the listener puts the ConsoleUser of a request."""

ConsoleRole = Literal["viewer", "support", "operator", "admin"]
"""Each may do what those before it may. A viewer sees no content, and addresses are masked."""
ConsoleMethod = Literal["GET", "POST", "PUT", "DELETE"]
UserOrigin = Literal["token", "file", "proxy", "entra"]
"""How somebody is known: by the token or a ticket, by a password of the configuration, by a proxy's
word, or by Microsoft Entra's."""
ROLES: Final[tuple[ConsoleRole, ...]] = get_args(ConsoleRole)


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """Who sent a request, as the listener has authenticated."""

    name: str
    role: ConsoleRole
    origin: UserOrigin = "token"

    def may_act_as(self, role: ConsoleRole) -> bool:
        """Tell whether the user may call what needs ``role``."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class PasswordUser:
    """A user of the configuration."""

    name: str
    role: ConsoleRole
    verifier: Secret | None = None
    """The hashed password; None: there is none, and a proxy authenticates this user."""


@dataclass(frozen=True, slots=True)
class ConsoleEndpoint:
    """One path and method, the role that it needs, and what is done."""

    method: ConsoleMethod
    path: str
    """Below API_PREFIX or, of a page, from the root; ``{name}`` stands for one segment, and
    ``{name:path}`` for several."""
    role: ConsoleRole
    operation: str
    """The operation behind it, as over the control socket: the command, a dot, and the operation,
    such as ``queue.hold``. What answers a request itself has a name of the same form."""
    summary: str
    """What it does, as a sentence for the OpenAPI document."""
    query: tuple[str, ...] = ()
    """The parameters of the query string."""
    body: type | None = None
    """The msgspec type of the JSON body; None: there is none."""
    answer: type | None = None
    """The msgspec type of the response's JSON; None: any object."""
