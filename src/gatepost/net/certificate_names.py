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
    """Return its digest, the names and mailboxes in it, and its common name, in lower case.

    A name in it cannot pass for the digest of another certificate.
    """
    found: list[str] = []
    try:
        certificate = x509.load_der_x509_certificate(der)
        found += [str(each.value) for each in certificate.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME)]  # fmt: skip
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found += others.get_values_for_type(x509.DNSName)
        found += others.get_values_for_type(x509.RFC822Name)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        pass  # what can be read of it counts
    names = dict.fromkeys(each.lower() for each in found)
    digest = f"{_DIGEST}{hashlib.sha256(der).hexdigest()}"
    return (digest, *[each for each in names if not each.startswith(_DIGEST)])
