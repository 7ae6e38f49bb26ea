"""Tells whether an application's role assignments let it send through a resource.

The actions that SMTP needs: Microsoft Learn, "SMTP authentication", custom role (2025); the
directory's table (``directory.azure.actions``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gatepost.directory.azure.actions import SEND_ACTIONS, allows_action
from gatepost.directory.azure.resource_ids import is_within
from gatepost.model.entra import RoleSeen


@dataclass(frozen=True, slots=True)
class RoleState:
    """The result for one resource. ``missing`` is None if it is unknown."""

    missing: tuple[str, ...] | None = None
    """Actions that no role grants on the resource."""
    here: tuple[str, ...] = ()
    """Names of the roles that apply to the resource."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Role and scope of assignments that would suffice, but do not apply to the resource."""
    since: datetime | None = None
    """When the last of the roles that apply was assigned."""


def role_state(roles: Iterable[RoleSeen], resource_id: str) -> RoleState:
    """Return what the roles grant on the resource."""

    def missing(granted: Iterable[RoleSeen]) -> tuple[str, ...]:
        sets = [(each.actions, each.not_actions) for each in granted]
        return tuple(
            action
            for action in SEND_ACTIONS
            if not any(allows_action(given, excepted, action) for given, excepted in sets)
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
