"""Role matching: case, wildcards, exceptions, scopes, several assignments."""

from datetime import timedelta

import pytest

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.entries import Permission, RoleAssignment, RoleDefinition
from gatepost.directory.azure.resource_ids import subscription_path
from gatepost.directory.azure.roles import BUILT_IN_ROLES, allows, grant_of
from gatepost.directory.azure.snapshot import Grant, Snapshot
from tests.unit.directory.azure.world import GROUP, NOW, PRINCIPAL, SERVICE, SUBSCRIPTION

READ = "Microsoft.Communication/CommunicationServices/Read"
WRITE = "Microsoft.Communication/CommunicationServices/Write"
EMAIL = "Microsoft.Communication/EmailServices/Write"


@pytest.mark.parametrize(
    ("actions", "not_actions", "action", "granted"),
    [
        ((READ,), (), READ, True),
        ((READ.lower(),), (), READ, True),
        ((READ.upper(),), (), READ, True),
        ((READ,), (), WRITE, False),
        (("*",), (), EMAIL, True),
        (("Microsoft.Communication/*",), (), EMAIL, True),
        (("microsoft.communication/*",), (), EMAIL, True),
        (("*/read",), (), READ, True),
        (("*/read",), (), WRITE, False),
        (("*/write",), (), EMAIL, True),
        (("Microsoft.Communication/*/Read",), (), READ, True),
        (("Microsoft.*/EmailServices/*",), (), EMAIL, True),
        (("Microsoft.Communication/CommunicationServices",), (), READ, False),
        ((f"{READ}/x",), (), READ, False),
        (("MicrosoftXCommunication/*",), (), READ, False),
        (("",), (), READ, False),
        ((), (), READ, False),
        (("*",), (WRITE,), WRITE, False),
        (("*",), (WRITE.lower(),), WRITE, False),
        (("*",), ("*/write",), EMAIL, False),
        (("*",), ("*/write",), READ, True),
        ((READ,), ("*",), READ, False),
    ],
)
def test_a_permission(
    actions: tuple[str, ...], not_actions: tuple[str, ...], action: str, granted: bool
) -> None:
    assert allows([Permission(actions, not_actions)], action) is granted


def test_an_exception_holds_within_its_own_permission_only() -> None:
    permissions = [Permission(("*",), (WRITE,)), Permission((WRITE,))]
    assert allows(permissions, WRITE)


def test_data_actions_do_not_help() -> None:
    assert not allows([Permission(data_actions=("*",))], READ)


def assigned(*roles: tuple[str, str, int], principal: str = PRINCIPAL) -> Snapshot:
    """Return a directory with roles assigned: (built-in role's name, scope, seconds ago)."""
    by_name = {role.role_name: role for role in BUILT_IN_ROLES}
    return Snapshot(
        [
            *BUILT_IN_ROLES,
            *(
                RoleAssignment(
                    f"a{number}", scope, by_name[name].id, principal, NOW - timedelta(seconds=ago)
                )
                for number, (name, scope, ago) in enumerate(roles)
            ),
        ]
    )


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (SERVICE, True),
        (SERVICE.upper(), True),
        (GROUP, True),
        (f"{GROUP}/", True),
        (subscription_path(SUBSCRIPTION), True),
        ("/", True),
        (f"{SERVICE}2", False),
        (SERVICE[:-1], False),
        (GROUP[:-1], False),
        (f"{SERVICE}/smtpUsernames/x", False),
        (f"{GROUP}/providers/Microsoft.Communication/emailServices/acs-demo", False),
        (subscription_path("aaaaaaaa-0000-0000-0000-000000000002"), False),
    ],
)
def test_a_scope_covers_what_lies_under_it(scope: str, granted: bool) -> None:
    grant = grant_of(assigned(("Contributor", scope, 0)), PRINCIPAL, SERVICE, SEND_ACTIONS)
    assert grant.missing == (() if granted else SEND_ACTIONS)


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("Owner", ()),
        ("Contributor", ()),
        ("Communication and Email Service Owner", ()),
        ("Reader", (WRITE, EMAIL)),
    ],
)
def test_the_built_in_roles(role: str, missing: tuple[str, ...]) -> None:
    grant = grant_of(assigned((role, SERVICE, 0)), PRINCIPAL, SERVICE, SEND_ACTIONS)
    assert grant.missing == missing


def test_an_assignment_to_another_principal_does_not_count() -> None:
    snapshot = assigned(("Owner", SERVICE, 0), principal="someone-else")
    assert grant_of(snapshot, PRINCIPAL, SERVICE, SEND_ACTIONS) == Grant(SEND_ACTIONS, None)


def test_an_assignment_of_a_deleted_role_does_not_count() -> None:
    snapshot = assigned(("Owner", SERVICE, 0))
    snapshot.apply([], [role for role in BUILT_IN_ROLES if role.role_name == "Owner"])
    assert grant_of(snapshot, PRINCIPAL, SERVICE, SEND_ACTIONS).missing == SEND_ACTIONS


def test_assignments_add_up_and_count_from_the_last_needed_one() -> None:
    write = RoleDefinition("w", "Writer", (Permission(("*/write",)),))
    snapshot = assigned(("Reader", GROUP, 300), ("Contributor", SERVICE, 1))
    snapshot.apply(
        [write, RoleAssignment("aw", SERVICE, "W", PRINCIPAL, NOW - timedelta(seconds=200))]
    )
    grant = grant_of(snapshot, PRINCIPAL, SERVICE, SEND_ACTIONS)
    assert grant == Grant((), NOW - timedelta(seconds=200))


def test_a_grant_is_forgotten_with_the_change_that_ends_it() -> None:
    snapshot = assigned(("Owner", SERVICE, 0))
    assert not grant_of(snapshot, PRINCIPAL, SERVICE, SEND_ACTIONS).missing
    snapshot.apply([], snapshot.all(RoleAssignment))
    assert grant_of(snapshot, PRINCIPAL, SERVICE, SEND_ACTIONS).missing
