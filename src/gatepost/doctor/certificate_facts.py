"""Reads facts from a certificate in DER."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from gatepost.model.evidence import Certificate

if TYPE_CHECKING:
    from cryptography import x509

_WEAK_RSA: Final = 2048
"""Bits below which an RSA key is too short (NIST SP 800-131A, since 2014)."""
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})


def read_certificate(der: bytes) -> Certificate | None:
    """Return what the certificate says; None if it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  # heavy, and only a handshake needs it
    from cryptography.x509.oid import (  # noqa: PLC0415
        AuthorityInformationAccessOID as Access,
    )

    try:
        certificate = x509.load_der_x509_certificate(der)
        names: list[str] = []
        issuers: list[str] = []
        responders: list[str] = []
        lists: list[str] = []
        for extension in certificate.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectAlternativeName):
                names += value.get_values_for_type(x509.DNSName)
                names += map(str, value.get_values_for_type(x509.IPAddress))
            elif isinstance(value, x509.AuthorityInformationAccess):
                responders += _urls(value, Access.OCSP)
                issuers += _urls(value, Access.CA_ISSUERS)
            elif isinstance(value, x509.CRLDistributionPoints):
                lists += [str(name.value) for each in value for name in each.full_name or ()]
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=tuple(names),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            self_signed=certificate.subject == certificate.issuer,
            authority=_may_sign(certificate),
            weak=_weakness(certificate),
            issuer_urls=tuple(issuers),
            ocsp_urls=tuple(responders),
            crl_urls=tuple(lists),
        )
    except ValueError:  # also what cryptography's own parse errors are
        return None


def _urls(
    access: "x509.AuthorityInformationAccess", method: "x509.ObjectIdentifier"
) -> Iterator[str]:
    return (str(each.access_location.value) for each in access if each.access_method == method)


def is_issuer_missing(chain: tuple[bytes, ...]) -> bool:
    """Tell whether none of the certificates sent is the issuer of the first one."""
    own, *others = map(read_certificate, chain)
    return own is not None and not any(
        each is not None and each.subject == own.issuer for each in (own, *others)
    )


def _may_sign(certificate: "x509.Certificate") -> bool:
    from cryptography import x509  # noqa: PLC0415

    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _weakness(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _WEAK_RSA:
        return f"an RSA key of {key.key_size} bits"
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK_HASHES:
        return f"a signature with {algorithm.name.upper()}"
    return ""
