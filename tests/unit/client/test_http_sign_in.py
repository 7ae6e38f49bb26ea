"""Signatures with an access key, checked by our own verifier."""

import asyncio
import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.client.http_sign_in import AccessKeySignIn
from gatepost.errors import ConfigError, TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest
from gatepost.rest.email.signatures import read_signature

NOW = datetime(2026, 11, 24, 13, 56, 18, tzinfo=UTC)
KEY = base64.b64encode(b"\x00key\xff" * 8).decode()


def sign(request: HttpRequest, key: str = KEY) -> HttpRequest:
    return asyncio.run(AccessKeySignIn("key", lambda: Secret(key), lambda: NOW).authorize(request))


@given(st.binary(max_size=50), st.sampled_from(["GET", "POST"]))
def test_our_own_service_takes_them(body: bytes, method: str) -> None:
    url = "https://res.communication.azure.com:8443/emails:send?api-version=2025-09-01"
    signed = sign(HttpRequest(method, url, {"content-type": "application/json"}, body))
    headers = {**signed.headers, "host": "res.communication.azure.com:8443"}
    target = "/emails:send?api-version=2025-09-01"
    read = read_signature(method, target, headers)
    assert read.is_by(base64.b64decode(KEY))
    assert not read.is_by(b"another")
    assert (read.date, read.content_hash) == (NOW, hashlib.sha256(body).digest())
    assert headers["x-ms-date"] == "Tue, 24 Nov 2026 13:56:18 GMT"
    assert signed.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("url", "target"), [("https://a.example", "/"), ("https://a.example?x", "/?x")]
)
def test_a_url_without_a_path_is_signed_with_a_slash(url: str, target: str) -> None:
    signed = sign(HttpRequest("GET", url))
    read = read_signature("GET", target, {**signed.headers, "host": "a.example"})
    assert read.is_by(base64.b64decode(KEY))


def test_a_key_that_is_none() -> None:
    with pytest.raises(TokenError, match="not Base64") as caught:
        sign(HttpRequest("GET", "https://a.example/"), "s3cret!")
    assert "s3cret" not in str(caught.value)

    def missing() -> Secret:
        raise ConfigError("the file k cannot be read")

    with pytest.raises(TokenError, match="the file k"):
        asyncio.run(
            AccessKeySignIn("key", missing).authorize(HttpRequest("GET", "https://a.example/"))
        )
