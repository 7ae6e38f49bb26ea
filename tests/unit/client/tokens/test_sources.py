"""The proof that each source sends."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gatepost.client.tokens.azure import ManagedIdentity, Workload, WorkloadIdentity
from gatepost.client.tokens.contract import TokenSource
from gatepost.client.tokens.entra import EntraApplication, EntraCertificate, EntraSecret
from gatepost.client.tokens.google import GoogleServiceAccount
from gatepost.client.tokens.refresh_token_grant import RefreshClient, RefreshToken
from gatepost.errors import TokenError
from gatepost.model.secret import Secret
from tests.client_certificates import OwnCertificate, make_certificate
from tests.unit.client.tokens.asked import GRANTED, Asked, reading, says

NOW = 1_800_000_000.0
SCOPE = "https://communication.azure.com/.default"
APPLICATION = EntraApplication("contoso.example", "11111111-2222-3333-4444-555555555555")
ENDPOINT = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"


@pytest.fixture(scope="module")
def certificate() -> OwnCertificate:
    return make_certificate()


def test_a_client_secret() -> None:
    http = Asked()
    source = EntraSecret(http, APPLICATION, reading("s3cret+/="))
    token = asyncio.run(source.fetch(SCOPE))
    assert token.secret == Secret("t0ken")
    assert http.requests[0].url == ENDPOINT
    assert http.forms == [
        {
            "client_id": APPLICATION.client_id,
            "grant_type": "client_credentials",
            "client_secret": "s3cret+/=",
            "scope": SCOPE,
        }
    ]
    assert "s3cret" not in source.identity


@pytest.mark.parametrize(
    ("tenant", "authority", "endpoint"),
    [
        ("a", "https://login.microsoftonline.us/", "https://login.microsoftonline.us/a/"),
        ("../b?c#d", "https://x.example", "https://x.example/..%2Fb%3Fc%23d/"),
    ],
)
def test_clouds_and_tenants(tenant: str, authority: str, endpoint: str) -> None:
    application = EntraApplication(tenant, "id", authority)
    assert application.token_endpoint == f"{endpoint}oauth2/v2.0/token"


def test_a_certificate_signs(certificate: OwnCertificate) -> None:
    http = Asked()
    source = EntraCertificate(
        http, APPLICATION, reading(certificate.pem.decode()), clock=lambda: NOW
    )
    asyncio.run(source.fetch(SCOPE))
    [form] = http.forms
    assertion = form.pop("client_assertion")
    assert form == {
        "client_id": APPLICATION.client_id,
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": SCOPE,
    }
    header = jwt.get_unverified_header(assertion)
    digest = certificate.thumbprint(hashes.SHA256())
    assert header["alg"] == "PS256"
    assert base64.urlsafe_b64decode(header["x5t#S256"] + "=") == digest
    claims = signed(assertion, certificate, "PS256", ENDPOINT)
    assert claims["iss"] == claims["sub"] == APPLICATION.client_id
    assert (claims["nbf"], claims["exp"]) == (NOW, NOW + 600)


def test_each_assertion_is_another(certificate: OwnCertificate) -> None:
    http = Asked()
    source = EntraCertificate(http, APPLICATION, reading(certificate.pem.decode()))
    asyncio.run(source.fetch(SCOPE))
    asyncio.run(source.fetch(SCOPE))
    first, second = [
        jwt.decode(each["client_assertion"], options={"verify_signature": False})["jti"]
        for each in http.forms
    ]
    assert first != second


def test_certificates_that_cannot_be_used(certificate: OwnCertificate) -> None:
    other = make_certificate("other").pem.decode()
    curve = ec.generate_private_key(ec.SECP256R1())
    curve_pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    chain = certificate.pem.decode().partition("-----BEGIN CERT")[2]
    for pem in (
        "", "not PEM", chain, certificate.key_pem.decode(),
        certificate.key_pem.decode() + other.partition("-----END PRIVATE KEY-----\n")[2],
        curve_pem + "-----BEGIN CERT" + chain,
    ):  # fmt: skip
        source = EntraCertificate(Asked(), APPLICATION, reading(pem))
        with pytest.raises(TokenError, match="cannot be used") as caught:
            asyncio.run(source.fetch(SCOPE))
        assert not caught.value.is_transient
        assert "PRIVATE" not in str(caught.value)


def key_file(certificate: OwnCertificate, **changes: Any) -> str:
    document = {
        "type": "service_account",
        "private_key_id": "k1",
        "private_key": certificate.key_pem.decode(),
        "client_email": "relay@project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**document, **changes})


@pytest.mark.parametrize("subject", ["", "alerts@example.com"])
def test_a_google_service_account(certificate: OwnCertificate, subject: str) -> None:
    http = Asked()
    source = GoogleServiceAccount(
        http, "relay", reading(key_file(certificate)), subject, clock=lambda: NOW
    )
    asyncio.run(source.fetch(""))
    [form] = http.forms
    assert http.requests[0].url == "https://oauth2.googleapis.com/token"
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = signed(form["assertion"], certificate, "RS256", "https://oauth2.googleapis.com/token")
    assert jwt.get_unverified_header(form["assertion"])["kid"] == "k1"
    assert claims["iss"] == "relay@project.iam.gserviceaccount.com"
    assert claims["scope"] == "https://mail.google.com/"
    assert claims.get("sub", "") == subject
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize(
    ("error", "fix"),
    [("invalid_grant", "clock"), ("unauthorized_client", "domain-wide delegation"), ("x", "")],
)
def test_an_error_of_google_comes_with_its_fix(
    certificate: OwnCertificate, error: str, fix: str
) -> None:
    http = Asked(says({"error": error}, 400))
    with pytest.raises(TokenError) as caught:
        asyncio.run(GoogleServiceAccount(http, "r", reading(key_file(certificate))).fetch(""))
    assert fix in caught.value.fix
    assert bool(fix) == bool(caught.value.fix)


def test_key_files_that_cannot_be_used(certificate: OwnCertificate) -> None:
    for text in ("", "[]", "{}", key_file(certificate, private_key="no"), "\udcff"):
        source = GoogleServiceAccount(Asked(), "relay", reading(text))
        with pytest.raises(TokenError) as caught:
            asyncio.run(source.fetch(""))
        assert not caught.value.is_transient


CLIENT = RefreshClient("https://accounts.example/token", "client-1", "ann")


def test_a_refresh_token() -> None:
    http = Asked()
    source = RefreshToken(http, CLIENT, reading("r1"))
    asyncio.run(source.fetch("mail.send"))
    assert http.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "r1",
            "client_id": "client-1",
            "scope": "mail.send",
        }
    ]


def test_a_client_with_a_secret_of_its_own() -> None:
    http = Asked()
    client = RefreshClient("https://accounts.example/token", "client-1", "ann", reading("own"))
    asyncio.run(RefreshToken(http, client, reading("r1")).fetch(""))
    assert http.forms[0]["client_secret"] == "own"


def test_a_rotated_refresh_token_is_used_and_kept_until_an_operator_gives_another() -> None:
    kept: list[Secret] = []
    read = ["r1"]
    http = Asked(says({**GRANTED, "refresh_token": "r2"}), says(GRANTED), says(GRANTED))
    source = RefreshToken(http, CLIENT, lambda: Secret(read[0]), kept.append)
    asyncio.run(source.fetch(""))
    asyncio.run(source.fetch(""))
    read[0] = "r9"
    asyncio.run(source.fetch(""))
    assert [each["refresh_token"] for each in http.forms] == ["r1", "r2", "r9"]
    assert kept == [Secret("r2")]


def signed(text: str, certificate: OwnCertificate, algorithm: str, audience: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        text,
        certificate.key.public_key(),
        algorithms=[algorithm],
        audience=audience,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    return claims


def test_different_sources_have_different_identities() -> None:
    """The cache knows sources by their identity: equal ones share their tokens."""
    http, secret = Asked(), reading("s3cret")
    other_cloud = EntraApplication("contoso.example", APPLICATION.client_id, "https://x.example")
    other_user = RefreshClient(CLIENT.token_endpoint, CLIENT.client_id, "bob")
    sources: list[TokenSource] = [
        EntraSecret(http, APPLICATION, secret),
        EntraSecret(http, other_cloud, secret),
        EntraSecret(http, replace(APPLICATION, credential="new"), secret),
        EntraCertificate(http, APPLICATION, secret),
        GoogleServiceAccount(http, "relay", secret),
        GoogleServiceAccount(http, "relay", secret, "ann@example.com"),
        RefreshToken(http, CLIENT, secret),
        RefreshToken(http, other_user, secret),
        RefreshToken(http, replace(CLIENT, credential="new"), secret),
        ManagedIdentity(),
        ManagedIdentity("id"),
        WorkloadIdentity(),
        WorkloadIdentity(Workload("tenant", "id")),
        WorkloadIdentity(Workload("other", "id")),
    ]
    identities = [each.identity for each in sources]
    assert len(set(identities)) == len(sources)
    assert EntraSecret(http, APPLICATION, reading("another")).identity == identities[0]
    assert not any("s3cret" in each for each in identities)
