"""The permissions of each role, and their scopes."""

import pytest

from gatepost.directory.azure.entries import (
    Application,
    Permission,
    RoleAssignment,
    RoleDefinition,
    ServicePrincipal,
)
from gatepost.directory.azure.resource_ids import subscription_path
from tests.unit.directory.azure.world import (
    DOMAIN,
    EMAIL,
    GROUP,
    NOW,
    PRINCIPAL,
    ROLE,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
)
from tests.unit.rest.arm.asking import OWNER, READER, Management

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
MAIL_OWNER = "09976791-48a7-449e-bb21-39d1a415f350"
LIST_KEYS = "cdcdcdcd-0000-0000-0000-000000000000"

WHO = Application("13131313-0000-0000-0000-000000000000", "13", TENANT, "asker")
PRINCIPAL_OF_WHO = ServicePrincipal("14141414-0000-0000-0000-000000000000", WHO.id, TENANT)
KEY_READER = RoleDefinition(
    LIST_KEYS,
    "Key reader",
    (
        Permission(
            ("Microsoft.Communication/CommunicationServices/*",), ("*/regeneratekey/action",)
        ),
    ),
)

HOME = subscription_path(SUBSCRIPTION)
AUTH = "providers/Microsoft.Authorization"
ASSIGNMENT = f"{SERVICE}/{AUTH}/roleAssignments/15151515-0000-0000-0000-000000000000"
ASSIGN = {"properties": {"roleDefinitionId": MAIL_OWNER, "principalId": PRINCIPAL}}
PUT = {"location": "global", "properties": {"dataLocation": "United States"}}
MOVE = {"location": "global"}
REGENERATE = {"keyType": "Primary"}

# fmt: off
MATRIX = [
    # role         at        method    path                                 body        status
    (None,         HOME,     "GET",    GROUP,                               None,       403),
    (READER,       HOME,     "GET",    HOME,                                None,       200),
    (READER,       HOME,     "GET",    GROUP,                               None,       200),
    (READER,       GROUP,    "GET",    GROUP,                               None,       200),
    (READER,       GROUP,    "GET",    HOME,                                None,       200),
    (READER,       SERVICE,  "GET",    GROUP,                               None,       403),
    (READER,       SERVICE,  "GET",    SERVICE,                             None,       200),
    (READER,       SERVICE,  "GET",    EMAIL,                               None,       403),
    (READER,       SERVICE,  "GET",    f"{SERVICE}/smtpUsernames",          None,       200),
    (READER,       HOME,     "POST",   f"{SERVICE}/listKeys",               None,       403),
    (READER,       HOME,     "PUT",    SERVICE,                             PUT,        403),
    (READER,       HOME,     "DELETE", SERVICE,                             None,       403),
    (READER,       HOME,     "GET",    f"{SERVICE}/{AUTH}/roleAssignments", None,       200),
    (CONTRIBUTOR,  GROUP,    "PUT",    SERVICE,                             PUT,        200),
    (CONTRIBUTOR,  GROUP,    "POST",   f"{SERVICE}/listKeys",               None,       200),
    (CONTRIBUTOR,  HOME,     "PUT",    ASSIGNMENT,                          ASSIGN,     403),
    (CONTRIBUTOR,  HOME,     "GET",    f"{SERVICE}/{AUTH}/roleAssignments", None,       200),
    (MAIL_OWNER,   SERVICE,  "POST",   f"{SERVICE}/listKeys",               None,       200),
    (MAIL_OWNER,   SERVICE,  "GET",    DOMAIN,                              None,       403),
    (MAIL_OWNER,   GROUP,    "GET",    f"{DOMAIN}/senderUsernames",         None,       200),
    (MAIL_OWNER,   HOME,     "PUT",    GROUP,                               MOVE,       403),
    (ROLE,         HOME,     "GET",    SERVICE,                             None,       200),
    (ROLE,         HOME,     "GET",    EMAIL,                               None,       403),
    (ROLE,         HOME,     "PUT",    EMAIL,                               PUT,        200),
    (ROLE,         HOME,     "POST",   f"{SERVICE}/listKeys",               None,       403),
    (LIST_KEYS,    GROUP,    "POST",   f"{SERVICE}/listKeys",               None,       200),
    (LIST_KEYS,    GROUP,    "POST",   f"{SERVICE}/regenerateKey",          REGENERATE, 403),
    (OWNER,        GROUP,    "PUT",    ASSIGNMENT,                          ASSIGN,     201),
    (OWNER,        SERVICE,  "PUT",    ASSIGNMENT,                          ASSIGN,     201),
    (OWNER,        EMAIL,    "PUT",    ASSIGNMENT,                          ASSIGN,     403),
    (OWNER,        "/",      "GET",    GROUP,                               None,       200),
]
# fmt: on


@pytest.mark.parametrize(("role", "at", "method", "path", "body", "status"), MATRIX)
def test_permissions_of_roles(
    role: str | None, at: str, method: str, path: str, body: object, status: int
) -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO, KEY_READER, *assigned(role, at))
    answer = api.ask(method, path, body, token=api.token(PRINCIPAL_OF_WHO))
    assert answer.status == status, answer.body
    if status == 403:
        assert answer.code == "AuthorizationFailed"
        assert PRINCIPAL_OF_WHO.id in answer.message
        assert (
            f"over scope '{path.removesuffix('/listKeys').removesuffix('/regenerateKey')}"
            in (answer.message)
            or "roleAssignments" in path
        )


def assigned(role: str | None, at: str) -> list[RoleAssignment]:
    if role is None:
        return []
    return [RoleAssignment(LIST_KEYS, at, role, PRINCIPAL_OF_WHO.id, NOW)]


def test_subscriptions_are_listed_for_principals_with_a_role() -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO)
    token = api.token(PRINCIPAL_OF_WHO)
    assert api.ask("GET", "/subscriptions", token=token).json == {"value": []}
    assert api.ask("GET", HOME, token=token).status == 403
    api = Management(WHO, PRINCIPAL_OF_WHO, *assigned(READER, SERVICE))
    token = api.token(PRINCIPAL_OF_WHO)
    [found] = api.ask("GET", "/subscriptions", token=token).json["value"]
    assert (found["subscriptionId"], found["state"]) == (SUBSCRIPTION, "Enabled")
    groups = api.ask("GET", f"{HOME}/resourcegroups", token=token)
    assert groups.json == {"value": []}, "it may read the resource, not its group"


def test_a_role_counts_at_once_and_goes_at_once() -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO)
    token = api.token(PRINCIPAL_OF_WHO)
    assert api.ask("GET", SERVICE, token=token).status == 403
    body = {"properties": {"roleDefinitionId": READER, "principalId": PRINCIPAL_OF_WHO.id}}
    assert api.ask("PUT", ASSIGNMENT, body).status == 201
    assert api.ask("GET", SERVICE, token=token).status == 200
    assert api.ask("DELETE", ASSIGNMENT).status == 200
    assert api.ask("GET", SERVICE, token=token).status == 403


def test_linking_a_domain_needs_write_access_to_it() -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO, *assigned(MAIL_OWNER, SERVICE))
    token = api.token(PRINCIPAL_OF_WHO)
    unlink: object = {"properties": {"linkedDomains": []}}
    link = {"properties": {"linkedDomains": [DOMAIN]}}
    assert api.ask("PATCH", SERVICE, link, token=token).status == 200, "it is linked already"
    assert api.ask("PATCH", SERVICE, unlink, token=token).status == 200
    answer = api.ask("PATCH", SERVICE, link, token=token)
    assert (answer.status, answer.code) == (403, "LinkedAuthorizationFailed")
    assert api.ask("PATCH", SERVICE, link).status == 200


def test_writing_a_role_needs_permission_at_all_its_scopes() -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO, *assigned(OWNER, GROUP))
    token = api.token(PRINCIPAL_OF_WHO)
    path = f"{GROUP}/{AUTH}/roleDefinitions/16161616-0000-0000-0000-000000000000"
    for scope, status in ((GROUP, 201), (HOME, 403)):
        body = {
            "properties": {
                "roleName": "Mail",
                "permissions": [{"actions": ["*/read"]}],
                "assignableScopes": [scope],
            }
        }
        assert api.ask("PUT", path, body, token=token).status == status


def test_the_own_permissions_are_listed() -> None:
    api = Management(WHO, PRINCIPAL_OF_WHO, KEY_READER, *assigned(READER, GROUP))
    token = api.token(PRINCIPAL_OF_WHO)
    found = api.ask("GET", f"{SERVICE}/{AUTH}/permissions", token=token).json["value"]
    assert [each["actions"] for each in found] == [["*/read"]]
