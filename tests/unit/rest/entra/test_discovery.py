"""The documents that clients read first: every URL has the origin of the request."""

import json

import jwt
import pytest

from tests.unit.directory.azure.world import TENANT
from tests.unit.rest.entra.asking import ORIGIN, Asking, with_secret

NEW = "v2.0/.well-known/openid-configuration"
OLD = ".well-known/openid-configuration"


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.mark.parametrize("tenant", [TENANT, "example.com"])
def test_the_configuration(asking: Asking, tenant: str) -> None:
    answered = asking.get(f"/{tenant}/{NEW}")
    assert answered.status == 200
    document = answered.json
    base = f"{ORIGIN}/{TENANT}"
    assert document["issuer"] == f"{base}/v2.0"
    assert document["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
    assert document["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    assert document["jwks_uri"] == f"{base}/discovery/v2.0/keys"
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]


def test_the_case_of_a_path_does_not_matter(asking: Asking) -> None:
    assert asking.get(f"/{TENANT.upper()}/V2.0/.Well-Known/OpenID-Configuration").status == 200
    assert asking.post(with_secret(), f"/{TENANT}/OAuth2/V2.0/Token").status == 200


def test_the_configuration_of_version_1(asking: Asking) -> None:
    document = asking.get(f"/{TENANT}/{OLD}").json
    assert document["issuer"] == f"{ORIGIN}/{TENANT}/"
    assert document["token_endpoint"] == f"{ORIGIN}/{TENANT}/oauth2/token"
    assert document["jwks_uri"] == f"{ORIGIN}/{TENANT}/discovery/keys"
    token = asking.post(with_secret()).json["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == document["issuer"]


@pytest.mark.parametrize("name", ["common", "organizations", "consumers"])
def test_the_configuration_of_no_tenant(asking: Asking, name: str) -> None:
    document = asking.get(f"/{name}/{NEW}").json
    assert document["issuer"] == f"{ORIGIN}/{{tenantid}}/v2.0"
    assert document["token_endpoint"] == f"{ORIGIN}/{name}/oauth2/v2.0/token"


@pytest.mark.parametrize("host", ["127.0.0.1:2443", "[::1]:8443", "gatepost", "Example.COM:1"])
def test_urls_keep_the_host_and_port(asking: Asking, host: str) -> None:
    for path in (NEW, OLD):
        document = asking.get(f"/{TENANT}/{path}", host=host).json
        urls = [value for value in document.values() if str(value).startswith("http")]
        assert len(urls) == 4
        assert all(url.startswith(f"https://{host.lower()}/{TENANT}/") for url in urls)


@pytest.mark.parametrize(
    ("tenant", "number"),
    [("99999999-0000-0000-0000-000000000009", 90002), ("no.example", 90002), ("x", 900023)],
)
@pytest.mark.parametrize("path", [NEW, OLD])
def test_a_tenant_that_is_not_there(asking: Asking, tenant: str, number: int, path: str) -> None:
    answered = asking.get(f"/{tenant}/{path}")
    assert (answered.status, answered.number) == (400, number)
    assert answered.json["error"] == "invalid_tenant"


@pytest.mark.parametrize("path", ["discovery/v2.0/keys", "discovery/keys"])
@pytest.mark.parametrize("tenant", [TENANT, "common", "example.com"])
def test_the_keys_verify_a_token(asking: Asking, tenant: str, path: str) -> None:
    [key] = jwt.PyJWKSet.from_dict(asking.get(f"/{tenant}/{path}").json).keys
    token = asking.post(with_secret()).json["access_token"]
    claims = json.loads(jwt.PyJWS().decode(token, key.key, ["RS256"]))
    assert claims["tid"] == TENANT


def instance(asked: str) -> str:
    return f"/common/discovery/instance?api-version=1.1&authorization_endpoint={asked}"


@pytest.mark.parametrize(
    "origin", [ORIGIN, "https://127.0.0.1:2443", "https://LOCALHOST:2443", "https://[::1]"]
)
def test_this_origin_is_an_instance(asking: Asking, origin: str) -> None:
    document = asking.get(instance(f"{origin}/{TENANT}/oauth2/v2.0/authorize")).json
    assert document == {
        "tenant_discovery_endpoint": f"{ORIGIN}/{TENANT}/{NEW}",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": "localhost:2443",
                "preferred_cache": "localhost:2443",
                "aliases": ["localhost:2443", "localhost"],
            }
        ],
    }


@pytest.mark.parametrize(
    "asked",
    [
        f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/authorize",
        f"http://localhost:2443/{TENANT}/oauth2/v2.0/authorize",
        f"https://localhost:2444/{TENANT}/oauth2/v2.0/authorize",
        "https://localhost:2443/",
        "https://[::1",
        "x",
    ],
)
def test_others_are_not(asking: Asking, asked: str) -> None:
    answered = asking.get(instance(asked))
    assert (answered.status, answered.number) == (400, 50049)
    assert answered.json["error"] == "invalid_instance"


def test_an_instance_must_be_named(asking: Asking) -> None:
    assert asking.get("/common/discovery/instance").number == 900144
