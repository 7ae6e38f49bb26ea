"""What was seen behind a login that Microsoft Entra decides about.

It has no secrets, tokens or conclusions. Answers are kept as codes, never as text, because a text
may repeat what was sent.
"""

from datetime import datetime
from typing import Literal

from gatepost.model.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class EntraName:
    """What a user name stands for, if known; ids in lower case.

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
class EntraResponse:
    """The result of one HTTP request; ``status`` is 0 if there was no answer."""

    host: str
    status: int = 0
    error: str = ""
    """The OAuth error, or the code of the API."""
    number: int = 0
    """The number of an Entra error, without AADSTS."""
    failure: str = ""
    """Why there was no answer."""
    phase: str = ""
    """Where it failed: ``resolve``, ``connect``, ``tls``."""


TokenForm = Literal["jwt", "encrypted", "opaque", "empty", "damaged"]


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """The contents of an access token; it was not verified, and is not stored."""

    form: TokenForm
    looks_like: str = ""
    """What it is instead of a token: ``guid``, ``connection_string``, ``refresh_token``, ..."""
    audience: str = ""
    issuer: str = ""
    tenant_id: str = ""
    application_id: str = ""
    object_id: str = ""
    username: str = ""
    """The user, if it is the token of a person."""
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
    """An SMTP user name of a resource, and the application that it stands for."""

    username: str
    resource: str
    application_id: str
    tenant_id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ManagementFacts:
    """What Resource Manager returned. None: it was not asked, or did not say."""

    answer: EntraResponse
    """The last answer; a success if everything was read."""
    resource_id: str = ""
    """The resource in the user name; empty if there is none."""
    resources: tuple[str, ...] = ()
    """Names of the Communication Services resources that the token's owner can see."""
    smtp_names: tuple[SmtpNameSeen, ...] | None = None
    """SMTP user names of the resource; if that is unknown, of all resources."""
    roles: tuple[RoleSeen, ...] | None = None
    """The application's roles on any scope."""
    principal_id: str = ""
    host: str = ""
    """The host of the resource's e-mail API."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What was found out after a refused login, in the order of the questions."""

    name: EntraName
    authority: str = ""
    """Host of the authority; empty if none is known."""
    tenant: EntraResponse | None = None
    """OpenID discovery for the tenant."""
    tenant_id: str = ""
    """The tenant to which the domain of a mailbox belongs, by that answer."""
    swapped: EntraResponse | None = None
    """The same with the application's id, which may be in the place of the tenant's."""
    token_request: EntraResponse | None = None
    token: TokenSeen | None = None
    """The token that was issued."""
    email: EntraResponse | None = None
    """``POST /emails:send`` with a body that cannot be accepted."""
    email_sender: str = ""
    """The sender in that request."""
    management: ManagementFacts | None = None
    differs: bool = False
    """The token that signs in belongs to another mailbox than the user name."""
    untried: str = ""
    """Why nothing more was asked."""
