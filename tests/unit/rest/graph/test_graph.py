"""The part of Microsoft Graph: applications, their credentials, service principals."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from gatepost.directory.azure.entries import (
    Application,
    ClientCertificate,
    ClientSecret,
    Entry,
    ServicePrincipal,
    Tenant,
)
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.rest import graph
from tests.client_certificates import make_certificate
from tests.unit.directory.azure.world import APPLICATION, NOW, OTHER, PRINCIPAL, TENANT, USERNAME
from tests.unit.rest.arm.asking import ADMIN_PRINCIPAL, Management
from tests.unit.rest.in_process import Answered

GRAPH = "https://graph.microsoft.com"
CONTEXT = "https://localhost:2443/v1.0/$metadata#"
ELSEWHERE = "99999999-7777-8888-9999-000000000000"
STRANGER = Application(
    "99999999-1111-0000-0000-000000000001", "f" * 8, ELSEWHERE, "Stranger", multitenant=True
)


class Graph(Management):
    """The API over the directory of ``world``; paths begin behind the version."""

    def __init__(self, *added: Entry) -> None:
        super().__init__(*added)
        self.application = Starlette(routes=graph.routes(self.site))

    def token(
        self,
        principal: ServicePrincipal = ADMIN_PRINCIPAL,
        audience: str = GRAPH,
    ) -> str:
        return super().token(principal, audience)

    def call(self, method: str, path: str, body: object = None, **given: Any) -> Answered:
        version = given.pop("version", "v1.0")
        return self.ask(method, f"/{version}/{path}", body, version="", **given)

    def get(self, path: str, query: str = "") -> Any:
        answered = self.call("GET", path, query=query)
        assert answered.status == 200, answered.body
        return answered.json

    def app(self, **fields: Any) -> dict[str, Any]:
        answered = self.call("POST", "applications", {"displayName": "billing", **fields})
        assert answered.status == 201, answered.body
        made: dict[str, Any] = answered.json
        return made


@pytest.fixture
def api() -> Graph:
    return Graph()


class TestApplications:
    def test_made_and_shown(self, api: Graph) -> None:
        made = api.app(signInAudience="AzureADMultipleOrgs", web={"redirectUris": []})
        assert made.pop("@odata.context") == f"{CONTEXT}applications/$entity"
        assert is_guid(made["id"])
        assert is_guid(made["appId"])
        assert made["id"] != made["appId"]
        assert made["displayName"] == "billing"
        assert made["signInAudience"] == "AzureADMultipleOrgs"
        assert made["publisherDomain"] == "example.com"
        for path in (f"applications/{made['id']}", f"Applications(appId='{made['appId']}')"):
            shown = api.get(path)
            del shown["@odata.context"]
            assert shown == made
        entry = api.directory.get(Application, made["appId"])
        assert entry == Application(made["appId"], made["id"], TENANT, "billing", multitenant=True)

    def test_the_client_id_is_not_the_object_id(self, api: Graph) -> None:
        made = api.app()
        assert api.call("GET", f"applications/{made['appId']}").status == 404

    def test_changed(self, api: Graph) -> None:
        made = api.app()
        changed = api.call("PATCH", f"applications/{made['id']}", {"displayName": "Billing 2"})
        assert (changed.status, changed.body) == (204, b"")
        assert api.get(f"applications/{made['id']}")["displayName"] == "Billing 2"
        assert api.get(f"applications/{made['id']}")["signInAudience"] == "AzureADMyOrg"

    def test_deleted_with_what_it_has(self, api: Graph) -> None:
        assert api.call("DELETE", f"applications(appId='{APPLICATION}')").status == 204
        assert api.directory.get(ServicePrincipal, PRINCIPAL) is None
        assert api.call("GET", f"applications(appId='{APPLICATION}')").status == 404

    def test_made_with_a_secret_and_a_certificate(self, api: Graph) -> None:
        certificate = base64.b64encode(make_certificate().der).decode()
        key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate}
        made = api.app(passwordCredentials=[{"displayName": "first"}], keyCredentials=[key])
        [secret], [shown] = made["passwordCredentials"], made["keyCredentials"]
        assert secret["secretText"].startswith(secret["hint"])
        assert shown["key"] is None
        again = api.get(f"applications/{made['id']}")
        assert again["passwordCredentials"] == [secret | {"secretText": None}]
        assert again["keyCredentials"] == [shown]

    @pytest.mark.parametrize("version", ["v1.0", "beta"])
    def test_both_versions(self, api: Graph, version: str) -> None:
        answered = api.call("GET", "applications", version=version)
        assert answered.json["@odata.context"].startswith(f"https://localhost:2443/{version}/$met")


class TestLists:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("", ["sender", "Administrator"]),
            (f"appId eq '{APPLICATION}'", ["sender"]),
            (f"appId eq '{APPLICATION.upper()}'", ["sender"]),
            ("displayName eq 'SENDER'", ["sender"]),
            ("displayName EQ 'it''s'", []),
            ("startswith(displayName,'admin')", ["Administrator"]),
            (f"displayName eq 'sender' and appId eq '{OTHER}'", []),
            (f"displayName eq 'sender' and appId eq '{APPLICATION}'", ["sender"]),
            ("displayName eq ' and '", []),
        ],
    )
    def test_filter(self, api: Graph, wanted: str, found: list[str]) -> None:
        query = "$filter=" + wanted.replace(" ", "%20").replace("'", "%27") if wanted else ""
        listed = api.get("applications", query)
        assert listed["@odata.context"] == f"{CONTEXT}applications"
        assert [each["displayName"] for each in listed["value"]] == found

    @pytest.mark.parametrize(
        "query",
        [
            "$filter=displayName",
            "$filter=displayName eq sender",
            "$filter=displayName ne 'sender'",
            "$filter=tags eq 'x'",
            "$filter=displayName eq 'a' or displayName eq 'b'",
            "$filter=displayName eq 'a' and",
            "$filter=displayName eq 'a",
            "$orderby=displayName",
            "$search=x",
            "$expand=owners",
        ],
    )
    def test_unsupported_queries_are_refused(self, api: Graph, query: str) -> None:
        answered = api.call("GET", "applications", query=query.replace(" ", "%20"))
        assert (answered.status, answered.code) == (400, "Request_UnsupportedQuery")

    def test_pages(self, api: Graph) -> None:
        for number in range(5):
            api.app(displayName=f"app {number}")
        query, names = "$filter=startswith(displayName,'app')&$top=2&$count=true", []
        for pages in range(3):
            page = api.get("applications", query)
            assert page["@odata.count"] == 5
            names += [each["displayName"] for each in page["value"]]
            url, _, query = page.get("@odata.nextLink", "").partition("?")
            assert url == ("https://localhost:2443/v1.0/applications" if pages < 2 else "")
        assert names == [f"app {number}" for number in range(5)]

    @pytest.mark.parametrize("top", ["0", "1000", "-1", "x", "9" * 9, "\u0662"])
    def test_a_page_has_bounds(self, api: Graph, top: str) -> None:
        assert api.call("GET", "applications", query=f"$top={top}").status == 400

    def test_selected(self, api: Graph) -> None:
        [one, _] = api.get("applications", "$select=appId,displayName")["value"]
        assert one == {"appId": APPLICATION, "displayName": "sender"}
        path = f"applications(appId='{APPLICATION}')"
        assert api.get(path, "$select=id").keys() == {"@odata.context", "id"}

    @pytest.mark.parametrize(
        "wanted",
        [
            f"appId eq '{APPLICATION}'",
            "displayName eq 'sender'",
            f"servicePrincipalNames/any(c:c eq '{APPLICATION}')",
        ],
    )
    def test_service_principals(self, api: Graph, wanted: str) -> None:
        query = "$filter=" + wanted.replace(" ", "%20")
        [found] = api.get("servicePrincipals", query)["value"]
        assert (found["id"], found["appId"]) == (PRINCIPAL, APPLICATION)
        assert found["appOwnerOrganizationId"] == TENANT


class TestPasswords:
    PATH = f"applications(appId='{APPLICATION}')/addPassword"

    def test_it_signs_in_until_it_is_removed(self, api: Graph) -> None:
        body = {"passwordCredential": {"displayName": "build"}}
        made = api.call("POST", self.PATH, body)
        assert made.status == 200
        assert made.headers["cache-control"] == "no-store"
        shown = made.json
        assert shown["@odata.context"] == f"{CONTEXT}microsoft.graph.passwordCredential"
        assert shown["displayName"] == "build"
        assert shown["endDateTime"] == "2028-05-03T12:00:00Z"
        value = shown["secretText"]
        assert value.startswith(shown["hint"])

        def sign_in() -> object:
            return api.directory.identify(Credentials(USERNAME, Secret(value)), "LOGIN")

        assert isinstance(sign_in(), Principal)
        listed = api.get(f"applications(appId='{APPLICATION}')")
        assert value not in json.dumps(listed)
        remove = f"applications(appId='{APPLICATION}')/removePassword"
        assert api.call("POST", remove, {"keyId": shown["keyId"]}).status == 204
        assert not isinstance(sign_in(), Principal)
        again = api.call("POST", remove, {"keyId": shown["keyId"]})
        assert (again.status, again.code) == (400, "Request_BadRequest")

    @pytest.mark.parametrize("body", [None, {}, {"passwordCredential": None}])
    def test_an_empty_body_is_accepted(self, api: Graph, body: object) -> None:
        assert api.call("POST", self.PATH, body).json["displayName"] is None

    @pytest.mark.parametrize(
        ("given", "start", "end"),
        [
            ({"endDateTime": "2026-06-01T00:00:00Z"}, NOW, "2026-06-01T00:00:00Z"),
            ({"endDateTime": "2026-06-01T02:00:00+02:00"}, NOW, "2026-06-01T00:00:00Z"),
            ({"endDateTime": "2026-06-01T00:00:00"}, NOW, "2026-06-01T00:00:00Z"),
            ({"startDateTime": "2026-05-05T12:00:00Z"}, NOW + timedelta(days=1),
             "2028-05-04T12:00:00Z"),
            ({"endDateTime": "2026-01-01T00:00:00Z"}, None, "2026-01-01T00:00:00Z"),
        ],
    )  # fmt: skip
    def test_its_time(self, api: Graph, given: dict[str, str], start: Any, end: str) -> None:
        made = api.call("POST", self.PATH, {"passwordCredential": given}).json
        assert made["endDateTime"] == end
        kept = api.directory.get(ClientSecret, made["keyId"])
        assert kept is not None
        assert kept.start == (start or kept.end)

    @pytest.mark.parametrize(
        "given",
        [
            {"startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "2026-05-01T00:00:00Z"},
            {"startDateTime": "9999-12-31T00:00:00Z"},
            {"endDateTime": "9999-12-31T23:59:59-12:00"},
            {"endDateTime": "tomorrow"},
            {"displayName": "x" * 257},
            {"displayName": 5},
        ],
    )
    def test_invalid_password_credentials_are_refused(
        self, api: Graph, given: dict[str, Any]
    ) -> None:
        refused = api.call("POST", self.PATH, {"passwordCredential": given})
        assert (refused.status, refused.code) == (400, "Request_BadRequest")
        assert len(api.directory.find(ClientSecret, APPLICATION)) == 1


class TestCertificates:
    PATH = f"applications(appId='{APPLICATION}')"

    @staticmethod
    def key(name: str) -> dict[str, str]:
        return {"key": base64.b64encode(make_certificate(name).der).decode(), "displayName": name}

    def put(self, api: Graph, *keys: dict[str, str]) -> Answered:
        return api.call("PATCH", self.PATH, {"keyCredentials": keys})

    def kept(self, api: Graph) -> dict[str, str]:
        found = api.directory.find(ClientCertificate, APPLICATION)
        return {each.display_name: each.id for each in found}

    def test_they_become_those_that_are_named(self, api: Graph) -> None:
        one, two = self.key("one"), self.key("two")
        assert self.put(api, one).status == 204
        first = self.kept(api)
        assert self.put(api, one, two).status == 204
        both = self.kept(api)
        assert both.keys() == {"one", "two"}
        assert both["one"] == first["one"]
        assert self.put(api, {"keyId": both["two"]}).status == 204
        assert self.kept(api) == {"two": both["two"]}
        assert self.put(api).status == 204
        assert self.kept(api) == {}

    def test_shown_where_they_are_selected(self, api: Graph) -> None:
        one = self.key("one")
        self.put(api, one)
        [shown] = api.get(self.PATH)["keyCredentials"]
        assert shown["key"] is None
        [shown] = api.get(self.PATH, "$select=keyCredentials")["keyCredentials"]
        assert shown["key"] == one["key"]

    @pytest.mark.parametrize(
        "key",
        [
            {"key": "not base64"},
            {"key": base64.b64encode(b"no certificate").decode()},
            {"keyId": OTHER},
            {"type": "Symmetric", "usage": "Verify", "key": "AAAA"},
        ],
    )
    def test_invalid_keys_are_refused(self, api: Graph, key: dict[str, str]) -> None:
        self.put(api, self.key("one"))
        before = self.kept(api)
        refused = self.put(api, key)
        assert (refused.status, refused.code) == (400, "Request_BadRequest")
        assert self.kept(api) == before


class TestServicePrincipals:
    def test_life(self, api: Graph) -> None:
        made = api.app()
        answered = api.call("POST", "servicePrincipals", {"appId": made["appId"]})
        assert answered.status == 201
        principal = answered.json
        assert principal["@odata.context"] == f"{CONTEXT}servicePrincipals/$entity"
        assert principal["displayName"] == principal["appDisplayName"] == "billing"
        assert principal["servicePrincipalNames"] == [made["appId"]]
        again = api.call("POST", "servicePrincipals", {"appId": made["appId"]})
        assert (again.status, again.code) == (409, "Request_MultipleObjectsWithSameKeyValue")
        for path in (
            f"servicePrincipals/{principal['id']}",
            f"servicePrincipals(appId='{made['appId']}')",
        ):
            assert api.get(path) == principal
        assert api.call("DELETE", f"servicePrincipals/{principal['id']}").status == 204
        assert api.call("GET", f"servicePrincipals/{principal['id']}").status == 404

    def test_an_unknown_application_is_refused(self, api: Graph) -> None:
        refused = api.call("POST", "servicePrincipals", {"appId": OTHER})
        assert (refused.status, refused.code) == (400, "NoBackingApplicationObject")
        assert OTHER in refused.message

    def test_an_application_of_another_tenant_gets_a_service_principal(self) -> None:
        api = Graph(Tenant(ELSEWHERE, "elsewhere.localhost"), STRANGER)
        made = api.call("POST", "servicePrincipals", {"appId": STRANGER.id})
        assert made.status == 201
        assert made.json["appOwnerOrganizationId"] == ELSEWHERE
        assert api.call("GET", f"applications(appId='{STRANGER.id}')").status == 404


class TestWhoMayAsk:
    def test_a_request_without_a_token_is_refused(self, api: Graph) -> None:
        refused = api.call("GET", "applications", token="")
        assert (refused.status, refused.code) == (401, "InvalidAuthenticationToken")
        assert refused.message == "Access token is empty."
        assert refused.headers["www-authenticate"].startswith("Bearer ")

    def test_a_token_for_another_resource_is_refused(self, api: Graph) -> None:
        other = api.token(audience="https://management.azure.com/")
        refused = api.call("GET", "applications", token=other)
        assert (refused.status, refused.code) == (401, "InvalidAuthenticationToken")
        assert "audience" in refused.message

    @pytest.mark.parametrize("audience", [GRAPH, f"{GRAPH}/", "https://localhost:2443"])
    def test_the_resource_by_its_names(self, api: Graph, audience: str) -> None:
        assert api.call("GET", "applications", token=api.token(audience=audience)).status == 200

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "applications", None),
            ("POST", "applications", {"displayName": "x"}),
            ("GET", f"applications(appId='{APPLICATION}')", None),
            ("PATCH", f"applications(appId='{APPLICATION}')", {"displayName": "x"}),
            ("DELETE", f"applications(appId='{APPLICATION}')", None),
            ("POST", f"applications(appId='{APPLICATION}')/addPassword", {}),
            ("POST", f"applications(appId='{APPLICATION}')/removePassword", {"keyId": "x"}),
            ("GET", "servicePrincipals", None),
            ("POST", "servicePrincipals", {"appId": APPLICATION}),
            ("GET", f"servicePrincipals/{PRINCIPAL}", None),
            ("DELETE", f"servicePrincipals/{PRINCIPAL}", None),
        ],
    )
    def test_only_an_owner(self, api: Graph, method: str, path: str, body: object) -> None:
        principal = api.directory.get(ServicePrincipal, PRINCIPAL)
        assert principal is not None
        before = api.directory.version
        refused = api.call(method, path, body, token=api.token(principal))
        assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")
        assert refused.message == "Insufficient privileges to complete the operation."
        assert api.directory.version == before

    def test_an_owner_of_another_tenant_sees_nothing(self) -> None:
        foreign = ServicePrincipal("99999999-1111-0000-0000-000000000002", STRANGER.id, ELSEWHERE)
        api = Graph(Tenant(ELSEWHERE, "elsewhere.localhost"), STRANGER, foreign)
        refused = api.call("GET", "applications", token=api.token(foreign))
        assert refused.status == 403


class TestErrors:
    def test_form(self, api: Graph) -> None:
        mine = "12345678-1234-1234-1234-123456789012"
        refused = api.call("GET", f"applications/{OTHER}x", headers={"client-request-id": mine})
        assert refused.status == 404
        error = refused.json["error"]
        assert error["code"] == "Request_ResourceNotFound"
        inner = error["innerError"]
        assert inner["date"] == "2026-05-04T12:00:00"
        assert inner["client-request-id"] == refused.headers["client-request-id"] == mine
        assert inner["request-id"] == refused.headers["request-id"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"{", "JSON"),
            (b"\xff", "JSON"),
            (b"[]", "JSON"),
            (b'{"displayName":' * 10_000, "JSON"),
            ({}, "displayName"),
            ({"displayName": None}, "displayName"),
            ({"displayName": ""}, "1 to 256"),
            ({"displayName": "x", "colour": "red"}, "colour"),
            ({"displayName": "x", "signInAudience": "Everybody"}, "Everybody"),
            ({"displayName": "x", "keyCredentials": [{"key": "!"}]}, "key credential"),
            ({"displayName": "x", "passwordCredentials": [{"displayName": "\n"}]}, "display name"),
        ],
    )
    def test_invalid_applications_are_refused(self, api: Graph, body: object, said: str) -> None:
        before = api.directory.version
        refused = api.call("POST", "applications", body)
        assert refused.status == 400
        assert said in refused.message
        assert api.directory.version == before

    def test_too_much(self, api: Graph) -> None:
        refused = api.call("POST", "applications", b" " * 300_000)
        assert refused.status == 413

    def test_unknown_paths_and_methods_are_refused(self, api: Graph) -> None:
        refused = api.call("GET", "users/ann")
        assert (refused.status, refused.message) == (
            400, "Resource not found for the segment 'users'.",
        )  # fmt: skip
        assert api.call("PUT", "applications", {}).status == 405

    def test_when_the_tenant_is_gone(self, api: Graph) -> None:
        asyncio.run(api.directory.save([], api.directory.all(Tenant)))
        assert api.call("GET", "applications").status == 401


def test_a_certificate_expires_by_itself() -> None:
    """The dates of a key credential are the certificate's."""
    api = Graph()
    over = make_certificate("over", start=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    made = api.app(keyCredentials=[{"key": base64.b64encode(over.der).decode()}])
    [shown] = made["keyCredentials"]
    assert shown["endDateTime"] == "2026-05-03T12:00:00Z"
