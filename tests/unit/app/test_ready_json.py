"""ready.json: disabled services are null, and an IPv6 address has its brackets."""

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from gatepost.app.provision_azure import Identity, Provisioned
from gatepost.app.ready_json import Trusted, describe, remove_ready, write_ready
from gatepost.model.secret import Secret
from gatepost.net.listen import Listener


@dataclass
class Bound:
    """The part of a socket that a Listener uses."""

    host: str
    port: int
    family: int = socket.AF_INET

    def getsockname(self) -> tuple[str, int]:
        return self.host, self.port


def listening(host: str, port: int) -> Listener:
    return Listener((cast("socket.socket", Bound(host, port)),))


def provisioned() -> Provisioned:
    return Provisioned(
        client_secret=Secret("pa55word"),
        sender="DoNotReply@example.azurecomm.net",
        access_key=Secret("a2V5"),
        tenant_id="tenant",
        client_id="app",
        subscription_id="sub",
        resource_id="/subscriptions/sub/x/res",
        admin=Identity("boss", Secret("0wner")),
    )


def document(given: Provisioned | None = None, **places: Listener) -> dict[str, Any]:
    listeners = {name: places.get(name) for name in ("smtp", "smtps", "https", "http")}
    trusted = Trusted(Path("/data/ca.pem"), Path("/data/ca-bundle.pem"))
    return describe(7, Path("/data"), listeners, trusted, given or provisioned())


def test_disabled_services_are_null() -> None:
    found = document()
    for name in ("smtp", "smtps", "https", "http", "connection_string", "authority", "arm_url"):
        assert found[name] is None, name
    assert found["password"] == found["client_secret"] == "pa55word"
    assert found["admin"] == {"client_id": "boss", "client_secret": "0wner"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_the_url_of_an_address(host: str, url: str) -> None:
    assert document(http=listening(host, 80))["http"] == {"url": url}


def test_https_is_a_name_that_the_certificate_holds() -> None:
    found = document(https=listening("127.0.0.1", 2443))
    assert found["https"] == {"url": "https://localhost:2443"}
    assert found["connection_string"] == "endpoint=https://localhost:2443/;accesskey=a2V5"
    assert found["env"]["AZURE_AUTHORITY_HOST"] == "https://localhost:2443"
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        assert found["env"][name] == found["ca_bundle"] == "/data/ca-bundle.pem", name
    assert found["env"]["NODE_EXTRA_CA_CERTS"] == found["ca_file"] == "/data/ca.pem"
    for name, key in {
        "AZURE_TENANT_ID": "tenant_id",
        "AZURE_CLIENT_ID": "client_id",
        "AZURE_CLIENT_SECRET": "client_secret",
        "AZURE_SUBSCRIPTION_ID": "subscription_id",
        "COMMUNICATION_SERVICES_CONNECTION_STRING": "connection_string",
        "SENDER_ADDRESS": "from",
    }.items():
        assert found["env"][name] == found[key], name


def test_revoked_credentials_are_null() -> None:
    gone = Secret("")
    given = replace(
        provisioned(), client_secret=gone, access_key=gone, admin=Identity("boss", gone)
    )
    found = document(given, https=listening("127.0.0.1", 2443))
    assert found["password"] is found["client_secret"] is found["connection_string"] is None
    assert found["admin"] == {"client_id": "boss", "client_secret": None}
    assert (
        found["env"]
        .keys()
        .isdisjoint({"AZURE_CLIENT_SECRET", "COMMUNICATION_SERVICES_CONNECTION_STRING"})
    )
    assert found["env"]["AZURE_CLIENT_ID"] == "app"


def test_the_file_is_its_owners_and_goes(tmp_path: Path) -> None:
    remove_ready(tmp_path)
    write_ready(tmp_path, document())
    path = tmp_path / "ready.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().endswith("}\n")
    remove_ready(tmp_path)
    assert list(tmp_path.iterdir()) == []
