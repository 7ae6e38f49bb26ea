"""From the credentials of a configuration to transports and sign-ins."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from gatepost.app.make_transports import Upstreams
from gatepost.client.http_sign_in import AccessKeySignIn, BearerSignIn
from gatepost.client.named_secret import NamedSecret
from gatepost.client.provider_sign_in import AwsSignIn, BasicKeySignIn, KeySignIn
from gatepost.client.smtp_sign_in import CertificateSignIn, PasswordSignIn, TokenSignIn
from gatepost.client.tokens.azure import WorkloadIdentity
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.config.http_provider_file import read_provider
from gatepost.config.settings import (
    AccessKeyCredential,
    ApiKeyCredential,
    AwsKeyCredential,
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
    EntraCredential,
    GoogleCredential,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.errors import ConfigError
from gatepost.keys.refresh_tokens import StoredRefreshTokens
from gatepost.keys.store_key import open_key
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    GraphTarget,
    HttpApiTarget,
    MxTarget,
    Route,
    Smarthost,
    SmarthostTarget,
    Target,
)
from gatepost.net.http_client import HttpClient, HttpRequest, HttpResponse
from gatepost.relay.transport.acs_rest import AcsRestTransport
from gatepost.relay.transport.capture import CaptureTransport
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.graph import GraphTransport
from gatepost.relay.transport.provider_api import ProviderApiTransport
from gatepost.relay.transport.smtp import SmtpTransport
from gatepost.testing.memory import MemoryStore
from tests.unit.client.tokens.asked import GRANTED, says

SECRET = NamedSecret("environment", "S")
CREDENTIALS: dict[str, CredentialSettings] = {
    each.name: each
    for each in (
        PasswordCredential("password", "user", SECRET),
        CertificateCredential("certificate", "c.pem", "k.pem", "act-as"),
        EntraCredential("entra", "t", "c", SECRET, username="box@example.com"),
        EntraCredential("entra-certificate", "t", "c", certificate=SECRET),
        AzureIdentityCredential("machine", "managed-identity", "id"),
        AzureIdentityCredential("pod", "workload-identity"),
        GoogleCredential("google", "box@example.com", SECRET),
        RefreshCredential("refresh", "box@example.com", "https://x.example/token", "c", SECRET),
        AccessKeyCredential("key", SECRET),
        ApiKeyCredential("api", SECRET),
        AwsKeyCredential("aws", "AKID", SECRET),
    )
}


def untold(event: str, **facts: Any) -> None:
    """Ignore a report."""


def kept(home: Path) -> StoredRefreshTokens:
    return StoredRefreshTokens(open_key(home), untold)


def make(home: Path, target: Target) -> Transport:
    upstreams = Upstreams(
        CREDENTIALS, HttpClient(), TokenCache(), MemoryStore(), lambda: "1", kept(home)
    )
    return upstreams.transports([Route("r", (target,))])[target.name]


def smarthost(credential: str, host: str = "smtp.example") -> SmarthostTarget:
    return SmarthostTarget("t", (Smarthost(host),), credential=credential)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (Capture("t"), CaptureTransport),
        (MxTarget("t"), SmtpTransport),
        (smarthost(""), SmtpTransport),
        (AcsRestTarget("t", "https://r.example", "key"), AcsRestTransport),
        (GraphTarget("t", "entra"), GraphTransport),
        (HttpApiTarget("t", read_provider("mailgun"), "https://x", "api"), ProviderApiTransport),
    ],
    ids=["capture", "mx", "smarthost", "acs-rest", "graph", "http-api"],
)
def test_each_target_has_its_transport(tmp_path: Path, target: Target, kind: type) -> None:
    assert isinstance(make(tmp_path, target), kind)


@pytest.mark.parametrize(
    ("credential", "kind", "identity"),
    [
        ("password", PasswordSignIn, "user"),
        ("certificate", CertificateSignIn, "act-as"),
        ("entra", TokenSignIn, "box@example.com"),
        ("entra-certificate", TokenSignIn, ""),
        ("machine", TokenSignIn, ""),
        ("pod", TokenSignIn, ""),
        ("google", TokenSignIn, "box@example.com"),
        ("refresh", TokenSignIn, "box@example.com"),
    ],
)
def test_credentials_give_smtp_sign_ins(
    tmp_path: Path, credential: str, kind: type, identity: str
) -> None:
    transport = make(tmp_path, smarthost(credential))
    assert isinstance(transport, SmtpTransport)
    sign_in = transport.sign_in
    assert sign_in is not None
    assert isinstance(sign_in, kind)
    assert sign_in.identity == identity
    if isinstance(sign_in, CertificateSignIn):
        assert (sign_in.certificate, sign_in.key) == ("c.pem", "k.pem")


def test_a_pod_s_authority_is_trusted_as_all_others_are(tmp_path: Path) -> None:
    """azure-identity makes its own connections, so it gets the configuration's ``ca_file``."""
    upstreams = Upstreams(
        CREDENTIALS, HttpClient(), TokenCache(), MemoryStore(), lambda: "1", kept(tmp_path),
        ca_file="authorities.pem",
    )  # fmt: skip
    source, _ = upstreams._source(CREDENTIALS["pod"])
    assert isinstance(source, WorkloadIdentity)
    assert source._workload.ca_file == "authorities.pem"


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("smtp.azurecomm.net", "https://communication.azure.com/.default"),
        ("SMTP.AzureComm.net", "https://communication.azure.com/.default"),
        ("smtp.office365.com", "https://outlook.office365.com/.default"),
    ],
)
def test_the_scope_is_the_provider_s(tmp_path: Path, host: str, scope: str) -> None:
    transport = make(tmp_path, smarthost("entra", host))
    assert isinstance(transport, SmtpTransport)
    assert isinstance(transport.sign_in, TokenSignIn)
    assert transport.sign_in._scope == scope


@pytest.mark.parametrize(
    ("credential", "kind"), [("key", AccessKeySignIn), ("entra", BearerSignIn)]
)
def test_credentials_give_rest_sign_ins(tmp_path: Path, credential: str, kind: type) -> None:
    transport = make(tmp_path, AcsRestTarget("t", "https://r.example", credential))
    assert isinstance(transport, AcsRestTransport)
    assert isinstance(transport._api.sign_in, kind)


@pytest.mark.parametrize(
    ("provider", "credential", "kind"),
    [
        ("ses", "aws", AwsSignIn),
        ("mailgun", "api", BasicKeySignIn),
        ("sparkpost", "api", KeySignIn),
        ("infobip", "api", KeySignIn),
    ],
)
def test_the_keys_of_providers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, credential: str, kind: type
) -> None:
    monkeypatch.setenv("S", "s3cret-0123456789")
    settings = (("region", "eu-west-1"),)
    target = HttpApiTarget("t", read_provider(provider), "https://x/y", credential, settings)
    transport = make(tmp_path, target)
    assert isinstance(transport, ProviderApiTransport)
    sign_in = transport._sign_in
    assert isinstance(sign_in, kind)
    assert isinstance(sign_in.identity, str)
    assert sign_in.identity.endswith(credential)
    if isinstance(sign_in, AwsSignIn):
        assert (sign_in.id, sign_in.region, sign_in.service) == ("AKID", "eu-west-1", "ses")
    signed = asyncio.run(sign_in.authorize(HttpRequest("POST", "https://x/y")))
    assert not sign_in.try_replace(signed)
    assert sign_in.hidden.redact("a s3cret-0123456789 b") == "a [redacted] b"


@pytest.mark.parametrize("credential", ["password", "entra", "key"])
def test_other_credentials_are_refused_for_providers(tmp_path: Path, credential: str) -> None:
    with pytest.raises(ConfigError, match=credential):
        make(tmp_path, HttpApiTarget("t", read_provider("mailgun"), "https://x", credential))


@pytest.mark.parametrize("credential", ["password", "certificate", "key", "unknown"])
def test_credentials_without_tokens_are_refused_for_graph(tmp_path: Path, credential: str) -> None:
    with pytest.raises(ConfigError, match=credential):
        make(tmp_path, GraphTarget("t", credential))


class Rotating:
    """A provider that gives another refresh token each time; using an old one revokes all."""

    newest = 0

    async def ask(self, request: HttpRequest) -> HttpResponse:
        number, self.newest = self.newest, self.newest + 1
        await asyncio.sleep(0)
        [given] = parse_qs(request.body.decode())["refresh_token"]
        if given != f"r{number}":
            return says({"error": "invalid_grant"}, 400)
        return says({**GRANTED, "refresh_token": f"r{number + 1}"})

    async def close(self) -> None:
        """Nothing is open."""


def test_one_refresh_token_serves_many_scopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are requested one after the other, also for two credentials with the same token."""
    monkeypatch.setenv("S", "r0")
    first = RefreshCredential("first", "box@example.com", "https://x.example/token", "c", SECRET)
    credentials = {"first": first, "second": replace(first, name="second", scope="second's")}

    async def main() -> None:
        cache = TokenCache()
        upstreams = Upstreams(
            credentials, Rotating(), cache, MemoryStore(), lambda: "1", kept(tmp_path)
        )
        targets = (
            AcsRestTarget("acs", "https://r.example", "first"),
            GraphTarget("graph", "first"),
            GraphTarget("other", "second"),
        )
        transports = upstreams.transports([Route("r", targets)])
        signs_in = [transports[each.name]._api.sign_in for each in targets]  # type: ignore[attr-defined]
        request = HttpRequest("GET", "https://r.example")
        await asyncio.gather(*[each.authorize(request) for each in signs_in])
        await cache.close()

    asyncio.run(main())
