"""tls-server-end-point (RFC 5929 4), with the cryptography package as the oracle."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gatepost.sasl.channel import Channel, tls_server_end_point
from tests.rsa_keys import rsa_key

RSA = rsa_key()
EC = ec.generate_private_key(ec.SECP256R1())
Hash = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def certificate(key: Key, digest: Hash | None, pss: padding.PSS | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server.example.com")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
    )
    return builder.sign(key, digest, rsa_padding=pss).public_bytes(Encoding.DER)


SIGNED = [
    pytest.param(RSA, hashes.SHA224(), "sha224", id="RSA SHA-224"),
    pytest.param(RSA, hashes.SHA256(), "sha256", id="RSA SHA-256"),
    pytest.param(RSA, hashes.SHA384(), "sha384", id="RSA SHA-384"),
    pytest.param(RSA, hashes.SHA512(), "sha512", id="RSA SHA-512"),
    pytest.param(EC, hashes.SHA224(), "sha224", id="ECDSA SHA-224"),
    pytest.param(EC, hashes.SHA256(), "sha256", id="ECDSA SHA-256"),
    pytest.param(EC, hashes.SHA384(), "sha384", id="ECDSA SHA-384"),
    pytest.param(EC, hashes.SHA512(), "sha512", id="ECDSA SHA-512"),
]


@pytest.mark.parametrize(("key", "digest", "expected"), SIGNED)
def test_the_hash_is_that_of_the_signature(key: Key, digest: Hash, expected: str) -> None:
    der = certificate(key, digest)
    binding = tls_server_end_point(der)
    assert binding is not None
    assert binding.kind == "tls-server-end-point"
    assert binding.data == hashlib.new(expected, der).digest()


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_rsassa_pss_says_its_hash_in_the_parameters(digest: Hash) -> None:
    der = certificate(RSA, digest, padding.PSS(padding.MGF1(digest), digest.digest_size))
    binding = tls_server_end_point(der)
    assert binding is not None
    assert binding.data == hashlib.new(digest.name, der).digest()


def test_rsassa_pss_without_parameters_means_sha_1() -> None:
    def element(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    oid = element(0x06, bytes.fromhex("2a864886f70d01010a"))
    algorithm = element(0x30, oid + element(0x30, b""))
    der = element(0x30, element(0x30, b"") + algorithm)
    binding = tls_server_end_point(der)
    assert binding is not None
    assert binding.data == hashlib.sha256(der).digest()


@pytest.mark.parametrize(("oid", "weak"), [("0105", "SHA-1"), ("0104", "MD5")])
def test_weak_hashes_are_raised_to_sha_256(oid: str, weak: str) -> None:
    der = certificate(RSA, hashes.SHA256())
    old = der.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d01" + oid))
    binding = tls_server_end_point(old)
    assert old != der
    assert binding is not None
    assert binding.data == hashlib.sha256(old).digest()


def test_ed25519_has_no_hash_of_its_own() -> None:
    assert tls_server_end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_a_malformed_certificate_gives_no_channel_binding() -> None:
    der = certificate(EC, hashes.SHA256())
    assert tls_server_end_point(b"") is None
    assert tls_server_end_point(b"\x30\x84") is None
    assert tls_server_end_point(b"\x30\xff\xff") is None
    assert tls_server_end_point(der[:40]) is None


def test_binding_data_does_not_show() -> None:
    binding = tls_server_end_point(certificate(EC, hashes.SHA256()))
    assert repr(binding) == "ChannelBinding(kind='tls-server-end-point')"


# fmt: off
CHANNELS = [
    # encrypted  verified  loopback  reveal_anyway   keeps secrets
    (True,       True,     False,    False,          True),
    (True,       True,     False,    True,           True),
    (True,       False,    False,    False,          False),
    (True,       False,    True,     False,          False),
    (True,       False,    False,    True,           True),
    (False,      False,    False,    False,          False),
    (False,      False,    True,     False,          False),
    (False,      False,    True,     True,           True),
    (False,      False,    False,    True,           False),
    (False,      True,     False,    True,           False),
]
# fmt: on


@pytest.mark.parametrize(("encrypted", "verified", "loopback", "reveal_anyway", "keeps"), CHANNELS)
def test_channels_that_keep_secrets(
    encrypted: bool, verified: bool, loopback: bool, reveal_anyway: bool, keeps: bool
) -> None:
    assert Channel(encrypted, verified, loopback, reveal_anyway).is_private is keeps
