"""azure-identity and msal, unchanged, get tokens from a relay, and its refusals as Entra's.

Nothing here reaches the network: only names of this machine resolve.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import azure.identity.aio
import jwt
import msal  # type: ignore[import-untyped]
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    EnvironmentCredential,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from gatepost.testing import Emulator
from tests.clients.entra_world import DOMAIN, Site, prepare

SCOPE = "https://communication.azure.com/.default"
UNKNOWN = "99999999-0000-0000-0000-000000000009"
OPTIONS = ("--https", "127.0.0.1:0", "--http", "off")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("entra") / "data"
    world = prepare(data)
    with Emulator(data=data, options=OPTIONS) as relay:
        yield Site(relay, world)


@pytest.fixture(autouse=True)
def asked_elsewhere(monkeypatch: pytest.MonkeyPatch, site: Site) -> list[str]:
    """Return other names that were to be resolved; trust the relay's certificate as users do."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in ("localhost", "127.0.0.1"):
            asked.append(str(host))
            raise socket.gaierror(socket.EAI_NONAME, "no network in this test")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", site.relay.ca_file)
    return asked


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def check(site: Site, token: str) -> None:
    claims = claims_of(token)
    assert claims["appid"] == site.client
    assert claims["tid"] == site.tenant
    assert claims["aud"] == "https://communication.azure.com"


def credential(site: Site, **options: Any) -> ClientSecretCredential:
    values = {
        "tenant_id": site.tenant,
        "client_id": site.client,
        "client_secret": site.secret,
        "authority": site.url,
        "disable_instance_discovery": True,
        **options,
    }
    return ClientSecretCredential(
        values.pop("tenant_id"), values.pop("client_id"), values.pop("client_secret"), **values
    )


def token_of(made: Any, *scopes: str) -> str:
    with made:
        return str(made.get_token(*(scopes or (SCOPE,))).token)


# The rows of "what msal and azure-identity call on a custom authority" that succeed.


@pytest.mark.parametrize("host", ["https://localhost", "https://127.0.0.1", "127.0.0.1"])
def test_a_client_secret(site: Site, host: str) -> None:
    port = site.url.rpartition(":")[2]
    check(site, token_of(credential(site, authority=f"{host}:{port}")))


def test_the_tenant_by_its_domain(site: Site) -> None:
    check(site, token_of(credential(site, tenant_id=DOMAIN)))


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://communication.azure.com//.default", "https://communication.azure.com/"),
        ("https://management.azure.com/.default", "https://management.azure.com"),
        ("https://graph.microsoft.com/.default", "https://graph.microsoft.com"),
    ],
)
def test_other_scopes(site: Site, scope: str, audience: str) -> None:
    assert claims_of(token_of(credential(site), scope))["aud"] == audience


def test_a_scope_of_this_origin(site: Site) -> None:
    assert claims_of(token_of(credential(site), f"{site.url}/.default"))["aud"] == site.url


def test_expires_in_an_hour(site: Site) -> None:
    with credential(site) as made:
        token = made.get_token(SCOPE)
        assert token.expires_on == pytest.approx(claims_of(token.token)["exp"], abs=2)
        assert made.get_token(SCOPE).token == token.token  # from msal's cache


def test_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AZURE_AUTHORITY_HOST": site.ready["env"]["AZURE_AUTHORITY_HOST"],
        "AZURE_TENANT_ID": site.tenant,
        "AZURE_CLIENT_ID": site.client,
        "AZURE_CLIENT_SECRET": site.secret,
    }.items():
        monkeypatch.setenv(name, value)
    check(site, token_of(EnvironmentCredential(disable_instance_discovery=True)))


def test_the_environment_with_a_certificate(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "sender.pem"
    path.write_bytes(site.world.certificate.pem)
    for name, value in {
        "AZURE_AUTHORITY_HOST": site.url,
        "AZURE_TENANT_ID": site.tenant,
        "AZURE_CLIENT_ID": site.client,
        "AZURE_CLIENT_CERTIFICATE_PATH": str(path),
    }.items():
        monkeypatch.setenv(name, value)
    check(site, token_of(EnvironmentCredential(disable_instance_discovery=True)))


def pfx(site: Site) -> bytes:
    own = site.world.certificate
    return pkcs12.serialize_key_and_certificates(
        b"sender", own.key, own.certificate, None, NoEncryption()
    )


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_certificate(site: Site, form: str, chain: bool) -> None:
    made = CertificateCredential(
        site.tenant,
        site.client,
        certificate_data=site.world.certificate.pem if form == "pem" else pfx(site),
        send_certificate_chain=chain,
        authority=site.url,
        disable_instance_discovery=True,
    )
    token = token_of(made)
    check(site, token)
    assert claims_of(token)["appidacr"] == "2"


def own_assertion(site: Site, audience: str) -> str:
    own = site.world.certificate
    thumbprint = own.thumbprint(hashes.SHA256()).hex()
    claims = {"aud": audience, "iss": site.client, "sub": site.client, "exp": 2**31}
    return jwt.encode(claims, own.key, "RS256", {"kid": thumbprint})


def test_an_assertion_of_ones_own(site: Site) -> None:
    audience = f"{site.url}/{site.tenant}/oauth2/v2.0/token"
    made = ClientAssertionCredential(
        site.tenant,
        site.client,
        lambda: own_assertion(site, audience),
        authority=site.url,
        disable_instance_discovery=True,
    )
    check(site, token_of(made))


def run_aio(site: Site, make: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """aiohttp ignores REQUESTS_CA_BUNDLE, so the authority is passed to it."""

    async def ask() -> str:
        transport = AioHttpTransport(connection_verify=site.relay.ca_file)
        made = make(*arguments, authority=site.url, transport=transport, **options)
        async with made:
            return str((await cast("Awaitable[Any]", made.get_token(SCOPE))).token)

    return asyncio.run(ask())


def test_aio_with_a_secret(site: Site) -> None:
    make = azure.identity.aio.ClientSecretCredential
    check(site, run_aio(site, make, site.tenant, site.client, site.secret))


def test_aio_with_a_certificate(site: Site) -> None:
    make = azure.identity.aio.CertificateCredential
    pem = site.world.certificate.pem
    check(site, run_aio(site, make, site.tenant, site.client, certificate_data=pem))


def confidential(site: Site, credential: Any = None, **options: Any) -> Any:
    values: dict[str, Any] = {"verify": site.relay.ca_file, **options}
    if "oidc_authority" not in values:
        values.setdefault("authority", f"{site.url}/{site.tenant}")
        values.setdefault("instance_discovery", False)
    return msal.ConfidentialClientApplication(
        site.client, client_credential=credential or site.secret, **values
    )


def certificate_of(site: Site, tmp_path: Path, kind: str) -> dict[str, Any]:
    own = site.world.certificate
    if kind == "PS256":
        path = tmp_path / "sender.pfx"
        path.write_bytes(pfx(site))
        return {"private_key_pfx_path": str(path)}
    return {
        "private_key": own.key_pem.decode(),
        "thumbprint": own.thumbprint(hashes.SHA1()).hex(),
    }


def test_msal_with_a_secret(site: Site) -> None:
    result = confidential(site).acquire_token_for_client([SCOPE])
    check(site, result["access_token"])
    assert result["token_type"] == "Bearer"
    assert result["expires_in"] == 3599


@pytest.mark.parametrize("kind", ["RS256", "PS256"])
def test_msal_with_a_certificate(site: Site, tmp_path: Path, kind: str) -> None:
    application = confidential(site, certificate_of(site, tmp_path, kind))
    check(site, application.acquire_token_for_client([SCOPE])["access_token"])


def test_msal_uses_an_assertion_again(site: Site, tmp_path: Path) -> None:
    """It repeats the ``jti``, so refusing a repeated one would refuse msal."""
    application = confidential(site, certificate_of(site, tmp_path, "pem"))
    scopes = (
        SCOPE,
        "https://management.azure.com/.default",
        "https://graph.microsoft.com/.default",
    )
    for scope in scopes:
        assert "access_token" in application.acquire_token_for_client([scope])


@pytest.mark.parametrize("version", ["/v2.0", ""])
def test_msal_with_an_oidc_authority(site: Site, version: str) -> None:
    application = confidential(site, oidc_authority=f"{site.url}/{site.tenant}{version}")
    result = application.acquire_token_for_client([SCOPE])
    if version:
        check(site, result["access_token"])
    else:  # version 1 wants a resource, and no scope
        assert result["error_codes"] == [900144]


def test_msal_with_our_instance_discovery(site: Site, asked_elsewhere: list[str]) -> None:
    application = confidential(site, instance_discovery=f"{site.url}/common/discovery/instance")
    check(site, application.acquire_token_for_client([SCOPE])["access_token"])
    assert asked_elsewhere == []


# The rows that fail, and what their users read.


def failure(made: Any) -> str:
    with pytest.raises(ClientAuthenticationError) as caught:
        token_of(made)
    return str(caught.value)


def test_clear_http_is_refused_by_the_client(site: Site) -> None:
    clear = site.url.replace("https", "http")
    with pytest.raises(ValueError, match=r"is an invalid authority\. The value must be a TLS"):
        credential(site, authority=clear)
    with pytest.raises(ValueError, match="should consist of an https url with"):
        confidential(site, authority=f"{clear}/{site.tenant}")


def test_instance_discovery_wants_microsoft(site: Site, asked_elsewhere: list[str]) -> None:
    text = failure(credential(site, disable_instance_discovery=False, retry_total=0))
    assert "login.microsoftonline.com" in text
    assert set(asked_elsewhere) == {"login.microsoftonline.com"}


def downgrade(response: requests.Response, **_options: Any) -> None:
    """Make the token endpoint of a configuration ``http``, which ours never is."""
    https, http = b'"token_endpoint":"https', b'"token_endpoint":"http'
    response._content = response.content.replace(https, http)


def test_a_token_endpoint_in_clear_is_refused_by_the_client(site: Site) -> None:
    session = requests.Session()
    session.hooks["response"] = [downgrade]
    transport = RequestsTransport(session=session, connection_verify=site.relay.ca_file)
    text = failure(credential(site, transport=transport))
    assert "should consist of an https url with hostname and a minimum of one segment" in text


@pytest.mark.parametrize("tenant", [UNKNOWN, "nobody.example"])
def test_an_unknown_tenant(site: Site, tenant: str) -> None:
    text = failure(credential(site, tenant_id=tenant))
    assert text.startswith(
        f"Authentication failed: Unable to get authority configuration for {site.url}/{tenant}. "
        "Authority would typically be in a format of"
    )
    assert "AADSTS90002" not in text


def test_msal_does_not_know_another_instance(site: Site) -> None:
    with pytest.raises(ValueError, match="invalid_instance"):
        confidential(
            site,
            authority=f"https://login.example/{site.tenant}",
            instance_discovery=f"{site.url}/common/discovery/instance",
        )


Case = Callable[[Site], dict[str, Any]]


def as_other(pair: tuple[str, str]) -> dict[str, Any]:
    return {"client_id": pair[0], "client_secret": pair[1]}


# fmt: off
REFUSED: dict[str, tuple[Case, str]] = {
    "wrong secret":    (lambda _: {"client_secret": "wr0ng~Value"},
                        "AADSTS7000215: Invalid client secret provided. Ensure the secret being"),
    "secret id":       (lambda site: {"client_secret": site.world.secret_id}, "AADSTS7000215: "),
    "expired secret":  (lambda site: {"client_secret": site.world.expired_secret},
                        "AADSTS7000222: The provided client secret keys for app"),
    "unknown app":     (lambda _: {"client_id": UNKNOWN},
                        f"AADSTS700016: Application with identifier '{UNKNOWN}' was not found in"),
    "wrong tenant":    (lambda site: as_other(site.world.elsewhere), "AADSTS700016: "),
    "no principal":    (lambda site: as_other(site.world.without_principal), "AADSTS7000229: "),
}
# fmt: on


@pytest.mark.parametrize(("case", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(site: Site, case: Case, words: str) -> None:
    text = failure(credential(site, **case(site)))
    assert text.startswith(f"Authentication failed: {words}")
    assert "Trace ID: " in text


@pytest.mark.parametrize(("case", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_by_msal(site: Site, case: Case, words: str) -> None:
    options = {"client_id": site.client, "client_secret": site.secret, **case(site)}
    application = msal.ConfidentialClientApplication(
        options["client_id"],
        client_credential=options["client_secret"],
        authority=f"{site.url}/{site.tenant}",
        instance_discovery=False,
        verify=site.relay.ca_file,
    )
    result = application.acquire_token_for_client([SCOPE])
    assert result["error_description"].startswith(words)
    assert "access_token" not in result


@pytest.mark.parametrize(("case", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_by_aio(site: Site, case: Case, words: str) -> None:
    options = {"client_id": site.client, "client_secret": site.secret, **case(site)}
    with pytest.raises(ClientAuthenticationError, match="Microsoft Entra ID error ") as caught:
        run_aio(
            site,
            azure.identity.aio.ClientSecretCredential,
            site.tenant,
            options["client_id"],
            options["client_secret"],
        )
    assert words in str(caught.value)


def test_aio_reads_the_refusal_of_an_unknown_tenant(site: Site) -> None:
    make = azure.identity.aio.ClientSecretCredential
    with pytest.raises(ClientAuthenticationError) as caught:
        run_aio(site, make, UNKNOWN, site.client, site.secret)
    assert f"AADSTS90002: Tenant '{UNKNOWN}' not found." in str(caught.value)


def test_an_expired_certificate(site: Site) -> None:
    made = CertificateCredential(
        site.tenant,
        site.client,
        certificate_data=site.world.expired_certificate.pem,
        authority=site.url,
        disable_instance_discovery=True,
    )
    assert "AADSTS700027" in failure(made)


def test_a_scope_without_default(site: Site) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS1002012"):
        token_of(credential(site), "https://communication.azure.com/Mail.Send")


# Every row of the table of refusals, over HTTPS and with nothing between.


def form_of(site: Site, **changes: str) -> dict[str, str]:
    form = {
        "client_id": site.client,
        "grant_type": "client_credentials",
        "client_secret": site.secret,
        "scope": SCOPE,
        **changes,
    }
    return {name: value for name, value in form.items() if value}


Request = Callable[[Site], tuple[str, dict[str, str]]]

# fmt: off
MATRIX: list[tuple[int, int, str, Request]] = [
    (7000215, 401, "invalid_client",
     lambda site: (site.tenant, form_of(site, client_secret="wr0ng"))),
    (7000215, 401, "invalid_client",
     lambda site: (site.tenant, form_of(site, client_secret=site.world.secret_id))),
    (7000222, 401, "invalid_client",
     lambda site: (site.tenant, form_of(site, client_secret=site.world.expired_secret))),
    (700016, 400, "unauthorized_client",
     lambda site: (site.tenant, form_of(site, client_id=UNKNOWN))),
    (700016, 400, "unauthorized_client",
     lambda site: (site.tenant, form_of(site, **as_other(site.world.elsewhere)))),
    (90002, 400, "invalid_request", lambda site: (UNKNOWN, form_of(site))),
    (900023, 400, "invalid_request", lambda site: ("authorize", form_of(site))),
    (1002012, 400, "invalid_scope",
     lambda site: (site.tenant, form_of(site, scope="https://communication.azure.com"))),
    (7000229, 401, "invalid_client",
     lambda site: (site.tenant, form_of(site, **as_other(site.world.without_principal)))),
    (900144, 400, "invalid_request", lambda site: (site.tenant, form_of(site, grant_type=""))),
    (900144, 400, "invalid_request", lambda site: (site.tenant, form_of(site, client_id=""))),
    (900144, 400, "invalid_request", lambda site: (site.tenant, form_of(site, scope=""))),
    (70003, 400, "unsupported_grant_type",
     lambda site: (site.tenant, form_of(site, grant_type="password"))),
    (7000216, 401, "invalid_client",
     lambda site: (site.tenant, form_of(site, client_secret=""))),
]
# fmt: on


@pytest.mark.parametrize(("number", "status", "error", "request_"), MATRIX)
def test_the_matrix(site: Site, number: int, status: int, error: str, request_: Request) -> None:
    tenant, form = request_(site)
    asked = "0a1b2c3d-0000-4000-8000-00000000000f"
    answer = requests.post(
        f"{site.url}/{tenant}/oauth2/v2.0/token",
        data=form,
        headers={"client-request-id": asked},
        timeout=60,
    )
    body = answer.json()
    assert answer.status_code == status
    assert (body["error"], body["error_codes"]) == (error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body["correlation_id"] == asked
    assert body["error_uri"] == f"https://login.microsoftonline.com/error?code={number}"
    assert answer.headers["Cache-Control"].startswith("no-store")
    event = wait_for_event(site, f"AADSTS{number}")
    assert event["event"] == "token_not_issued"
    said = str(event) + answer.text
    assert not any(value in said for name, value in form.items() if name == "client_secret")


def wait_for_event(site: Site, words: str) -> dict[str, Any]:
    """Return the last event that holds ``words``."""
    import json
    import time

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = (site.relay.data / "up.jsonl").read_text().splitlines()
        found = [line for line in lines if words in line]
        if found:
            event: dict[str, Any] = json.loads(found[-1])
            return event
        time.sleep(0.02)
    raise AssertionError(f"no event says {words}")


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_body_that_is_too_long(site: Site, size: int) -> None:
    url = f"{site.url}/{site.tenant}/oauth2/v2.0/token"
    answer = requests.post(url, data=form_of(site, padding="x" * size), timeout=60)
    assert (answer.status_code, answer.json()["error_codes"]) == (413, [90013])
    assert requests.post(url, data=form_of(site), timeout=60).status_code == 200


def test_version_1(site: Site) -> None:
    form = form_of(site, scope="", resource="https://communication.azure.com")
    answer = requests.post(f"{site.url}/{site.tenant}/oauth2/token", data=form, timeout=60)
    check(site, answer.json()["access_token"])


def test_another_library_verifies_the_token(site: Site) -> None:
    """As an application would: with discovery, key set, signature and issuer."""
    base = f"{site.url}/{site.tenant}"
    document = requests.get(f"{base}/.well-known/openid-configuration", timeout=60).json()
    keys = requests.get(document["jwks_uri"], timeout=60).json()
    token = token_of(credential(site))
    [key] = jwt.PyJWKSet.from_dict(keys).keys
    claims = jwt.decode(
        token,
        key.key,
        ["RS256"],
        audience="https://communication.azure.com",
        issuer=document["issuer"],
    )
    assert claims["idtyp"] == "app"


def test_the_transport_of_azure_core_takes_the_ca_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    transport = RequestsTransport(connection_verify=site.relay.ca_file)
    check(site, token_of(credential(site, transport=transport)))


def test_a_token_survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for _ in range(2):
        with Emulator(data=tmp_path / "data", options=OPTIONS) as relay:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", relay.ca_file)
            url = f"{relay.ready['authority']}/{relay.ready['tenant_id']}/discovery/v2.0/keys"
            [key] = requests.get(url, timeout=60).json()["keys"]
            keys.append((key["kid"], key["n"]))
    assert keys[0] == keys[1]
