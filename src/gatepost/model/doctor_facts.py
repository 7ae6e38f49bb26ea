"""What a provider's refusals hide: apart from the profile, because a paste is answered at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """What the provider's refusals hide, and the mistakes that are common with it."""

    refused_because: str = ""
    """The meanings of one refusal for everything that may be wrong with a login."""
    next_probe: str = ""
    """What would tell them apart."""
    wrong_secrets: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    """From a secret's shape (`guid`, `access_key`, `connection_string`) to what that is."""
    right_secret: str = ""
    wrong_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """From a user name's form (`connection_string`, `guid`, `empty`) to what is wrong with it."""
    right_name: str = ""
    wants_app_password: bool = False
    """The account's own password is not taken, only one that is made for an application."""
    identity: Literal["", "entra_application", "entra_user"] = ""
    """Who decides behind the server: Microsoft Entra, by an application's secret or a person's."""
    token_scope: str = ""
    """What an access token for this provider is asked for with."""
    token_audiences: tuple[str, ...] = ()
    """The audiences that a token may have, without a slash at their end."""
    token_permissions: tuple[str, ...] = ()
    """Roles or scopes of which a token must have one."""
