"""Client secrets and certificates: an application can have several of each (Graph v1.0, addPassword
and keyCredentials)."""

from typing import Final, TypeVar

from gatepost.directory.azure.changes.applications import checked_name, not_found
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.entries import Application, ClientCertificate, ClientSecret
from gatepost.directory.azure.snapshot import Snapshot

MOST: Final = 100
"""Maximum number of secrets of an application, because each is compared at each login. This limit
is ours; Entra limits the whole manifest of an application."""

C = TypeVar("C", ClientSecret, ClientCertificate)


def add_secret(snapshot: Snapshot, secret: ClientSecret) -> Changes[ClientSecret]:
    """Store a secret made by ``AzureDirectory.make_secret``. Its end may be in the past."""
    _check_owner(snapshot, secret)
    if secret.end < secret.start:
        raise Rejected("Request_BadRequest", "a secret must end after it begins")
    return _add(snapshot, secret, "secrets")


def add_certificate(
    snapshot: Snapshot, certificate: ClientCertificate
) -> Changes[ClientCertificate]:
    """Store a certificate made by ``client_certificates.read_certificate``."""
    _check_owner(snapshot, certificate)
    others = snapshot.find(ClientCertificate, certificate.application_id)
    if any(each.certificate == certificate.certificate for each in others):
        raise Rejected("Request_BadRequest", "the application has this certificate already")
    return _add(snapshot, certificate, "certificates")


def _check_owner(snapshot: Snapshot, credential: ClientSecret | ClientCertificate) -> None:
    if snapshot.get(Application, credential.application_id) is None:
        raise not_found(credential.application_id)
    if credential.display_name:
        checked_name(credential.display_name)


def _add(snapshot: Snapshot, credential: C, kind: str) -> Changes[C]:
    if len(snapshot.find(type(credential), credential.application_id)) >= MOST:
        raise Rejected("Directory_QuotaExceeded", f"an application has at most {MOST} {kind}", 403)
    return Changes((credential,), (), credential)


def remove_secret(
    snapshot: Snapshot, application: Application, key_id: str
) -> Changes[ClientSecret]:
    """Delete the secret with this id; sessions that it opened end with it."""
    return _remove(snapshot.get(ClientSecret, key_id), application, "password")


def remove_certificate(
    snapshot: Snapshot, application: Application, key_id: str
) -> Changes[ClientCertificate]:
    """Delete the certificate with this id."""
    return _remove(snapshot.get(ClientCertificate, key_id), application, "key")


def _remove(credential: C | None, application: Application, kind: str) -> Changes[C]:
    if credential is None or credential.application_id.lower() != application.key:
        raise Rejected("Request_BadRequest", f"No {kind} credential found with keyId.")
    return Changes((), (credential,), credential)
