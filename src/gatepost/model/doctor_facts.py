"""What a provider's refusals may mean. Separate from the profile, so that it loads fast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """What the provider's refusals hide, and the mistakes that are common with it."""

    refused_because: str = ""
    """What a refused login can mean, if the provider has one reply for all mistakes."""
    next_probe: str = ""
    """A check that tells these meanings apart."""
    wrong_secrets: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    """From the format of a secret (`guid`, `access_key`, `connection_string`) to what this is."""
    right_secret: str = ""
    """Which secret to use instead."""
    wrong_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """From the format of a user name (`connection_string`, `guid`, `empty`) to what is wrong with
    it."""
    right_name: str = ""
    """Which user name to use instead."""
    wants_app_password: bool = False
    """The account's own password is not accepted, only an application password."""
    identity: Literal["", "entra_application", "entra_user"] = ""
    """Who decides about logins: Microsoft Entra, for an application's secret (`entra_application`)
    or a user's (`entra_user`)."""
    token_scope: str = ""
    """The scope of an access token for this provider."""
    token_audiences: tuple[str, ...] = ()
    """Valid audiences of a token, without a final slash."""
    token_permissions: tuple[str, ...] = ()
    """Roles or scopes, one of which a token must have."""
