"""Certificates of applications: reading them, and finding them by the header of an assertion."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from gatepost.directory.azure.entries import Application, ClientCertificate
from gatepost.directory.azure.resource_ids import new_guid

LEAST_BITS: Final = 2048
"""Bits of the key (RFC 7518 3.3)."""
MAX_CERTIFICATE: Final = 16_384
"""Maximum number of octets."""

_HEX: Final = re.compile(r"[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?")


class CertificateError(ValueError):
    """The given data is not a certificate that can authenticate an application."""


def read_certificate(
    application: Application, encoded: bytes, display_name: str = ""
) -> ClientCertificate:
    """Return the certificate in ``encoded`` (DER, or the first one in PEM), to be saved.

    A private key in the same data is ignored. Raises CertificateError.
    """
    if len(encoded) > MAX_CERTIFICATE:
        raise CertificateError(f"a certificate has at most {MAX_CERTIFICATE} octets")
    try:
        if b"-----BEGIN" in encoded:
            certificate = x509.load_pem_x509_certificate(encoded)
        else:
            certificate = x509.load_der_x509_certificate(encoded)
        public = certificate.public_key()
    except (ValueError, TypeError) as error:
        raise CertificateError(
            f"that is not an X.509 certificate ({type(error).__name__})"
        ) from None
    if not isinstance(public, RSAPublicKey) or public.key_size < LEAST_BITS:
        raise CertificateError(f"the key must be RSA with at least {LEAST_BITS} bits")
    return ClientCertificate(
        new_guid(),
        application.id,
        certificate.public_bytes(Encoding.DER),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        display_name or _printable(certificate.subject),
    )


def _printable(subject: x509.Name) -> str:
    return "".join(filter(str.isprintable, subject.rfc4514_string()))[:256]


def public_key(certificate: ClientCertificate) -> RSAPublicKey:
    """Return the key for verification."""
    key = x509.load_der_x509_certificate(certificate.certificate).public_key()
    assert isinstance(key, RSAPublicKey)  # noqa: S101 - read_certificate takes no other
    return key


def named_thumbprint(header: Mapping[str, Any]) -> str:
    """Return the thumbprint in an assertion's header, in upper-case hex; empty if there is none.

    ``x5t#S256`` and ``x5t`` (RFC 7515 4.1.7, 4.1.8) contain it in base64url; some libraries put it
    into ``kid``, also in hex.
    """
    for name in ("x5t#S256", "x5t", "kid"):
        value = header.get(name)
        if not isinstance(value, str) or len(value) > 64:
            continue
        if _HEX.fullmatch(value):
            return value.upper()
        try:
            raw = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) in (20, 32):
            return raw.hex().upper()
    return ""


def matching_certificate(
    certificates: Sequence[ClientCertificate], thumbprint: str
) -> ClientCertificate | None:
    """Return the certificate with that thumbprint (SHA-1 or SHA-256)."""
    return next(
        (each for each in certificates if thumbprint in (each.thumbprint, each.thumbprint_sha256)),
        None,
    )
