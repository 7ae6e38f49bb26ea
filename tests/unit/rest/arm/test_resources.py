"""The life of a resource: created, changed, listed, deleted; and its properties."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatepost.directory.azure.entries import CommunicationService, SenderUsername
from gatepost.directory.azure.resource_ids import group_path, new_guid, subscription_path
from tests.unit.directory.azure.world import (
    APPLICATION,
    ASSIGNMENT,
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
from tests.unit.directory.memory import MemoryRecords
from tests.unit.rest.arm.asking import ADMIN, BASE, OWNER, Management

HOME = subscription_path(SUBSCRIPTION)
MAIL = f"{GROUP}/providers/Microsoft.Communication"
AUTH = "providers/Microsoft.Authorization"
GUID = "17171717-0000-0000-0000-000000000000"
LIST = f"{DOMAIN}/suppressionLists/news"


def plain(**properties: object) -> dict[str, Any]:
    """A proxy resource's body."""
    return {"properties": properties}


def placed(**properties: object) -> dict[str, Any]:
    """A tracked resource's body."""
    return {"location": "global", "tags": {"a": "b"}, "properties": properties}


LIVES: list[tuple[str, dict[str, Any]]] = [
    (group_path(SUBSCRIPTION, "new"), {"location": "japaneast", "tags": {"a": "b"}}),
    (f"{MAIL}/emailServices/new", placed(dataLocation="Japan")),
    (f"{EMAIL}/domains/example.org", placed(domainManagement="CustomerManaged")),
    (f"{DOMAIN}/senderUsernames/new", plain(username="new", displayName="New")),
    (
        f"{MAIL}/communicationServices/new",
        placed(dataLocation="United States", linkedDomains=[DOMAIN]),
    ),
    (
        f"{SERVICE}/smtpUsernames/new",
        plain(username="smtp-login", entraApplicationId=APPLICATION, tenantId=TENANT),
    ),
    (LIST, plain(listName="DoNotReply")),
    (
        f"{SERVICE}/{AUTH}/roleAssignments/{GUID}",
        plain(roleDefinitionId=OWNER, principalId=PRINCIPAL, principalType="ServicePrincipal"),
    ),
]


@pytest.mark.parametrize(("path", "body"), LIVES, ids=[path.split("/")[-2] for path, _ in LIVES])
def test_a_life(path: str, body: dict[str, Any]) -> None:
    api = Management()
    missing = api.ask("GET", path)
    assert missing.status == 404
    made = api.ask("PUT", path, body)
    assert made.status == 201, made.body
    assert made.json["id"] == path
    assert made.json["name"] == path.rpartition("/")[2]
    again = api.ask("PUT", path.upper().replace(GUID.upper(), GUID), body)
    assert again.status == 200, again.body
    assert again.json["id"] == path
    shown = api.ask("GET", path)
    assert shown.json == again.json
    for name, value in body.get("properties", {}).items():
        if name != "roleDefinitionId":
            assert shown.json["properties"][name] == value
    if "tags" in body:
        assert shown.json["tags"] == {"a": "b"}
    listed = api.ask("GET", path.rpartition("/")[0])
    assert shown.json in listed.json["value"]
    assert api.ask("DELETE", path).status == 200
    gone = api.ask("DELETE", path)
    assert gone.status == (404 if "/providers/" not in path else 204)
    assert api.ask("GET", path).status == 404


@pytest.mark.parametrize(("path", "body"), LIVES, ids=[path.split("/")[-2] for path, _ in LIVES])
def test_one_of_several_concurrent_requests_creates(
    path: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    save = MemoryRecords.save_records

    async def slowly(records: MemoryRecords, *args: Any) -> None:
        await asyncio.sleep(0.001)
        await save(records, *args)

    monkeypatch.setattr(MemoryRecords, "save_records", slowly)
    answers = Management().put_at_once(4, path, body)
    assert sorted(each.status for each in answers) == [200, 200, 200, 201]


def test_an_address_on_a_list() -> None:
    api = Management()
    api.ask("PUT", LIST, {"properties": {"listName": "DoNotReply"}})
    path = f"{LIST}/suppressionListAddresses/{GUID}"
    body = {"properties": {"email": "ann@example.net", "firstName": "Ann"}}
    made = api.ask("PUT", path, body)
    assert made.status == 201
    assert made.json["properties"]["lastModified"] == "2026-05-04T12:00:00.000000Z"
    assert made.json["properties"]["dataLocation"] == "United States"
    assert api.ask("GET", LIST + "/suppressionListAddresses").json["value"] == [made.json]
    assert api.ask("PUT", path, body).status == 200
    assert api.ask("DELETE", path).status == 200
    assert api.ask("DELETE", path).status == 204
    assert api.ask("DELETE", LIST).status == 200


def test_a_role_definition_is_answered_201_even_when_it_is_changed() -> None:
    """azure-mgmt-authorization takes nothing else."""
    api = Management()
    path = f"{HOME}/{AUTH}/roleDefinitions/{GUID}"
    permission = {"actions": ["*/read"], "notActions": ["Microsoft.Authorization/*/read"]}
    body = {
        "properties": {
            "roleName": "Email Sender 2",
            "type": "CustomRole",
            "description": "May look",
            "permissions": [permission],
            "assignableScopes": [HOME.upper()],
        }
    }
    assert api.ask("PUT", path, body).status == 201
    made = api.ask("PUT", path, body)
    assert made.status == 201, made.body
    properties = made.json["properties"]
    assert properties["assignableScopes"] == [HOME]
    assert properties["permissions"][0] == {**permission, "dataActions": [], "notDataActions": []}
    assert properties["createdBy"] == ADMIN.id
    found = api.ask("GET", path.replace(HOME, GROUP)).json
    assert found["id"] == path, "a role is its subscription's, wherever it was asked for"
    by_name = api.ask(
        "GET", path.rpartition("/")[0], query="$filter=roleName%20eq%20'email%20sender%202'"
    )
    assert [each["name"] for each in by_name.json["value"]] == [GUID]
    assert api.ask("DELETE", path).json["name"] == GUID
    assert api.ask("DELETE", path).status == 204


def test_a_role_definition_has_a_limited_size() -> None:
    """Looking at each of very many takes longer than others may wait."""
    api = Management()
    path = f"{HOME}/{AUTH}/roleDefinitions/{GUID}"
    role = {"roleName": "Large", "permissions": [{"actions": ["*/read"]}]}
    many = {"permissions": [{}] * 101, "assignableScopes": [HOME]}
    refused = api.ask("PUT", path, {"properties": {**role, **many}})
    assert (refused.status, refused.code) == (400, "InvalidRoleDefinition")
    scopes = [f"{HOME}/resourceGroups/{number}" for number in range(2001)]
    refused = api.ask("PUT", path, {"properties": {**role, "assignableScopes": scopes}})
    assert (refused.status, refused.code) == (400, "InvalidAssignableScopes")
    repeated = {**role, "assignableScopes": [HOME] * 3000}
    assert api.ask("PUT", path, {"properties": repeated}).status == 201


def test_properties_of_a_service() -> None:
    answer = Management().ask("GET", SERVICE).json
    assert answer["location"] == "global"
    assert answer["type"] == "microsoft.communication/communicationservices"
    assert answer["properties"] == {
        "provisioningState": "Succeeded",
        "hostName": "acs-demo.communication.localhost:2443",
        "dataLocation": "United States",
        "linkedDomains": [DOMAIN],
        "publicNetworkAccess": "Enabled",
        "disableLocalAuth": False,
        "version": answer["properties"]["version"],
    }


def test_properties_of_a_managed_domain() -> None:
    answer = Management().ask("GET", DOMAIN).json
    properties = answer["properties"]
    assert properties["fromSenderDomain"] == properties["mailFromSenderDomain"]
    verified = {"status": "Verified", "errorCode": "None"}
    states = properties["verificationStates"]
    assert states == dict.fromkeys(("Domain", "SPF", "DKIM", "DKIM2", "DMARC"), verified)
    assert (properties["domainManagement"], properties["userEngagementTracking"]) == (
        "AzureManaged", "Disabled",
    )  # fmt: skip


def test_system_data_names_author_and_time() -> None:
    api = Management()
    path = f"{MAIL}/emailServices/new"
    body = {"location": "global", "properties": {"dataLocation": "Japan"}}
    made = api.ask("PUT", path, body).json["systemData"]
    api.now = NOW + timedelta(minutes=1)
    changed = api.ask("PATCH", path, {"tags": {"a": "b"}}).json
    assert changed["tags"] == {"a": "b"}
    assert changed["systemData"] == {
        **made,
        "lastModifiedBy": ADMIN.id,
        "lastModifiedByType": "Application",
        "lastModifiedAt": "2026-05-04T12:01:00.000000Z",
    }
    assert made["createdAt"] == "2026-05-04T12:00:00.000000Z"


def test_patch_leaves_what_it_does_not_name() -> None:
    api = Management()
    api.ask("PATCH", SERVICE, {"tags": {"a": "b"}})
    answer = api.ask("PATCH", SERVICE, {"properties": {"disableLocalAuth": True}}).json
    assert answer["tags"] == {"a": "b"}
    assert answer["properties"]["linkedDomains"] == [DOMAIN]
    assert answer["properties"]["disableLocalAuth"] is True
    tracking = {"properties": {"userEngagementTracking": "Enabled"}}
    assert (
        api.ask("PATCH", DOMAIN, tracking).json["properties"]["userEngagementTracking"] == "Enabled"
    )
    assert api.ask("PATCH", GROUP, {"tags": {"c": "d"}}).json["tags"] == {"c": "d"}
    assert api.ask("PATCH", GROUP, {}).json["tags"] == {"c": "d"}


def test_keys_are_shown_and_replaced() -> None:
    api = Management()
    path = f"{MAIL}/communicationServices/new"
    body = {"location": "global", "properties": {"dataLocation": "Japan"}}
    assert api.ask("PUT", path, body).status == 201
    before = api.ask("POST", f"{path}/listKeys").json
    assert before["primaryConnectionString"] == f"endpoint={BASE}/;accesskey={before['primaryKey']}"
    after = api.ask("POST", f"{path}/regenerateKey", {"keyType": "secondary"}).json
    assert after["primaryKey"] == before["primaryKey"]
    assert after["secondaryKey"] not in before.values()
    assert api.ask("POST", f"{path}/listKeys").json == after
    assert api.ask("PUT", path, body).status == 200
    assert api.ask("POST", f"{path}/listKeys").json == after, "a later PUT makes no keys"
    wrong = api.ask("POST", f"{path}/regenerateKey", {"keyType": "Third"})
    assert wrong.code == "InvalidKeyType"
    kept = api.directory.get(CommunicationService, path)
    assert after["primaryKey"] not in repr(kept)


NAMES = [
    ("acs-DEMO", False, "AlreadyExists"),
    ("a.b", False, "Invalid"),
    ("free", True, None),
]


@pytest.mark.parametrize(("name", "available", "reason"), NAMES)
def test_whether_a_name_is_free(name: str, available: bool, reason: str | None) -> None:
    path = f"{HOME}/providers/Microsoft.Communication/checkNameAvailability"
    body = {"name": name, "type": "Microsoft.Communication/CommunicationServices"}
    answer = Management().ask("POST", path, body).json
    assert (answer["nameAvailable"], answer.get("reason")) == (available, reason)


def test_providers_are_registered() -> None:
    api = Management()
    path = f"{HOME}/providers/Microsoft.Communication"
    for method, suffix in (("GET", ""), ("POST", "/register")):
        answer = api.ask(method, path + suffix).json
        assert answer["registrationState"] == "Registered"
        assert answer["namespace"] == "Microsoft.Communication"
    assert len(api.ask("GET", f"{HOME}/providers").json["value"]) == 3
    missing = api.ask("POST", f"{HOME}/providers/Microsoft.Web/register")
    assert (missing.status, missing.code) == (404, "InvalidResourceNamespace")


def test_other_questions() -> None:
    api = Management()
    tenants = api.ask("GET", "/tenants").json["value"]
    assert [each["tenantId"] for each in tenants] == [TENANT]
    exchange = f"{HOME}/providers/Microsoft.Communication/listVerifiedExchangeOnlineDomains"
    assert api.ask("POST", exchange).json == []
    operations = api.ask("GET", "/providers/Microsoft.Communication/operations").json["value"]
    assert "Microsoft.Communication/EmailServices/write" in {each["name"] for each in operations}
    hub = {"resourceId": "/subscriptions/x/hub", "connectionString": "Endpoint=sb://x"}
    assert api.ask("POST", f"{SERVICE}/linkNotificationHub", hub).json == {
        "resourceId": "/subscriptions/x/hub"
    }
    assert api.ask("HEAD", GROUP).status == 204
    assert api.ask("HEAD", f"{GROUP}x").status == 404
    assert api.ask("HEAD", SERVICE).status == 204


def test_long_lists_have_pages() -> None:
    api = Management()
    for number in range(99):
        path = f"{DOMAIN}/senderUsernames/s{number}"
        assert api.ask("PUT", path, {"properties": {"username": f"s{number}"}}).status == 201
    one_more = api.ask("PUT", f"{DOMAIN}/senderUsernames/x", {"properties": {"username": "x"}})
    assert one_more.code == "QuotaExceeded"
    assert len(api.directory.all(SenderUsername)) == 100
    names: list[str] = []
    query, pages = "$top=40", 0
    while True:
        page = api.ask("GET", f"{DOMAIN}/senderUsernames", query=query).json
        names += [each["name"] for each in page["value"]]
        pages += 1
        if "nextLink" not in page:
            break
        assert page["nextLink"].startswith(f"{BASE}{DOMAIN}/senderUsernames?")
        query = re.sub(r"api-version=[^&]*&?", "", urlsplit(page["nextLink"]).query)
    assert (pages, len(set(names)), len(names)) == (3, 100, 100)
    wrong = api.ask("GET", f"{DOMAIN}/senderUsernames", query="$skiptoken=-1")
    assert wrong.code == "InvalidQueryParameter"


# fmt: off
FILTERS = [
    ("",                                                 SERVICE, {ASSIGNMENT, "admin"}),
    ("$filter=atScope()",                                SERVICE, {ASSIGNMENT, "admin"}),
    ("$filter=atScope()",                                GROUP,   {"admin"}),
    ("",                                                 GROUP,   {ASSIGNMENT, "admin"}),
    (f"$filter=principalId eq '{PRINCIPAL.upper()}'",    HOME,    {ASSIGNMENT}),
    (f"$filter=assignedTo('{PRINCIPAL}')",               HOME,    {ASSIGNMENT}),
    (f"$filter=atScope() and principalId eq '{PRINCIPAL}'", HOME, set()),
    (f"$filter=principalId eq {PRINCIPAL}",              SERVICE, {ASSIGNMENT}),
]
# fmt: on


@pytest.mark.parametrize(("query", "scope", "expected"), FILTERS)
def test_role_assignments_near_a_scope(query: str, scope: str, expected: set[str]) -> None:
    answer = Management().ask(
        "GET", f"{scope}/{AUTH}/roleAssignments", query=query.replace(" ", "%20")
    )
    found = {each["name"] for each in answer.json["value"]}
    assert {ASSIGNMENT if each == ASSIGNMENT else "admin" for each in found} == expected


@pytest.mark.parametrize("query", ["$filter=x eq 'y'", "$filter=atScope() and", "$filter='"])
def test_a_filter_that_is_not_understood_is_refused(query: str) -> None:
    path = f"{SERVICE}/{AUTH}/roleAssignments"
    answer = Management().ask("GET", path, query=query.replace(" ", "%20"))
    assert (answer.status, answer.code) == (400, "UnsupportedQuery")


def test_roles_that_can_be_assigned_at_a_scope() -> None:
    answer = Management().ask("GET", f"{SERVICE}/{AUTH}/roleDefinitions").json["value"]
    assert {each["properties"]["roleName"] for each in answer} == {
        "Owner", "Contributor", "Reader", "Communication and Email Service Owner", "Email Sender",
    }  # fmt: skip
    built_in = Management().ask(
        "GET", f"{HOME}/{AUTH}/roleDefinitions", query="$filter=type%20eq%20'BuiltInRole'"
    )
    assert len(built_in.json["value"]) == 4
    unknown = Management().ask("GET", f"{HOME}/{AUTH}/roleDefinitions/{new_guid()}")
    assert (unknown.status, unknown.code) == (404, "RoleDefinitionDoesNotExist")
    assert Management().ask("GET", f"{HOME}/{AUTH}/roleDefinitions/{ROLE}").status == 200


def test_resources_of_a_group() -> None:
    api = Management()
    found = api.ask("GET", f"{GROUP}/resources").json["value"]
    assert {each["name"] for each in found} == {
        "acs-demo", "acs-demo-email", "acs-demo-email/AzureManagedDomain",
    }  # fmt: skip
    query = "$filter=resourceType%20eq%20'Microsoft.Communication/communicationServices'"
    [only] = api.ask("GET", f"{HOME}/resources", query=query).json["value"]
    assert only["id"] == SERVICE
