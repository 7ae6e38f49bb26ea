"""The permitted actions of custom roles, and checks of permissions."""

import re
from typing import Final

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.entries import Permission
from gatepost.model.wildcards import matches_parts

PROVIDER: Final = "Microsoft.Communication"

_CRUD: Final = (
    "CommunicationServices",
    "CommunicationServices/SmtpUsernames",
    "CommunicationServices/EventGridFilters",
    "EmailServices",
    "EmailServices/Domains",
    "EmailServices/Domains/SenderUsernames",
    "EmailServices/Domains/SuppressionLists",
    "EmailServices/Domains/SuppressionLists/SuppressionListAddresses",
)
_OTHERS: Final = (
    "CheckNameAvailability/action",
    "CommunicationServices/LinkNotificationHub/action",
    "CommunicationServices/ListKeys/action",
    "CommunicationServices/RegenerateKey/action",
    "EmailServices/Domains/CancelVerification/action",
    "EmailServices/Domains/InitiateVerification/action",
    "EmailServices/Domains/RevokeVerification/action",
    "EmailServices/VerifiedExchangeOnlineDomains/action",
    "ListVerifiedExchangeOnlineDomains/action",
    "Locations/OperationStatuses/read",
    "Locations/OperationStatuses/write",
    "Operations/read",
    "Register/action",
    "RegisteredSubscriptions/read",
    "Unregister/action",
)
ACTIONS: Final = tuple(
    f"{PROVIDER}/{each}"
    for each in (*(f"{kind}/{verb}" for kind in _CRUD for verb in ("read", "write", "delete")),
                 *_OTHERS)
)  # fmt: skip
"""Actions of the provider (Microsoft Learn, "Azure permissions for Web and Mobile",
Microsoft.Communication; SMTP user names as in its resource types)."""

_FOLDED: Final = tuple(map(str.lower, ACTIONS))
_FORM: Final = re.compile(r"\*|[\w.*]+(?:/[\w.*-]+)+", re.ASCII)
_MOST: Final = 2048
"""Maximum number of actions of a role."""


def check_permissions(permissions: tuple[Permission, ...]) -> None:
    """Raise Rejected for an unknown action of a provider that we know.

    We know all of ``Microsoft.Communication``, so that a misspelt one is reported; it has no data
    actions.
    """
    if not permissions:
        raise Rejected("InvalidRoleDefinition", "A role must have at least one permission.")
    patterns = [
        each
        for permission in permissions
        for each in (
            *permission.actions, *permission.not_actions,
            *permission.data_actions, *permission.not_data_actions,
        )
    ]  # fmt: skip
    if len(patterns) > _MOST:
        raise Rejected("InvalidRoleDefinition", f"A role names at most {_MOST} actions.")
    for permission in permissions:
        for each in dict.fromkeys((*permission.actions, *permission.not_actions)):
            if not _is_known(each):
                raise Rejected(
                    "InvalidActionOrNotAction",
                    f"'{each}' does not match any of the actions supported by the providers.",
                )
        for each in (*permission.data_actions, *permission.not_data_actions):
            if not _FORM.fullmatch(each) or _is_ours(each):
                raise Rejected(
                    "InvalidDataActionOrNotDataAction",
                    f"'{each}' does not match any of the data actions supported by the providers.",
                )


def _is_known(pattern: str) -> bool:
    if not _FORM.fullmatch(pattern):
        return False
    if not _is_ours(pattern):
        return True
    parts = pattern.lower().split("*")
    return any(matches_parts(parts, each) for each in _FOLDED)


def _is_ours(pattern: str) -> bool:
    return pattern.lower().startswith(f"{PROVIDER}/".lower())
