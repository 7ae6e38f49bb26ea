"""Resource Manager and Graph with a user of ACS Email, in the shapes that they answer in.

Shapes: azure-mgmt-communication 3.0.0, azure-mgmt-eventgrid 10.4.0, Microsoft Learn.
"""

import json
from collections import deque
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gatepost.migrate.arm_reader import ArmReader
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest, HttpResponse

ARM, GRAPH = "https://management.azure.com", "https://graph.microsoft.com"
TENANT = "99999999-8888-7777-6666-555555555555"
APP = "11111111-2222-3333-4444-555555555555"
OTHER_APP = "11111111-2222-3333-4444-666666666666"
PRINCIPAL = "22222222-2222-3333-4444-555555555555"
PERSON = "33333333-2222-3333-4444-555555555555"
TEAM = "33333333-2222-3333-4444-666666666666"
ROLE = "09976791-48a7-449e-bb21-39d1a415f350"
SUB = "/subscriptions/44444444-2222-3333-4444-555555555555"
EMPTY = "/subscriptions/66666666-2222-3333-4444-555555555555"
GROUP = f"{SUB}/resourceGroups/mail"
SERVICE = f"{GROUP}/providers/Microsoft.Communication/communicationServices/contoso"
EMAIL = f"{GROUP}/providers/Microsoft.Communication/emailServices/contoso-mail"
DOMAIN = f"{EMAIL}/domains/contoso.com"
MANAGED = f"{EMAIL}/domains/AzureManagedDomain"
MANAGED_NAME = "55555555-2222-3333-4444-555555555555.azurecomm.net"
KEY = "c2VjcmV0LWtleQ=="
WEBHOOK = "https://app.contoso.com/events?code=secret-code"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/contoso-topic"


def _domain(id_: str, name: str, management: str) -> dict[str, Any]:
    return {
        "id": id_, "name": id_.rpartition("/")[2], "location": "global", "tags": {"team": "shop"},
        "properties": {
            "dataLocation": "Europe", "fromSenderDomain": name, "mailFromSenderDomain": name,
            "domainManagement": management, "userEngagementTracking": "Disabled",
            "verificationStates": {
                each: {"status": "Verified", "errorCode": "None"}
                for each in ("Domain", "SPF", "DKIM", "DKIM2", "DMARC")
            },
            "verificationRecords": {
                "Domain": {"type": "TXT", "name": name, "value": "ms-domain-verification=1-2",
                           "ttl": 3600},
                "SPF": {"type": "TXT", "name": name, "ttl": 3600,
                        "value": "v=spf1 include:spf.protection.outlook.com -all"},
                "DKIM": {"type": "CNAME", "name": "selector1-azurecomm-prod-net._domainkey",
                         "value": "selector1-azurecomm-prod-net._domainkey.azurecomm.net",
                         "ttl": 3600},
            } if management == "CustomerManaged" else {},
        },
    }  # fmt: skip


def _below(parent: str, kind: str, name: str, **properties: Any) -> dict[str, Any]:
    return {"id": f"{parent}/{kind}/{name}", "name": name, "properties": properties}


def _subscription(name: str, endpoint: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"{SERVICE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}", "name": name,
        "properties": {
            "destination": endpoint, "topic": SERVICE,
            "filter": {
                "includedEventTypes": ["Microsoft.Communication.EmailDeliveryReportReceived"],
                "subjectBeginsWith": "", **more,
            },
        },
    }  # fmt: skip


LISTS: dict[str, list[Any]] = {
    "/subscriptions": [
        {"id": SUB, "subscriptionId": SUB.rpartition("/")[2], "tenantId": TENANT,
         "displayName": "Shop"},
        {"id": "/subscriptions/0", "subscriptionId": "66666666-2222-3333-4444-555555555555",
         "tenantId": "77777777-2222-3333-4444-555555555555", "displayName": "Empty"},
    ],
    f"{SUB}/providers/Microsoft.Communication/emailServices": [
        {"id": EMAIL, "name": "contoso-mail", "properties": {"dataLocation": "Europe"}},
    ],
    f"{EMPTY}/providers/Microsoft.Communication/emailServices": [],
    f"{EMPTY}/providers/Microsoft.Communication/communicationServices": [],
    f"{MANAGED}/suppressionLists": [],
    f"{EMAIL}/domains": [
        _domain(DOMAIN, "contoso.com", "CustomerManaged"),
        _domain(MANAGED, MANAGED_NAME, "AzureManaged"),
    ],
    f"{DOMAIN}/senderUsernames": [
        _below(DOMAIN, "senderUsernames", "app", username="app", displayName="The App"),
        _below(DOMAIN, "senderUsernames", "news", username="news", displayName=""),
    ],
    f"{MANAGED}/senderUsernames": [
        _below(MANAGED, "senderUsernames", "donotreply", username="DoNotReply"),
    ],
    f"{DOMAIN}/suppressionLists": [
        _below(DOMAIN, "suppressionLists", "all", listName="",
               createdTimeStamp="2026-01-01T00:00:00Z"),
    ],
    f"{DOMAIN}/suppressionLists/all/suppressionListAddresses": [
        _below(f"{DOMAIN}/suppressionLists/all", "suppressionListAddresses", f"{number:032x}",
               email=f"no-{number}@example.net", notes="asked us", dataLocation="Europe")
        for number in range(5)
    ],
    f"{SUB}/providers/Microsoft.Communication/communicationServices": [
        {"id": SERVICE, "name": "contoso", "location": "global",
         "properties": {"hostName": "contoso.europe.communication.azure.com",
                        "dataLocation": "Europe", "linkedDomains": [DOMAIN, MANAGED],
                        "disableLocalAuth": False}},
    ],
    f"{SERVICE}/smtpUsernames": [
        _below(SERVICE, "smtpUsernames", "nl", username="Newsletter", tenantId=TENANT,
               entraApplicationId=APP.upper()),
    ],
    f"{SERVICE}/providers/Microsoft.Authorization/roleAssignments": [
        {"name": f"88888888-2222-3333-4444-55555555555{number}",
         "properties": {"roleDefinitionId": f"{SUB}/providers/Microsoft.Authorization/"
                                            f"roleDefinitions/{ROLE}",
                        "principalId": principal, "principalType": kind, "scope": scope,
                        "createdOn": "2026-02-01T00:00:00.123Z"}}
        for number, (principal, kind, scope) in enumerate([
            (PRINCIPAL, "ServicePrincipal", GROUP),
            (PERSON, "User", SERVICE),
            (TEAM, "Group", SERVICE),
            ("99999999-0000-0000-0000-000000000000", "ServicePrincipal", SERVICE),
        ])
    ],
    f"{SERVICE}/providers/Microsoft.EventGrid/eventSubscriptions": [
        _subscription("hook", {"endpointType": "WebHook", "properties": {
            "endpointBaseUrl": "https://app.contoso.com/events"}}),
        _subscription("queue", {"endpointType": "ServiceBusQueue", "properties": {}},
                      advancedFilters=[{"operatorType": "StringIn", "key": "data.status"}]),
    ],
    f"{GROUP}/providers/Microsoft.EventGrid/systemTopics": [
        {"id": TOPIC, "name": "contoso-topic", "properties": {"source": SERVICE}},
        {"id": f"{TOPIC}2", "name": "of-others", "properties": {"source": f"{GROUP}/x"}},
    ],
    f"{TOPIC}/eventSubscriptions": [],
    f"{SERVICE}/providers/Microsoft.Insights/diagnosticSettings": [
        {"name": "to-log-analytics", "properties": {"workspaceId": "/x"}},
    ],
    "/v1.0/applications": [
        {"id": "12121212-2222-3333-4444-555555555555", "appId": APP, "displayName": "Shop app"},
    ],
}  # fmt: skip
ACTIONS: dict[str, dict[str, Any]] = {
    f"{SERVICE}/listKeys": {"primaryKey": KEY, "secondaryKey": KEY[::-1]},
    f"{SERVICE}/providers/Microsoft.EventGrid/eventSubscriptions/hook/getFullUrl": {
        "endpointUrl": WEBHOOK
    },
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}": {
        "properties": {
            "roleName": "Communication and Email Service Owner", "type": "BuiltInRole",
            "permissions": [{"actions": ["Microsoft.Communication/CommunicationServices/*"]}],
            "assignableScopes": ["/"],
        }
    },
    f"/v1.0/servicePrincipals/{PRINCIPAL}": {
        "id": PRINCIPAL, "appId": OTHER_APP, "displayName": "Batch job",
    },
}  # fmt: skip


class Azure:
    """Answers requests. ``failures`` has answers for a path that come first, once each."""

    def __init__(self, page: int = 2) -> None:
        self.page = page
        self.failures: dict[str, deque[tuple[int, dict[str, str], Any]]] = {}
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and token."""
        self.urls: list[str] = []
        self.slept: list[float] = []
        self.elsewhere = ""
        """The path of a list whose next page is at another server."""

    def reader(self, base: str = ARM, token: str = "token") -> ArmReader:
        return ArmReader(self.ask, base, Secret(token), self.slept.append)

    def refuse(
        self, path: str, status: int, code: str, times: int = 1_000, retry_after: int = 0
    ) -> None:
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        answer = status, headers, {"error": {"code": code, "message": "no"}}
        self.failures[path] = deque([answer] * times)

    def ask(self, request: HttpRequest) -> HttpResponse:
        self.urls.append(request.url)
        parts = urlsplit(request.url)
        path, query = unquote(parts.path), parse_qs(parts.query)
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.requests.append((request.method, path, token))
        if not path.startswith("/v1.0/"):
            assert query["api-version"], "Resource Manager refuses a request without it"
        if self.failures.get(path):
            status, headers, document = self.failures[path].popleft()
            return HttpResponse(status, headers, json.dumps(document).encode())
        if request.method == "POST":
            return _ok(ACTIONS[path])
        if path in DOCUMENTS:
            return _ok(DOCUMENTS[path])
        if path not in LISTS:
            return HttpResponse(404, {}, b'{"error": {"code": "NotFound"}}')
        start = int(query.get("$skip", ["0"])[0])
        entries = LISTS[path][start : start + self.page]
        page: dict[str, Any] = {"value": entries}
        if start + self.page < len(LISTS[path]):
            base = "https://evil.example" if path == self.elsewhere else f"https://{parts.netloc}"
            page["nextLink"] = f"{base}{parts.path}?api-version=1&$skip={start + self.page}"
        return _ok(page)


def _ok(document: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps(document).encode())
