"""The token endpoint: every refusal that Entra has a number for, and the order of the checks."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.directory.azure import login_checks
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    Entry,
    ServicePrincipal,
    Tenant,
)
from gatepost.directory.azure.secrets import digest_of, matching_secret
from gatepost.directory.azure.tokens import COMMUNICATION, MANAGEMENT
from gatepost.rest.entra.token_request import MAX_BODY, MAX_FIELD
from gatepost.rest.site import OwnNames
from tests.examples import examples
from tests.unit.directory.azure.world import (
    APPLICATION,
    KEY,
    NOW,
    OTHER,
    PASSWORD,
    PRINCIPAL,
    SECRET,
    TENANT,
    entries,
)
from tests.unit.rest.entra.asking import ORIGIN, PATH, SCOPE, Asking, entra_form, with_secret

WRONG = "wr0ng~Value"
UNKNOWN = "99999999-0000-0000-0000-000000000009"
EXPIRED = "0ld~Value"
FUTURE = "n3w~Value"
OLD = cast("ClientSecret", entries()["secret"])
SECRETS: list[Entry] = [
    replace(OLD, id="1", digest=digest_of(EXPIRED, KEY), end=NOW),
    replace(OLD, id="2", digest=digest_of(FUTURE, KEY), start=NOW + timedelta(hours=1)),
]
THERE = Tenant(OTHER, "elsewhere.example")
ELSEWHERE = Application("7" * 8 + APPLICATION[8:], "o", OTHER, "elsewhere")
SHARED = replace(ELSEWHERE, id="8" * 8 + APPLICATION[8:], multitenant=True)
SHARED_HERE = ServicePrincipal("p", SHARED.id, TENANT)
SHARED_SECRET = replace(OLD, id="3", application_id=SHARED.id)
ELSEWHERE_SECRET = replace(OLD, id="4", application_id=ELSEWHERE.id)


@pytest.fixture
def asking() -> Asking:
    return Asking(SECRETS)


def test_a_token(asking: Asking) -> None:
    answered = asking.post(with_secret())
    assert answered.status == 200
    assert answered.headers["cache-control"] == "no-store, no-cache"
    assert answered.headers["content-type"] == "application/json"
    body = answered.json
    token = body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
    claims = asking.tokens.verify(token, COMMUNICATION)
    assert (claims.application_id, claims.principal_id) == (APPLICATION, PRINCIPAL)
    assert claims.tenant_id == TENANT
    assert asking.reported == [
        ("token_issued", {"application": APPLICATION, "resource": "Azure Communication Services"})
    ]


# fmt: off
AUDIENCES = [
    # scope                                               aud
    ("https://communication.azure.com/.default",          "https://communication.azure.com"),
    ("https://communication.azure.com//.default",         "https://communication.azure.com/"),
    ("1fd5118e-2576-4263-8130-9503064c837a/.default",     "1fd5118e-2576-4263-8130-9503064c837a"),
    ("https://management.azure.com/.default",             "https://management.azure.com"),
    ("https://management.core.windows.net//.default",     "https://management.core.windows.net/"),
    ("https://graph.microsoft.com/.default",              "https://graph.microsoft.com"),
    ("https://outlook.office365.com/.default",            "https://outlook.office365.com"),
    ("https://localhost:2443/.default",                   "https://localhost:2443"),
    ("https://127.0.0.1:2443/.default",                   "https://127.0.0.1:2443"),
    (f"{SCOPE} {SCOPE}",                                  "https://communication.azure.com"),
]
# fmt: on


@pytest.mark.parametrize(("scope", "audience"), AUDIENCES)
def test_scopes(asking: Asking, scope: str, audience: str) -> None:
    answered = asking.post(with_secret(scope=scope))
    token = answered.json["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == audience
    is_graph = audience.startswith(("https://graph.", "https://localhost:", "https://127.0.0.1:"))
    assert claims.get("roles") == (["Mail.Send"] if is_graph else None)


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "example.com", "Example.COM"])
def test_a_tenant_by_its_id_or_domain(asking: Asking, tenant: str) -> None:
    answered = asking.post(with_secret(), f"/{tenant}/oauth2/v2.0/token", host="[::1]:8443")
    claims = jwt.decode(answered.json["access_token"], options={"verify_signature": False})
    assert claims["tid"] == TENANT
    assert claims["iss"] == claims["idp"] == f"https://[::1]:8443/{TENANT}/"


def test_version_1(asking: Asking) -> None:
    form = with_secret(scope="", resource="https://management.azure.com/")
    body = asking.post(form, f"/{TENANT}/oauth2/token").json
    assert asking.tokens.verify(body.pop("access_token"), MANAGEMENT).tenant_id == TENANT
    assert body == {
        "token_type": "Bearer",
        "expires_in": "3599",
        "ext_expires_in": "3599",
        "expires_on": str(int(NOW.timestamp()) + 3599),
        "not_before": str(int(NOW.timestamp())),
        "resource": "https://management.azure.com/",
    }


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    "form",
    [with_secret("", client_id=""), with_secret(""), with_secret()],
    ids=["in Basic alone", "the id in both", "both in both"],
)
def test_http_basic(asking: Asking, form: dict[str, str]) -> None:
    secret = PASSWORD.replace("~", "%7E")  # RFC 6749 2.3.1
    assert asking.post(form, authorization=basic(APPLICATION, secret)).status == 200


# fmt: off
BASIC = [
    ("Basic !",                         90013),
    ("Basic YWJj",                      90013),  # no colon
    ("Basic gDo6",                      90013),  # no UTF-8
    (basic(UNKNOWN, PASSWORD),          90013),  # not the client_id of the body
    (basic(APPLICATION, WRONG),       7000215),
    (basic(APPLICATION, ""),            7000216),
    ("Bearer abc",                      7000216),
]
# fmt: on


@pytest.mark.parametrize(("value", "number"), BASIC)
def test_http_basic_refused(asking: Asking, value: str, number: int) -> None:
    assert asking.post(with_secret(""), authorization=value).number == number
    assert PASSWORD not in str(asking.reported)


# fmt: off
REFUSED: list[tuple[dict[str, str], int, str, int, str, str]] = [
    # form                                status  error         number    words            reason
    (with_secret(WRONG),                401, "invalid_client", 7000215,
     f"not the client secret ID, for a secret added to app '{APPLICATION}'.", "secret_wrong"),
    (with_secret(SECRET),                 401, "invalid_client", 7000215,
     "Invalid client secret provided.", "secret_id_pasted"),
    (with_secret("AAEC" * 22),            401, "invalid_client", 7000215,
     "Invalid client secret provided.", "access_key_pasted"),
    (with_secret(FUTURE),                 401, "invalid_client", 7000215,
     "Invalid client secret provided.", "secret_not_yet_valid"),
    (with_secret(EXPIRED),                401, "invalid_client", 7000222,
     f"The provided client secret keys for app '{APPLICATION}' are expired.", "secret_expired"),
    (with_secret(""),                     401, "invalid_client", 7000216,
     "is required for the 'client_credentials' grant type.", "credential_missing"),
    (with_secret(client_id=UNKNOWN),      400, "unauthorized_client", 700016,
     f"Application with identifier '{UNKNOWN}' was not found in the directory 'example.com'.",
     "application_unknown"),
    (with_secret(client_id="my app"),     400, "unauthorized_client", 700016,
     "Application with identifier 'my app' was not found", "application_unknown"),
    (with_secret(client_id=""),           400, "invalid_request", 900144,
     "The request body must contain the following parameter: 'client_id'.", "bad_request"),
    (with_secret(grant_type=""),          400, "invalid_request", 900144,
     "The request body must contain the following parameter: 'grant_type'.", "bad_request"),
    (with_secret(scope=""),               400, "invalid_request", 900144,
     "The request body must contain the following parameter: 'scope'.", "bad_request"),
    (with_secret(grant_type="password"),  400, "unsupported_grant_type", 70003,
     "The app requested an unsupported grant type 'password'.", "bad_request"),
    (with_secret(scope="https://communication.azure.com"), 400, "invalid_scope", 1002012,
     "scope https://communication.azure.com is not valid. Client credential flows must",
     "bad_request"),
    (with_secret(scope=f"{SCOPE} offline_access"), 400, "invalid_scope", 1002012,
     f"scope {SCOPE} offline_access is not valid", "bad_request"),
    (with_secret(scope="/.default"),      400, "invalid_scope", 1002012, "", "bad_request"),
    (with_secret(scope=" "),              400, "invalid_scope", 1002012, "", "bad_request"),
    (with_secret(scope=f"{SCOPE} https://graph.microsoft.com/.default"), 400, "invalid_scope",
     28000, "contains more than one resource", "bad_request"),
    (with_secret(scope="https://vault.azure.net/.default"), 400, "invalid_resource", 500011,
     "principal named https://vault.azure.net was not found in the tenant named example.com.",
     "resource_unknown"),
    (with_secret(scope="https://localhost:2444/.default"), 400, "invalid_resource", 500011,
     "", "resource_unknown"),
    (with_secret(resource="https://management.azure.com"), 400, "invalid_request", 901002,
     "The 'resource' request parameter is not supported.", "bad_request"),
    (with_secret(scope="s" * (MAX_FIELD + 1)), 400, "invalid_request", 90013, "", "bad_request"),
]
# fmt: on


@pytest.mark.parametrize(("form", "status", "error", "number", "words", "reason"), REFUSED)
def test_refusals(
    asking: Asking,
    form: dict[str, str],
    status: int,
    error: str,
    number: int,
    words: str,
    reason: str,
) -> None:
    answered = asking.post(form)
    assert (answered.status, answered.json["error"], answered.number) == (status, error, number)
    assert words in answered.json["error_description"]
    assert asking.reason.startswith(f"{reason}: ")
    secret = form.get("client_secret", "-----")
    assert secret not in answered.body.decode()
    assert secret not in str(asking.reported)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"grant_type": PASSWORD}, "grant type '(unknown)'"),
        ({"grant_type": "password"}, "grant type 'password'"),
        ({"scope": PASSWORD}, "scope (unknown) is not valid"),
        ({"scope": f"{SCOPE} {PASSWORD}"}, f"scope {SCOPE} (unknown) is not valid"),
        ({"resource": PASSWORD}, "'resource' request parameter"),
    ],
)
def test_a_secret_in_a_wrong_place_is_in_no_event(
    asking: Asking, fields: dict[str, str], told: str
) -> None:
    answered = asking.post(with_secret(**fields))
    assert answered.status == 400
    assert told in asking.reason
    assert PASSWORD not in str(asking.reported)


def test_a_secret_as_the_name_of_a_field_is_in_no_event(asking: Asking) -> None:
    headers = {"content_type": entra_form()}
    assert asking.ask("POST", PATH, f"{PASSWORD}=1&{PASSWORD}=2".encode(), headers).status == 400
    assert PASSWORD not in str(asking.reported)


def test_every_secret_is_compared_once_whoever_is_asked_for(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the time does not tell which check failed."""
    compared: list[int] = []
    compare = matching_secret

    def counted(kept: Sequence[ClientSecret], digest: bytes) -> ClientSecret | None:
        compared.append(len(digest))
        return compare(kept, digest)

    monkeypatch.setattr(login_checks, "matching_secret", counted)
    for form in (
        with_secret(),
        with_secret(WRONG),
        with_secret(EXPIRED),
        with_secret(SECRET),
        with_secret(client_id=UNKNOWN),
        with_secret(client_id=ELSEWHERE.id),
    ):
        asking.post(form)
    assert compared == [32] * 6


TENANTS = [
    # in the path                           number   words
    (UNKNOWN, 90002, f"Tenant '{UNKNOWN}' not found."),
    ("contoso.example", 90002, "Tenant 'contoso.example' not found."),
    ("authorize", 900023, "Specified tenant identifier 'authorize' is neither a valid DNS name"),
    ("a b.example", 900023, "Specified tenant identifier 'a b.example' is neither"),
    ("common", 50059, "No tenant-identifying information found"),
    ("organizations", 50059, "No tenant-identifying information found"),
]


@pytest.mark.parametrize(("tenant", "number", "words"), TENANTS)
def test_tenants_that_are_not_there(asking: Asking, tenant: str, number: int, words: str) -> None:
    for path in ("oauth2/v2.0/token", "oauth2/token"):
        answered = asking.post(with_secret(), f"/{tenant}/{path}")
        assert (answered.status, answered.number) == (400, number)
        assert answered.json["error"] == "invalid_request"
        assert answered.json["error_description"].startswith(f"AADSTS{number}: {words}")


def test_an_application_without_a_service_principal() -> None:
    asking = Asking(without=["service_principal"])
    answered = asking.post(with_secret())
    assert (answered.status, answered.number) == (401, 7000229)
    assert answered.json["error"] == "invalid_client"
    assert f"{APPLICATION} is missing service principal in the tenant {TENANT}." in str(
        answered.json
    )


@pytest.mark.parametrize(
    ("application", "there", "number"),
    [
        (ELSEWHERE, [THERE, ELSEWHERE, ELSEWHERE_SECRET], 700016),
        (SHARED, [THERE, SHARED, SHARED_SECRET], 7000229),
        (SHARED, [THERE, SHARED, SHARED_SECRET, SHARED_HERE], 0),
    ],
    ids=["of another tenant", "multitenant, not installed", "multitenant, installed"],
)
def test_applications_of_other_tenants(
    application: Application, there: list[Entry], number: int
) -> None:
    answered = Asking(there).post(with_secret(client_id=application.id))
    assert (answered.number if answered.status != 200 else 0) == number


ORDER: list[tuple[str, Mapping[str, str], int]] = [
    # each row mends what the row before was refused for, and nothing else
    (f"/{UNKNOWN}/oauth2/v2.0/token", {}, 90002),
    (PATH, {}, 900144),
    (PATH, {"grant_type": "password"}, 70003),
    (PATH, {"grant_type": "client_credentials"}, 900144),
    (PATH, {"grant_type": "client_credentials", "client_id": UNKNOWN}, 900144),
    (PATH, with_secret(WRONG, client_id=UNKNOWN, scope="x"), 1002012),
    (PATH, with_secret(WRONG, client_id=UNKNOWN, scope="x/.default"), 700016),
    (PATH, with_secret("", scope="x/.default"), 7000216),
    (PATH, with_secret(WRONG, scope="x/.default"), 7000215),
    (PATH, with_secret(scope="x/.default"), 7000229),
]


def test_the_order_of_the_checks() -> None:
    asking = Asking(without=["service_principal"])
    for path, form, number in ORDER:
        assert asking.post(form, path).number == number
    assert Asking().post(with_secret(scope="x/.default")).number == 500011


def test_the_form_of_a_refusal(asking: Asking) -> None:
    asked = "0A1B2C3D-0000-4000-8000-00000000000F"
    answered = asking.post(
        with_secret(WRONG), client_request_id=asked, return_client_request_id="true"
    )
    body = answered.json
    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id",
        "error_uri",
    }  # fmt: skip
    assert body["correlation_id"] == asked
    assert body["timestamp"] == "2026-05-04 12:00:00Z"
    assert body["error_uri"] == "https://login.microsoftonline.com/error?code=7000215"
    assert re.fullmatch(
        rf"AADSTS7000215: .* Trace ID: {body['trace_id']} Correlation ID: {asked} "
        "Timestamp: 2026-05-04 12:00:00Z",
        body["error_description"],
    )
    assert answered.headers["x-ms-request-id"] == body["trace_id"]
    assert answered.headers["client-request-id"] == asked
    assert answered.headers["cache-control"] == "no-store, no-cache"
    again = asking.post(with_secret(WRONG), client_request_id="<script>").json
    assert re.fullmatch(r"[0-9a-f-]{36}", again["correlation_id"])
    assert again["trace_id"] != body["trace_id"]


# fmt: off
BODIES: list[tuple[bytes, str, int, int]] = [
    # body                                   media type              status  number
    (b"",                                    entra_form(),              400, 900144),
    (b'{"grant_type":"client_credentials"}', "application/json",        400, 900144),
    (b"grant_type=client_credentials",       "",                        400, 900144),
    (b"grant_type=x",                        "Application/X-WWW-Form-URLencoded; charset=utf-8",
                                                                        400, 70003),
    (b"grant_type=",                         entra_form(),              400, 900144),
    (b"grant_type=a&grant_type=a",           entra_form(),              400, 9000411),
    (b"grant_type=%ff",                      entra_form(),              400, 90013),
    (b"grant_type=\xff",                     entra_form(),              400, 90013),
    (b"a=1&" * 65,                           entra_form(),              400, 90013),
    (b"grant_type=" + b"x" * MAX_BODY,       entra_form(),              413, 90013),
    (b"x" * (MAX_BODY * 4),                  "text/plain",              413, 90013),
]
# fmt: on


@pytest.mark.parametrize(("body", "media_type", "status", "number"), BODIES)
def test_bodies(asking: Asking, body: bytes, media_type: str, status: int, number: int) -> None:
    answered = asking.ask("POST", PATH, body, {"content_type": media_type})
    assert (answered.status, answered.number) == (status, number)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post(asking: Asking, method: str) -> None:
    answered = asking.ask(method, PATH, b"", {})
    assert (answered.status, answered.number) == (405, 900561)
    assert answered.headers["allow"] == "POST"
    assert f"Received a {method} request." in answered.json["error_description"]


@pytest.mark.parametrize("host", ["a b", "x/y", "localhost:99999999", "user@host", "[::1", ""])
def test_hosts_that_would_spoil_a_url(asking: Asking, host: str) -> None:
    answered = asking.post(with_secret(), host=host)
    assert answered.status == 400
    assert answered.json["error"]["code"] == "InvalidHostName"


def test_a_secret_given_as_client_id_is_not_logged(asking: Asking) -> None:
    asking.post(with_secret(client_id=PASSWORD))
    [(event, facts)] = asking.reported
    assert event == "token_not_issued"
    assert facts["application"] == "s3cr... (18 characters)"
    assert facts["peer"] == "127.0.0.1"
    assert facts["reply"] == "400 AADSTS700016"


def test_the_origin_is_as_the_client_wrote_it(asking: Asking) -> None:
    token = asking.post(with_secret(), host="LOCALHOST:2443").json["access_token"]
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == f"{ORIGIN}/{TENANT}/"


@given(st.binary(max_size=300), st.sampled_from(["", "Basic ", "Bearer "]))
@settings(max_examples=examples(50), deadline=None)
def test_any_body_gets_an_answer(body: bytes, scheme: str) -> None:
    headers = {"content_type": entra_form(), "authorization": scheme + body[:40].hex()}
    assert Asking().ask("POST", PATH, body, headers).status in (400, 401)


@pytest.mark.parametrize("host", ["mail:2443", "graph.microsoft.com.evil.example", "192.0.2.7"])
def test_a_name_in_host_that_is_not_this_server_s_is_no_resource(host: str) -> None:
    """Otherwise a client could have a token issued for any service, which it names in Host."""
    answered = Asking().post(with_secret(scope=f"https://{host}/.default"), host=host)
    assert (answered.status, answered.number) == (400, 500011)
    assert answered.json["error"] == "invalid_resource"


def test_a_configured_name_is_a_resource() -> None:
    asking = Asking(names=OwnNames(lambda: ("mail",)))
    answered = asking.post(with_secret(scope="https://mail:2443/.default"), host="mail:2443")
    assert answered.status == 200
    assert asking.post(with_secret(scope="https://mail:2443/.default")).number == 500011
