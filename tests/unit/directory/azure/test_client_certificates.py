"""Certificates of applications: the accepted formats, and how an assertion names one."""

import base64
from datetime import timedelta
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.azure.client_certificates import (
    MAX_CERTIFICATE,
    CertificateError,
    matching_certificate,
    named_thumbprint,
    public_key,
    read_certificate,
)
from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.resource_ids import is_guid
from tests.client_certificates import make_certificate, weak_keys
from tests.unit.directory.azure.world import APPLICATION, NOW, entries

SENDER = cast("Application", entries()["application"])
OWN = make_certificate("billing", start=NOW, end=NOW + timedelta(days=90))
KEPT = read_certificate(SENDER, OWN.der)
SHA1 = OWN.thumbprint(hashes.SHA1())
SHA256 = OWN.thumbprint(hashes.SHA256())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("encoded", [OWN.der, OWN.pem, b"a comment\n" + OWN.pem])
def test_a_certificate_is_read_without_its_key(encoded: bytes) -> None:
    read = read_certificate(SENDER, encoded)
    assert is_guid(read.id)
    assert read.application_id == APPLICATION
    assert read.certificate == OWN.der
    assert (read.start, read.end) == (NOW, NOW + timedelta(days=90))
    assert read.display_name == "CN=billing"
    assert read.thumbprint == SHA1.hex().upper()
    assert read.thumbprint_sha256 == SHA256.hex().upper()
    assert isinstance(public_key(read), RSAPublicKey)


def test_a_name_of_ones_own() -> None:
    assert read_certificate(SENDER, OWN.der, "robot").display_name == "robot"
    assert read_certificate(SENDER, make_certificate("").der).display_name == ""
    odd = make_certificate("a\nb").der
    assert read_certificate(SENDER, odd).display_name.isprintable()


@pytest.mark.parametrize(
    ("encoded", "complaint"),
    [
        (b"", "not an X.509 certificate"),
        (b"secret", "not an X.509 certificate"),
        (OWN.key_pem, "not an X.509 certificate"),
        (OWN.der[:-1], "not an X.509 certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not an X.509"),
        (b"\x30" * (MAX_CERTIFICATE + 1), "at most 16384 octets"),
    ],
)
def test_unreadable_certificates(encoded: bytes, complaint: str) -> None:
    with pytest.raises(CertificateError, match=complaint):
        read_certificate(SENDER, encoded)


@pytest.mark.parametrize("name", weak_keys())
def test_keys_that_entra_does_not_take(name: str) -> None:
    encoded = make_certificate(key=weak_keys()[name]).der
    with pytest.raises(CertificateError, match="RSA with at least 2048 bits"):
        read_certificate(SENDER, encoded)


NAMED: list[tuple[dict[str, Any], bytes]] = [
    ({"x5t": base64url(SHA1)}, SHA1),
    ({"x5t#S256": base64url(SHA256)}, SHA256),
    ({"x5t#S256": base64url(SHA256), "x5t": base64url(b"other")}, SHA256),
    ({"kid": SHA1.hex()}, SHA1),
    ({"kid": SHA256.hex().upper()}, SHA256),
    ({"kid": base64url(SHA1)}, SHA1),
    ({"x5t": 7, "kid": SHA1.hex()}, SHA1),
    ({"x5t": "not Base64!", "kid": SHA1.hex()}, SHA1),
]


@pytest.mark.parametrize(("header", "thumbprint"), NAMED)
def test_how_an_assertion_names_a_certificate(header: dict[str, Any], thumbprint: bytes) -> None:
    found = named_thumbprint(header)
    assert found == thumbprint.hex().upper()
    assert matching_certificate([KEPT], found) is KEPT


@pytest.mark.parametrize(
    "header",
    [{}, {"x5t": ""}, {"x5t": None}, {"kid": "my key"}, {"kid": "a" * 65}, {"x5t": "A" * 38}],
)
def test_headers_that_name_none(header: dict[str, Any]) -> None:
    assert named_thumbprint(header) == ""
    assert matching_certificate([KEPT], "") is None


@given(st.dictionaries(st.sampled_from(["x5t", "x5t#S256", "kid"]), st.text() | st.integers()))
def test_any_header_is_read(header: dict[str, Any]) -> None:
    assert matching_certificate([KEPT], named_thumbprint(header)) is None
