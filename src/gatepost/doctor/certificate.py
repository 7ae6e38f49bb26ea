"""A certificate in DER, as facts."""

from gatepost.model.evidence import Certificate


def read_certificate(der: bytes) -> Certificate | None:
    """Return what the certificate says; None when it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  # heavy, and only a handshake needs it
    from cryptography.x509.oid import (  # noqa: PLC0415
        AuthorityInformationAccessOID as Access,
    )

    try:
        certificate = x509.load_der_x509_certificate(der)
        names: list[str] = []
        urls: list[str] = []
        for extension in certificate.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                names += extension.value.get_values_for_type(x509.DNSName)
                addresses = extension.value.get_values_for_type(x509.IPAddress)
                names += [str(address) for address in addresses]
            elif isinstance(extension.value, x509.AuthorityInformationAccess):
                urls += [
                    str(access.access_location.value)
                    for access in extension.value
                    if access.access_method == Access.CA_ISSUERS
                ]
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=tuple(names),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            self_signed=certificate.subject == certificate.issuer,
            issuer_urls=tuple(urls),
        )
    except ValueError:  # also what cryptography's own parse errors are
        return None
