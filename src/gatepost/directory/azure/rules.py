"""What the provider asks of who signs in, as the profile has it."""

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
"""By the name that a profile may give. Until September 2024 two actions were documented, since
then three (MicrosoftDocs/azure-docs#124422)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the provider asks of who signs in."""

    actions: tuple[str, ...] = SEND_ACTIONS
    """What the role must grant on the resource."""
    propagation_delay: timedelta = timedelta(0)
    """How long a new role assignment or SMTP user name takes to become effective."""
    needs_smtp_username: bool = False
    """A composite name counts only where an SMTP user name stands for the same application."""
    token_cache: timedelta = timedelta(0)
    """How long a secret that signed in goes on to, though it was deleted or expired since."""
    utf8_senders: bool = False
    """A sender's local part may have letters beyond ASCII: SMTPUTF8 is offered (RFC 6531)."""


def rules_of(profile: Profile) -> Rules:
    """Return the rules that a profile gives."""
    given, actions = profile.directory, profile.directory.required_actions
    return Rules(
        actions=ACTION_SETS[actions] if isinstance(actions, str) else actions,
        propagation_delay=timedelta(seconds=profile.strict.propagation_delay),
        needs_smtp_username=given.require_smtp_username_resource,
        token_cache=timedelta(seconds=given.token_cache),
        utf8_senders="SMTPUTF8" in profile.over_tls,
    )
