"""Requests: authorization, versions, and spellings of a path."""

from datetime import timedelta
from urllib.parse import quote, unquote

import pytest

from gatepost.directory.azure.entries import ServicePrincipal, Subscription, Tenant
from gatepost.directory.azure.resource_ids import subscription_path
from gatepost.rest.arm.dispatch import BODY_LIMIT
from tests.unit.directory.azure.world import EMAIL, GROUP, OTHER, SECRET, SERVICE, SUBSCRIPTION
from tests.unit.rest.arm.asking import ADMIN, BASE, Management

HOME = subscription_path(SUBSCRIPTION)
ELSEWHERE = subscription_path(SECRET)


@pytest.fixture(scope="module")
def api() -> Management:
    """What these tests ask of, and do not change."""
    return Management(Tenant(OTHER), Subscription(ELSEWHERE, OTHER))


AUDIENCES = [
    ("https://management.azure.com", 200, ""),
    ("https://management.azure.com/", 200, ""),
    ("https://management.core.windows.net/", 200, ""),
    (BASE, 200, ""),
    (f"{BASE}/", 200, ""),
    ("https://127.0.0.1:2443", 200, ""),
    ("https://localhost:1", 401, "InvalidAuthenticationTokenAudience"),
    ("https://communication.azure.com", 401, "InvalidAuthenticationTokenAudience"),
    ("https://graph.microsoft.com", 401, "InvalidAuthenticationTokenAudience"),
]


@pytest.mark.parametrize(("audience", "status", "code"), AUDIENCES)
def test_tokens_for_this_api(api: Management, audience: str, status: int, code: str) -> None:
    answer = api.ask("GET", GROUP, token=api.token(audience=audience))
    assert (answer.status, answer.code) == (status, code)


def test_tokens_that_prove_nothing(api: Management) -> None:
    for token, code in (("", "AuthenticationFailed"), ("nonsense", "InvalidAuthenticationToken")):
        answer = api.ask("GET", GROUP, token=token)
        assert (answer.status, answer.code) == (401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    old = api.token()
    api.now += timedelta(hours=2)
    try:
        assert api.ask("GET", GROUP, token=old).code == "ExpiredAuthenticationToken"
    finally:
        api.now -= timedelta(hours=2)


def test_a_token_of_another_tenant(api: Management) -> None:
    answer = api.ask("GET", ELSEWHERE)
    assert (answer.status, answer.code) == (401, "InvalidAuthenticationTokenTenant")
    principal = ServicePrincipal(SECRET, ADMIN.id, OTHER)
    answer = api.ask("GET", GROUP, token=api.token(principal))
    assert answer.code == "InvalidAuthenticationTokenTenant"


COMMUNICATION = f"{SERVICE}/smtpUsernames"
ROLES = f"{SERVICE}/providers/Microsoft.Authorization/roleAssignments"
# fmt: off
VERSIONS = [
    (COMMUNICATION, "",                    "MissingApiVersionParameter"),
    (COMMUNICATION, "latest",              "InvalidApiVersionParameter"),
    (COMMUNICATION, "2025-09-01x",         "InvalidApiVersionParameter"),
    (COMMUNICATION, "2099-02-31",          "InvalidApiVersionParameter"),
    (GROUP,         "2025-13-01",          "InvalidApiVersionParameter"),
    (COMMUNICATION, "2020-08-19",          "NoRegisteredProviderFound"),
    (COMMUNICATION, "2020-08-20",          ""),
    (COMMUNICATION, "2020-08-20-preview",  ""),
    (COMMUNICATION, "2030-01-01",          ""),
    (ROLES,         "2015-07-01",          ""),
    (GROUP,         "2018-05-01",          ""),
    (GROUP,         "",                    "MissingApiVersionParameter"),
]
# fmt: on


@pytest.mark.parametrize(("path", "version", "code"), VERSIONS)
def test_versions(api: Management, path: str, version: str, code: str) -> None:
    answer = api.ask("GET", path, version=version)
    assert (answer.status, answer.code) == (400 if code else 200, code)


SPELLINGS = [
    GROUP.lower(),
    GROUP.upper(),
    f"/{GROUP}",
    f"{GROUP}/",
    SERVICE.replace("providers", "PROVIDERS"),
    SERVICE.replace("Microsoft.Communication", "microsoft.communication"),
    ROLES.replace("/providers/Microsoft.A", "//PROVIDERS//mICROSOFT.a"),
    f"{GROUP}/providers/Microsoft.Communication//communicationServices/acs-demo",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_paths_are_found_in_any_case(api: Management, path: str) -> None:
    answer = api.ask("GET", path)
    assert answer.status == 200, answer.body
    assert "x-ms-request-id" in answer.headers


# fmt: off
NOTHING = [
    ("GET",    f"{GROUP}/providers/Microsoft.Web/sites/x", 404, "InvalidResourceNamespace"),
    ("PUT",    f"{GROUP}/providers/Microsoft.Web/sites/x", 404, "InvalidResourceNamespace"),
    ("GET",    f"{SERVICE}/providers/Microsoft.Insights/metrics", 404, "InvalidResourceNamespace"),
    ("GET",    f"{GROUP}/providers/Microsoft.Communication/bots/x",  404, "InvalidResourceType"),
    ("GET",    f"{SERVICE}/providers/Microsoft.Authorization/locks", 404, "InvalidResourceType"),
    ("GET",    f"{HOME}/unknown", 404, "NotFound"),
    ("GET",    f"{GROUP}x", 404, "ResourceGroupNotFound"),
    ("GET",    f"{SERVICE}x", 404, "ResourceNotFound"),
    ("GET",    f"{SERVICE}x/smtpUsernames", 404, "ResourceNotFound"),
    ("GET",    f"{SERVICE}x/smtpUsernames/y", 404, "ResourceNotFound"),
    ("GET",    f"{EMAIL}/domains/none", 404, "ResourceNotFound"),
    ("GET",    subscription_path("mine"), 400, "InvalidSubscriptionId"),
    ("GET",    subscription_path(OTHER), 404, "SubscriptionNotFound"),
    ("DELETE", subscription_path(OTHER), 405, "MethodNotAllowed"),
    ("DELETE", HOME, 405, "MethodNotAllowed"),
    ("PATCH",  f"{SERVICE}/smtpUsernames/x", 405, "MethodNotAllowed"),
    ("GET",    f"{SERVICE}/listKeys", 405, "MethodNotAllowed"),
]
# fmt: on


@pytest.mark.parametrize(("method", "path", "status", "code"), NOTHING)
def test_unknown_resources_are_not_found(
    api: Management, method: str, path: str, status: int, code: str
) -> None:
    answer = api.ask(method, path, {})
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["x-ms-error-code"] == code


def test_the_allowed_methods_are_named(api: Management) -> None:
    answer = api.ask("DELETE", f"{SERVICE}/listKeys")
    assert answer.headers["allow"] == "POST"


def test_a_path_that_is_not_ours_is_left_to_others(api: Management) -> None:
    answer = api.ask("GET", "/v1.0/applications")
    assert (answer.status, answer.body) == (404, b"Not Found")


BODIES = [
    (b"", "InvalidRequestContent"),
    (b"{", "InvalidRequestContent"),
    (b"[]", "InvalidRequestContent"),
    (b'{"location": 1}', "InvalidRequestContent"),
    (b'{"location": "\xff"}', "InvalidRequestContent"),
    (b"{" + b" " * BODY_LIMIT + b"}", "RequestContentTooLarge"),
    (b"[" * 100_000, "InvalidRequestContent"),
    (b'{"a":' * 100_000, "InvalidRequestContent"),
    (b'{"properties": {"dataLocation": "Japan"}}', "LocationRequired"),
    (b'{"location": "japaneast", "properties": {"dataLocation": "Japan"}}',
     "LocationNotAvailableForResourceType"),
    (b'{"location": "global", "properties": {}}', "InvalidRequestContent"),
    (b'{"location": "global", "properties": {"dataLocation": "Mars"}}', "InvalidDataLocation"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), BODIES, ids=range(len(BODIES)))
def test_bodies(api: Management, body: bytes, code: str) -> None:
    path = f"{GROUP}/providers/Microsoft.Communication/emailServices/new"
    answer = api.ask("PUT", path, body)
    assert (answer.code, answer.status) == (code, 413 if code.endswith("TooLarge") else 400)


@pytest.mark.parametrize("name", ["%2e%2e", "a%00b", quote("ü"), quote("a/b"), quote("a b")])
def test_names_that_nothing_can_have(api: Management, name: str) -> None:
    path = f"{GROUP}/providers/Microsoft.Communication/emailServices/{unquote(name)}"
    body = {"location": "global", "properties": {"dataLocation": "Japan"}}
    assert api.ask("PUT", path, body).status in (400, 404)
