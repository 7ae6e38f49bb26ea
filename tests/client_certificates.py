"""Client certificates of applications, made for a test."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.rsa_keys import rsa_key


@dataclass(frozen=True, repr=False)
class OwnCertificate:
    """A self-signed certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def pem(self) -> bytes:
        """Key and certificate, as azure-identity reads them."""
        return self.key_pem + self.certificate.public_bytes(Encoding.PEM)

    def thumbprint(self, algorithm: hashes.HashAlgorithm) -> bytes:
        return self.certificate.fingerprint(algorithm)


def make_certificate(
    name: str = "sender",
    *,
    key: Any = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> OwnCertificate:
    """Return a certificate for an RSA key of 2048 bits, valid for a day from an hour ago."""
    now = datetime.now(UTC)
    key = key or rsa_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or now - timedelta(hours=1))
        .not_valid_after(end or now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return OwnCertificate(certificate, key)


def weak_keys() -> dict[str, Any]:
    """Return keys that are too weak for an application's certificate."""
    return {
        "RSA with 1024 bits": rsa.generate_private_key(65537, 1024),
        "an elliptic curve": ec.generate_private_key(ec.SECP256R1()),
    }
