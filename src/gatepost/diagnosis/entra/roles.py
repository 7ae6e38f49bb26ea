"""Do an application's role assignments let it send through a resource?

What SMTP needs: Microsoft Learn, "SMTP authentication", custom role (2025); the directory's own
table (``directory.azure.actions``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gatepost.directory.azure.actions import SEND_ACTIONS, grants
from gatepost.directory.azure.paths import is_within
from gatepost.model.entra import RoleSeen


@dataclass(frozen=True, slots=True)
class RoleState:
    """What the assignments come to. ``missing`` is None when nobody could say."""

    missing: tuple[str, ...] | None = None
    """Actions that no role grants on the resource."""
    here: tuple[str, ...] = ()
    """Names of the roles that count there."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Role and scope of what would suffice, and does not count there."""
    since: datetime | None = None
    """When the last of those that count was assigned."""


def role_state(roles: Iterable[RoleSeen], resource_id: str) -> RoleState:
    """Return what the roles grant on the resource."""

    def missing(granted: Iterable[RoleSeen]) -> tuple[str, ...]:
        sets = [(each.actions, each.not_actions) for each in granted]
        return tuple(
            action
            for action in SEND_ACTIONS
            if not any(grants(given, excepted, action) for given, excepted in sets)
        )

    resource = resource_id.lower()
    roles = tuple(roles)
    here = [each for each in roles if is_within(resource, each.scope.lower())]
    others = [each for each in roles if each not in here and not missing([each])]
    times = [each.created_at for each in here if each.created_at is not None]
    return RoleState(
        missing(here),
        tuple(dict.fromkeys(each.role or "a role without a name" for each in here)),
        tuple(dict.fromkeys((each.role, each.scope) for each in others)),
        max(times, default=None),
    )
