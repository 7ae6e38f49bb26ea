"""Certificates of applications (Graph v1.0, keyCredentials)."""

from gatepost.directory.azure.changes.applications import checked_name, not_found
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.changes.secrets import MOST
from gatepost.directory.azure.entries import Application, ClientCertificate
from gatepost.directory.azure.snapshot import Snapshot


def add_certificate(
    snapshot: Snapshot, certificate: ClientCertificate
) -> Changes[ClientCertificate]:
    """Store a certificate made by ``client_certificates.read_certificate``."""
    if snapshot.get(Application, certificate.application_id) is None:
        raise not_found(certificate.application_id)
    if certificate.display_name:
        checked_name(certificate.display_name)
    certificates = snapshot.find(ClientCertificate, certificate.application_id)
    if any(each.certificate == certificate.certificate for each in certificates):
        raise Rejected("Request_BadRequest", "the application has this certificate already")
    if len(certificates) >= MOST:
        raise Rejected(
            "Directory_QuotaExceeded", f"an application has at most {MOST} certificates", 403
        )
    return Changes((certificate,), (), certificate)


def remove_certificate(
    snapshot: Snapshot, application: Application, key_id: str
) -> Changes[ClientCertificate]:
    """Delete the certificate with this id."""
    certificate = snapshot.get(ClientCertificate, key_id)
    if certificate is None or certificate.application_id.lower() != application.key:
        raise Rejected("Request_BadRequest", "No key credential found with keyId.")
    return Changes((), (certificate,), certificate)
