"""The names in a certificate."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from gatepost.net.certificate_names import names_in
from tests.certificates import make_authority


def test_its_digest_and_its_names(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).issue("Device.example", "192.0.2.1")
    der = PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    digest = f"sha256:{hashlib.sha256(der).hexdigest()}"
    assert names_in(der) == (digest, "device.example")


def test_a_name_is_no_digest(tmp_path: Path) -> None:
    """Else its owner could sign in as the account of another certificate."""
    pair = make_authority(tmp_path).issue("device.example", "SHA256:0123456789abcdef")
    der = PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    assert names_in(der)[1:] == ("device.example",)


def test_an_unreadable_certificate_has_only_its_digest() -> None:
    assert names_in(b"none") == (f"sha256:{hashlib.sha256(b'none').hexdigest()}",)


def made(
    names: Sequence[x509.GeneralName] | None, *common: str, kind: _ASN1Type = _ASN1Type.UTF8String
) -> bytes:
    """Return a certificate with a subjectAltName, unless ``names`` is None, and common names."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, each, kind) for each in common]
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "us"), *attributes])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now)
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


DNS, MAILBOX = x509.DNSName("Host.example"), x509.RFC822Name("Ann@Example.com")
URI = x509.UniformResourceIdentifier("spiffe://example.com/app")
IP = x509.IPAddress(ip_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("der", "names"),
    [
        (made(None, "Device-7"), ("device-7",)),
        (made(None, "ann@example.com"), ("ann@example.com",)),
        (made(None), ()),
        (made(None, "the-place", "the-owner"), ("the-owner",)),
        (made(None, "Gerät", kind=_ASN1Type.BMPString), ("gerät",)),
        (made(None, "Gerät", kind=_ASN1Type.UniversalString), ("gerät",)),
        (made(None, "device", kind=_ASN1Type.PrintableString), ("device",)),
        (made(None, "sha256:0123456789abcdef"), ()),
        (made([DNS], "device-7"), ("host.example",)),
        (made([MAILBOX], "device-7"), ("ann@example.com",)),
        (made([DNS, MAILBOX], "device-7"), ("host.example", "ann@example.com")),
        (made([URI], "device-7"), ()),
        (made([IP], "device-7"), ()),
        (made([], "device-7"), ()),
    ],
)
def test_the_common_name_counts_only_without_other_names(
    der: bytes, names: tuple[str, ...]
) -> None:
    """RFC 6125 6.4.4."""
    assert names_in(der)[1:] == names


def test_of_an_unreadable_extension_nothing_counts() -> None:
    der = made([DNS], "device-7")
    damaged = der.replace(b"\x82\x0cHost.example", b"\x82\x0cHost.exampl\xff")
    assert damaged != der
    assert "device-7" not in names_in(damaged)
