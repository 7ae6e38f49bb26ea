"""The provider's requirements for logins, from the profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.model.profile import Profile

ACTION_SETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "current": SEND_ACTIONS,
        "legacy-2023": (
            "Microsoft.Communication/CommunicationServices/Read",
            "Microsoft.Communication/EmailServices/Write",
        ),
    }
)
"""Names for profiles. Until September 2024 two actions were documented, since then three
(MicrosoftDocs/azure-docs#124422)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The provider's requirements for logins."""

    actions: tuple[str, ...] = SEND_ACTIONS
    """Actions that the role must grant on the resource."""
    propagation_delay: timedelta = timedelta(0)
    """Time until a new role assignment or SMTP user name takes effect."""
    needs_smtp_username: bool = False
    """A composite name is valid only if an SMTP user name stands for the same application."""
    token_cache: timedelta = timedelta(0)
    """How long a secret that has signed in remains valid after it was deleted or has expired."""
    utf8_senders: bool = False
    """A sender's local part may contain non-ASCII letters, because SMTPUTF8 is offered (RFC 6531).
    """


def rules_of(profile: Profile) -> Rules:
    """Return the rules of a profile."""
    settings, actions = profile.directory, profile.directory.required_actions
    return Rules(
        actions=ACTION_SETS[actions] if isinstance(actions, str) else actions,
        propagation_delay=timedelta(seconds=profile.strict.propagation_delay),
        needs_smtp_username=settings.require_smtp_username_resource,
        token_cache=timedelta(seconds=settings.token_cache),
        utf8_senders="SMTPUTF8" in profile.over_tls,
    )
