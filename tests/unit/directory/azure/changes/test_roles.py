"""Custom roles and their assignments."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.changes import Rejected, role_assignments, role_definitions
from gatepost.directory.azure.changes.role_assignments import AssignmentSpec
from gatepost.directory.azure.changes.role_definitions import RoleSpec
from gatepost.directory.azure.entries import (
    Permission,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.resource_ids import group_path, subscription_path
from gatepost.directory.azure.roles import BUILT_IN_ROLES
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import (
    APPLICATION,
    ASSIGNMENT,
    GROUP,
    NOW,
    OTHER,
    PRINCIPAL,
    ROLE,
    SECRET,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
    world,
)

OWNER = BUILT_IN_ROLES[0].id
HOME = subscription_path(SUBSCRIPTION)
NEW = "12121212-0000-0000-0000-000000000000"


def with_built_in() -> Snapshot:
    snapshot = world()
    snapshot.apply(BUILT_IN_ROLES)
    return snapshot


def role(
    actions: Iterable[str] = SEND_ACTIONS,
    scopes: tuple[str, ...] = (HOME,),
    name: str = "Mail",
    guid: str = NEW,
    snapshot: Snapshot | None = None,
) -> RoleDefinition:
    wish = RoleSpec(name, (Permission(tuple(actions)),), scopes)
    return role_definitions.put(snapshot or with_built_in(), guid, wish).entry


# fmt: off
ACTIONS = [
    ("*",                                                   ""),
    ("*/read",                                              ""),
    ("Microsoft.Communication/*",                           ""),
    ("microsoft.communication/communicationservices/READ",  ""),
    ("Microsoft.Communication/EmailServices/*/write",       ""),
    ("Microsoft.Web/sites/read",                            ""),
    ("Microsoft.Support/*",                                 ""),
    ("Microsoft.Communication/CommunicationServices Read",  "InvalidActionOrNotAction"),
    ("Microsoft.Communication/CommunicationService/Read",   "InvalidActionOrNotAction"),
    ("Microsoft.Communication/EmailServices/Send",          "InvalidActionOrNotAction"),
    ("Microsoft.Communication",                             "InvalidActionOrNotAction"),
    ("",                                                    "InvalidActionOrNotAction"),
    ("a//b",                                                "InvalidActionOrNotAction"),
]
# fmt: on


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_actions_that_a_role_may_name(action: str, expected: str) -> None:
    assert code(lambda: role([action])) == expected


def test_a_role_does_not_name_actions_without_end() -> None:
    assert code(lambda: role(["*/read"] * 2048)) == ""
    assert code(lambda: role(["*/read"] * 2049)) == "InvalidRoleDefinition"


def test_the_provider_has_no_data_actions() -> None:
    wish = RoleSpec("Mail", (Permission(data_actions=("Microsoft.Communication/x",)),), (HOME,))
    put = code(lambda: role_definitions.put(world(), NEW, wish))
    assert put == "InvalidDataActionOrNotDataAction"


# fmt: off
SCOPES = [
    ((HOME, GROUP.upper(), HOME.upper()),  ""),
    ((),                                   "InvalidAssignableScopes"),
    (("/",),                               "InvalidAssignableScopes"),
    ((SERVICE,),                           "InvalidAssignableScopes"),
    ((f"{GROUP}x",),                       "ResourceGroupNotFound"),
    ((subscription_path(OTHER),),          "SubscriptionNotFound"),
    (("/providers/x",),                    "InvalidScope"),
]
# fmt: on


@pytest.mark.parametrize(("scopes", "expected"), SCOPES)
def test_scopes_that_a_role_may_be_assigned_at(scopes: tuple[str, ...], expected: str) -> None:
    assert code(lambda: role(scopes=scopes)) == expected
    if not expected:
        assert role(scopes=scopes).assignable_scopes == (HOME, GROUP)


def test_a_role_needs_a_guid_a_name_and_a_permission() -> None:
    assert code(lambda: role(guid="Mail")) == "InvalidRoleDefinitionId"
    assert code(lambda: role(name=" ")) == "RoleDefinitionNameNullOrEmpty"
    wish = RoleSpec("Mail", (), (HOME,))
    assert code(lambda: role_definitions.put(world(), NEW, wish)) == "InvalidRoleDefinition"


def test_names_are_unique_within_a_tenant() -> None:
    assert refusal(lambda: role(name="CONTRIBUTOR")) == ("RoleDefinitionWithSameNameExists", 409)
    snapshot = with_built_in()
    elsewhere = subscription_path(OTHER)
    snapshot.apply([Tenant(SECRET), Subscription(elsewhere, SECRET)])
    snapshot.apply([role(snapshot=snapshot)])
    taken = code(lambda: role(guid=OTHER, snapshot=snapshot))
    assert taken == "RoleDefinitionWithSameNameExists"
    role(scopes=(elsewhere,), guid=OTHER, snapshot=snapshot)
    role(["*"], snapshot=snapshot), "its own name it may keep"


def test_built_in_roles_stay_as_they_are() -> None:
    expected = ("BuiltInRoleDefinitionUpdateForbidden", 403)
    assert refusal(lambda: role(guid=OWNER.upper())) == expected
    assert refusal(lambda: role_definitions.delete(with_built_in(), OWNER)) == expected


def test_a_role_stays_while_it_is_assigned() -> None:
    expected = ("RoleDefinitionHasAssignments", 409)
    assert refusal(lambda: role_definitions.delete(world(), ROLE)) == expected
    narrower = code(lambda: role(scopes=(f"{GROUP}2",), guid=ROLE, snapshot=two_groups()))
    assert narrower == expected[0], "it is assigned outside of what would be left"
    assert code(lambda: role_definitions.delete(world(), NEW)) == "RoleDefinitionDoesNotExist"


def two_groups() -> Snapshot:
    snapshot = with_built_in()
    snapshot.apply([ResourceGroup(f"{GROUP}2")])
    return snapshot


WISH = AssignmentSpec(GROUP, ROLE, PRINCIPAL)
NAMED = replace(WISH, principal_type="ServicePrincipal")


def assign(
    wish: AssignmentSpec, guid: str = NEW, snapshot: Snapshot | None = None
) -> RoleAssignment:
    return role_assignments.put(snapshot or with_built_in(), guid, wish, NOW).entry


def test_a_role_is_assigned() -> None:
    path = f"{HOME}/providers/Microsoft.Authorization/roleDefinitions/{ROLE.upper()}"
    made = assign(AssignmentSpec(GROUP.upper(), path, PRINCIPAL.upper()))
    assert made == RoleAssignment(NEW, GROUP, ROLE, PRINCIPAL, NOW)


# fmt: off
REFUSED = [
    (replace(WISH, role_definition_id=OTHER),               "RoleDefinitionDoesNotExist", 404),
    (replace(WISH, principal_id="app"),                     "InvalidPrincipalId", 400),
    (replace(WISH, principal_id=SECRET),                    "PrincipalNotFound", 400),
    (replace(NAMED, principal_id=SECRET),                   "PrincipalNotFound", 400),
    (replace(WISH, principal_id=APPLICATION),               "PrincipalNotFound", 400),
    (replace(NAMED, principal_id=APPLICATION),              "", 0),
    (replace(NAMED, principal_id=OTHER),                    "", 0),
    (replace(WISH, scope=f"{GROUP}x"),                      "ResourceGroupNotFound", 404),
    (replace(WISH, scope=f"{SERVICE}x"),                    "ResourceNotFound", 404),
    (replace(WISH, scope=subscription_path(OTHER)),         "SubscriptionNotFound", 404),
    (replace(WISH, scope=SERVICE),                          "RoleAssignmentExists", 409),
    (replace(WISH, scope="/", role_definition_id=OWNER),    "", 0),
]
# fmt: on


@pytest.mark.parametrize(("wish", "expected", "status"), REFUSED)
def test_invalid_assignments_are_refused(wish: AssignmentSpec, expected: str, status: int) -> None:
    assert refusal(lambda: assign(wish)) == (expected, status)


def test_a_role_is_assigned_only_where_it_is_assignable() -> None:
    snapshot = two_groups()
    snapshot.apply([replace(role(scopes=(GROUP,), snapshot=snapshot), id=NEW)])
    for scope, expected in (
        (GROUP, ""),
        (SERVICE, ""),
        (HOME, "RoleAssignmentScopeNotAssignableToRoleDefinition"),
        (f"{GROUP}2", "RoleAssignmentScopeNotAssignableToRoleDefinition"),
    ):
        wish = AssignmentSpec(scope, NEW, PRINCIPAL)
        assert code(lambda wish=wish: assign(wish, OTHER, snapshot)) == expected  # type: ignore[misc]


def test_an_assignment_is_not_moved() -> None:
    same = replace(WISH, scope=SERVICE, description="mail")
    again = assign(same, ASSIGNMENT)
    assert again.created_at < NOW, "it took effect when it was made"
    assert again.description == "mail"
    moved = code(lambda: assign(WISH, ASSIGNMENT))
    assert moved == "RoleAssignmentUpdateNotPermitted"
    assert code(lambda: assign(WISH, "mine")) == "InvalidRoleAssignmentId"


def test_the_principal_is_of_the_tenant() -> None:
    snapshot = with_built_in()
    elsewhere = subscription_path(OTHER)
    snapshot.apply(
        [Tenant(SECRET), Subscription(elsewhere, SECRET), ResourceGroup(group_path(OTHER, "g"))]
    )
    with pytest.raises(Rejected, match=SECRET):
        assign(AssignmentSpec(elsewhere, OWNER, PRINCIPAL), snapshot=snapshot)
    assert TENANT != SECRET


def test_a_role_is_taken_away() -> None:
    assert role_assignments.delete(world(), ASSIGNMENT.upper()).delete
    assert code(lambda: role_assignments.delete(world(), NEW)) == "RoleAssignmentNotFound"
