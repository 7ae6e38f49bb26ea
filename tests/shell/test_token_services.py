"""Managed identity, workload identity and Google's token service, each simulated on loopback."""

import asyncio
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest

from gatepost.client.tokens.azure import ManagedIdentity, Workload, WorkloadIdentity
from gatepost.client.tokens.contract import AccessToken, TokenSource
from gatepost.client.tokens.google import GoogleServiceAccount
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import ConfigError, TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from tests.certificates import Authority, Pair
from tests.client_certificates import make_certificate
from tests.shell.http_server import Asked, HttpServer, Told

SCOPE = "https://communication.azure.com/.default"
RESOURCE = "https://communication.azure.com"
TENANT, CLIENT = "11111111-0000-0000-0000-000000000001", "22222222-0000-0000-0000-000000000002"


@pytest.fixture(autouse=True)
def no_azure_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT",
        "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def fetch(source: TokenSource, scope: str = SCOPE) -> AccessToken:
    return asyncio.run(source.fetch(scope))


def told(document: object, status: int = 200, **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(
        status, json.dumps(document).encode(), {"content-type": "application/json", **named}
    )


def good(_: Asked) -> Told:
    return told(
        {
            "access_token": "t0ken",
            "expires_in": "3600",
            "expires_on": str(int(time.time()) + 3600),
            "resource": RESOURCE,
            "token_type": "Bearer",
        }
    )


@pytest.mark.parametrize("client_id", ["", CLIENT])
def test_the_metadata_service_of_a_machine(monkeypatch: pytest.MonkeyPatch, client_id: str) -> None:
    with HttpServer(good) as imds:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds.url)
        token = fetch(ManagedIdentity(client_id))
    assert token.secret == Secret("t0ken")
    assert 3500 < token.lifetime <= 3600
    [asked] = imds.asked
    assert asked.path == "/metadata/identity/oauth2/token"
    assert asked.query["resource"] == RESOURCE
    assert asked.query.get("client_id", "") == client_id
    assert asked.headers["metadata"] == "true"


def test_app_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpServer(good) as service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header-s3cret")
        token = fetch(ManagedIdentity(CLIENT))
    assert token.secret == Secret("t0ken")
    [asked] = service.asked
    assert asked.headers["x-identity-header"] == "header-s3cret"
    assert (asked.query["resource"], asked.query["client_id"]) == (RESOURCE, CLIENT)


def test_a_machine_without_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: Asked) -> Told:
        return told({"error": "invalid_request", "error_description": "Identity not found"}, 400)

    with HttpServer(refuses) as service:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.url)
        with pytest.raises(TokenError, match="knows no identity for this machine"):
            fetch(ManagedIdentity())


def test_the_managed_identity_of_a_pod_names_the_token_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://localhost:1")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
    with pytest.raises(TokenError, match=f": {tmp_path}/federated: No such file or directory"):
        fetch(ManagedIdentity())


def test_no_identity_is_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: Asked) -> Told:
        return told({"error": "invalid_request", "error_description": "Identity not found"}, 400)

    with HttpServer(refuses) as service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header-s3cret")
        with pytest.raises(TokenError) as caught:
            fetch(ManagedIdentity())
    assert "s3cret" not in str(caught.value)
    assert not caught.value.is_transient


@pytest.mark.parametrize(
    "answer",
    [
        "s3cret",
        ["s3cret"],
        {"access_token": ["s3cret"], "expires_in": 1, "expires_on": 1, "resource": RESOURCE},
        {"access_token": "s3cret", "expires_in": "soon", "expires_on": "s3cret"},
    ],
)
def test_an_answer_that_holds_no_token(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    with HttpServer(lambda _: told(answer)) as service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        with pytest.raises(TokenError, match="contains no access token") as caught:
            fetch(ManagedIdentity())
    assert "s3cret" not in str(caught.value)
    assert caught.value.is_transient


def workload(tmp_path: Path, url: str, ca_file: str) -> WorkloadIdentity:
    token_file = tmp_path / "federated"
    token_file.write_text("the.pods.token")
    return WorkloadIdentity(Workload(TENANT, CLIENT, str(token_file), url, ca_file))


def test_a_pod_s_service_account(tmp_path: Path, pair: Pair, authority: Authority) -> None:
    with HttpServer(good, pair) as entra:
        token = fetch(workload(tmp_path, entra.url, authority.ca_file))
    assert token.secret == Secret("t0ken")
    asked = entra.asked[-1]
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form["client_assertion"] == "the.pods.token"
    assert asked.form["scope"] == SCOPE


def test_the_environment_identifies_a_pod(
    tmp_path: Path, pair: Pair, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "federated").write_text("the.pods.token")
    with HttpServer(good, pair) as entra:
        monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.url)
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
        fetch(WorkloadIdentity(Workload(ca_file=authority.ca_file)))
    assert entra.asked[-1].form["client_id"] == CLIENT


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What libraries log."""
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    yield logged
    logging.getLogger().removeHandler(handler)


def test_a_pod_without_a_federated_identity(
    tmp_path: Path, pair: Pair, authority: Authority, log: io.StringIO
) -> None:
    def refuses(_: Asked) -> Told:
        said = "AADSTS700213: No matching federated identity record found for 'the.pods.token'"
        return told({"error": "invalid_client", "error_description": said}, 401)

    with HttpServer(refuses, pair) as entra, pytest.raises(TokenError) as caught:
        fetch(workload(tmp_path, entra.url, authority.ca_file))
    error = caught.value
    assert (error.number, finding_of(error)) == (700213, "oauth_client_auth_failed")
    assert not error.is_transient
    assert "the.pods.token" not in f"{error} {error.__cause__} {log.getvalue()}"


@pytest.mark.parametrize(
    ("octets", "why"), [(None, "cannot be read: No such file"), (b"", "is empty")]
)
def test_a_pod_without_its_token(
    tmp_path: Path, pair: Pair, authority: Authority, octets: bytes | None, why: str
) -> None:
    with HttpServer(good, pair) as entra:
        pod = workload(tmp_path, entra.url, authority.ca_file)
        (tmp_path / "federated").unlink()
        if octets is not None:
            (tmp_path / "federated").write_bytes(octets)
        with pytest.raises(ConfigError, match=f"{tmp_path}/federated {why}"):
            fetch(pod)
    assert entra.asked == [], "nothing is asked without a proof"


def test_a_pod_s_token_is_read_each_time(tmp_path: Path, pair: Pair, authority: Authority) -> None:
    with HttpServer(good, pair) as entra:
        pod = workload(tmp_path, entra.url, authority.ca_file)
        fetch(pod)
        (tmp_path / "federated").write_text("rotated")
        fetch(pod)
    shown = [each.form["client_assertion"] for each in entra.asked if each.method == "POST"]
    assert shown == ["the.pods.token", "rotated"]


@pytest.mark.parametrize(
    ("answer", "why", "retry_after"),
    [
        (told({}, 429, retry_after="33"), "HTTP 429", 33),
        (told({}, 503), "HTTP 503", 0),
        (Told(body=None), "the identity service closed the connection", 0),
        (Told(200, b"{", {"content-length": "9"}), "the identity service broke off its answer", 0),
    ],
)
def test_an_identity_service_that_is_not_well(
    tmp_path: Path,
    pair: Pair,
    authority: Authority,
    answer: Told,
    why: str,
    retry_after: float,
) -> None:
    """The cause is reported at once: azure-identity would retry silently."""
    with HttpServer(lambda _: answer, pair) as entra, pytest.raises(TokenError) as caught:
        fetch(workload(tmp_path, entra.url, authority.ca_file))
    assert str(caught.value).endswith(f"no token: {why}")
    assert (caught.value.is_transient, caught.value.retry_after) == (True, retry_after)
    assert len(entra.asked) <= 2


def test_an_identity_service_with_an_untrusted_certificate(tmp_path: Path, pair: Pair) -> None:
    with HttpServer(good, pair) as entra, pytest.raises(TokenError) as caught:
        fetch(workload(tmp_path, entra.url, ""))
    assert "localhost: certificate not accepted: " in str(caught.value)
    assert finding_of(caught.value) == "cert_untrusted"


@pytest.mark.parametrize(("status", "passes"), [(404, True), (410, True), (403, False)])
def test_a_metadata_service_that_is_being_renewed(
    monkeypatch: pytest.MonkeyPatch, status: int, passes: bool
) -> None:
    with HttpServer(lambda _: told({}, status)) as imds:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds.url)
        with pytest.raises(TokenError, match=f"no token: HTTP {status}") as caught:
            fetch(ManagedIdentity())
    assert caught.value.is_transient == passes
    assert len(imds.asked) == 1


def test_outside_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    missing = "AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE not set"
    with pytest.raises(TokenError, match=missing) as caught:
        fetch(WorkloadIdentity())
    assert not caught.value.is_transient


def test_other_libraries_of_azure_do_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """They install azure-core alone."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)  # as if it were not installed
    with pytest.raises(TokenError, match="needs azure-identity: pip install") as caught:
        fetch(ManagedIdentity())
    assert not caught.value.is_transient


def google(answer: Callable[[Asked], Told]) -> tuple[TokenError | AccessToken, list[Asked]]:
    certificate = make_certificate()

    async def ask(url: str) -> AccessToken:
        key = {
            "client_email": "relay@project.iam.gserviceaccount.com",
            "private_key": certificate.key_pem.decode(),
            "token_uri": f"{url}/token",
        }
        http = HttpClient()
        source = GoogleServiceAccount(
            http, "relay", lambda: Secret(json.dumps(key)), "alerts@example.com"
        )
        try:
            return await source.fetch("")
        finally:
            await http.close()

    with HttpServer(answer) as server:
        try:
            return asyncio.run(ask(server.url)), server.asked
        except TokenError as error:
            return error, server.asked


def test_google_gives_a_token_for_a_signature() -> None:
    token, [asked] = google(
        lambda _: told({"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"})
    )
    assert token == AccessToken(Secret("ya29.x"), 3599.0)
    claims = jwt.decode(asked.form["assertion"], options={"verify_signature": False})
    assert claims["sub"] == "alerts@example.com"


def test_google_refuses() -> None:
    said = {"error": "unauthorized_client", "error_description": "Client is unauthorized to ..."}
    error, _ = google(lambda _: told(said, 401))
    assert isinstance(error, TokenError)
    assert (finding_of(error), error.is_transient) == ("oauth_client_auth_failed", False)
