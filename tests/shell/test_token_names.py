"""Tokens for the server itself, by the names that it is known by."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from gatepost.net.certificate_names import served_names
from gatepost.testing import Emulator
from tests.certificates import make_authority

ARM = "/subscriptions?api-version=2022-12-01"


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    options = ("--https", "127.0.0.1:0", "--http", "off", "--name", "mail")
    with Emulator(options=options) as relay:
        yield relay


def ask(relay: Emulator, method: str, path: str, body: str, **headers: str) -> tuple[int, Any]:
    url = relay.ready["https"]["url"].rpartition("/")[2]
    context = ssl.create_default_context(cafile=relay.ca_file)
    connection = http.client.HTTPSConnection(url, timeout=60, context=context)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def token_for(relay: Emulator, host: str) -> tuple[int, Any]:
    _, application, tenant = relay.username.split(".")
    form = {
        "grant_type": "client_credentials",
        "client_id": application,
        "client_secret": relay.password,
        "scope": f"https://{host}/.default",
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": host}
    return ask(relay, "POST", f"/{tenant}/oauth2/v2.0/token", urlencode(form), **kind)


@pytest.mark.parametrize("host", ["mail:1", "localhost:1", "127.0.0.1:1"])
def test_a_token_for_the_server_by_its_own_names(relay: Emulator, host: str) -> None:
    status, answer = token_for(relay, host)
    assert status == 200
    bearer = f"Bearer {answer['access_token']}"
    assert ask(relay, "GET", ARM, "", Host=host, Authorization=bearer)[0] == 200
    status, refused = ask(relay, "GET", ARM, "", Host="other:1", Authorization=bearer)
    assert status == 401
    assert refused["error"]["code"] == "InvalidAuthenticationTokenAudience"


@pytest.mark.parametrize("host", ["other:1", "graph.microsoft.com.example"])
def test_no_token_for_other_names(relay: Emulator, host: str) -> None:
    status, answer = token_for(relay, host)
    assert (status, answer["error"]) == (400, "invalid_resource")
    assert answer["error_description"].startswith("AADSTS500011: ")


@pytest.mark.parametrize("host", ["graph.microsoft.com", "communication.azure.com"])
def test_a_token_for_another_service_is_refused_with_its_name_in_host(
    relay: Emulator, host: str
) -> None:
    status, answer = token_for(relay, host)
    assert status == 200, "Azure has that resource"
    bearer = f"Bearer {answer['access_token']}"
    assert ask(relay, "GET", ARM, "", Host=host, Authorization=bearer)[0] == 401


def test_the_names_in_a_server_s_certificate(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).issue("Mail.Example", "*.example.com", "127.0.0.1")
    names = served_names(Path(pair.certificate).read_bytes())
    assert names == {"mail.example", "*.example.com", "127.0.0.1"}
    assert served_names(b"") == frozenset()
