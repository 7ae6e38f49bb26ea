"""What was seen behind a login that Microsoft Entra decides: no secret, no token, no conclusion.

Of an answer there is its code, never its text: that may repeat what was sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class EntraName:
    """What a user name stands for, as far as that is known; ids in lower case.

    ``mistake`` and ``sentence`` say why it is not a composite name; an SMTP user name need not be
    one either.
    """

    resource: str = ""
    application_id: str = ""
    tenant_id: str = ""
    mistake: str = ""
    sentence: str = ""
    known_from: Literal["name", "option", "environment", "management"] = "name"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one HTTP request came to; ``status`` is 0 when no answer came."""

    host: str
    status: int = 0
    error: str = ""
    """The OAuth error, or the API's code."""
    number: int = 0
    """Of Entra's error: AADSTS and this."""
    failure: str = ""
    """Why none came."""
    phase: str = ""
    """Where it failed then: ``resolve``, ``connect``, ``tls``."""


TokenForm = Literal["jwt", "encrypted", "opaque", "empty", "damaged"]


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """What an access token says of itself; nobody has verified it, and it is not kept."""

    form: TokenForm
    looks_like: str = ""
    """What it is instead of a token: ``guid``, ``connection_string``, ``refresh_token``, ..."""
    audience: str = ""
    issuer: str = ""
    tenant_id: str = ""
    application_id: str = ""
    object_id: str = ""
    username: str = ""
    """Whose it is, where it is a person's."""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    not_before: datetime | None = None
    expires_at: datetime | None = None

    def is_current(self, now: datetime) -> bool:
        """Tell whether it says nothing against being used at this time."""
        begun = self.not_before is None or self.not_before <= now
        return begun and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class RoleSeen:
    """A role assignment of the application, with one set of the role's permissions."""

    scope: str
    role: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SmtpNameSeen:
    """An SMTP user name of a resource, and for whom it stands."""

    username: str
    resource: str
    application_id: str
    tenant_id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Managed:
    """What Resource Manager shows. None: it was not asked, or did not say."""

    answer: Answer
    """The last one; of success when all was read."""
    resource_id: str = ""
    """Of the resource in the user name; empty when there is none."""
    resources: tuple[str, ...] = ()
    """The names of the Communication Services resources that the token's owner may see."""
    smtp_names: tuple[SmtpNameSeen, ...] | None = None
    """Those of the resource; where it is not known, of all of them."""
    roles: tuple[RoleSeen, ...] | None = None
    """The application's, wherever they are."""
    principal_id: str = ""
    host: str = ""
    """Of the resource's e-mail API."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What was found behind the server, in the order in which it was asked."""

    name: EntraName
    authority: str = ""
    """Its host; empty when none is known."""
    tenant: Answer | None = None
    """OpenID discovery for the tenant."""
    swapped: Answer | None = None
    """The same with the application's id, which may stand in the tenant's place."""
    token_request: Answer | None = None
    token: TokenSeen | None = None
    """The one that came."""
    email: Answer | None = None
    """``POST /emails:send`` with a body that cannot be accepted."""
    email_sender: str = ""
    """The sender that it named."""
    management: Managed | None = None
    differs: bool = False
    """The token that signs in is another mailbox's than the user name."""
    untried: str = ""
    """Why no more was asked."""
