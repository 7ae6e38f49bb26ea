"""The names of the owner of a certificate, and those of a server."""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

_DIGEST: Final = "sha256:"


def served_names(pem: bytes) -> frozenset[str]:
    """Return the host names, in lower case, and addresses for which the first certificate in a file
    is valid (RFC 9525 2); none if it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return frozenset()
    hosts = [each.lower() for each in names.get_values_for_type(x509.DNSName)]
    return frozenset([*hosts, *map(str, names.get_values_for_type(x509.IPAddress))])


def names_in(der: bytes) -> tuple[str, ...]:
    """Return its digest, and the names and mailboxes in it, in lower case.

    These are the DNS names and mailboxes in subjectAltName. The common name counts only in a
    certificate without that extension (RFC 6125 6.4.4, and RFC 9525 2, which does not use it at
    all), and of several the most specific one (RFC 2818 3.1). A name in it cannot pass for the
    digest of another certificate.
    """
    digest = f"{_DIGEST}{hashlib.sha256(der).hexdigest()}"
    try:
        certificate = x509.load_der_x509_certificate(der)
        listed = _names_of(certificate)
    except (ValueError, x509.DuplicateExtension):  # nobody can tell whose it is
        return (digest,)
    names = dict.fromkeys(each.lower() for each in listed if each)
    return (digest, *[each for each in names if not each.startswith(_DIGEST)])


def _names_of(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(each.value) for each in common[-1:]]
    hosts = names.get_values_for_type(x509.DNSName)
    return [*hosts, *names.get_values_for_type(x509.RFC822Name)]
