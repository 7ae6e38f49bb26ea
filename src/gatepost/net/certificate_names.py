"""The names of the owner of a certificate."""

import hashlib

from cryptography import x509
from cryptography.x509.oid import NameOID


def names_in(der: bytes) -> tuple[str, ...]:
    """Return its digest, the names and mailboxes in it, and its common name, in lower case."""
    found = [f"sha256:{hashlib.sha256(der).hexdigest()}"]
    try:
        certificate = x509.load_der_x509_certificate(der)
        found += [str(each.value) for each in certificate.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME)]  # fmt: skip
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found += names.get_values_for_type(x509.DNSName)
        found += names.get_values_for_type(x509.RFC822Name)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        pass  # what can be read of it counts
    return tuple(dict.fromkeys(each.lower() for each in found))
