"""Client secrets: an application can have several, each with its own expiry (Graph v1.0,
addPassword)."""

from typing import Final

from gatepost.directory.azure.changes.applications import checked_name, not_found
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.entries import Application, ClientSecret
from gatepost.directory.azure.snapshot import Snapshot

MOST: Final = 100
"""Maximum number of secrets of an application, because each is compared at each login. This limit
is ours; Entra limits the whole manifest of an application."""


def add_secret(snapshot: Snapshot, secret: ClientSecret) -> Changes[ClientSecret]:
    """Store a secret made by ``AzureDirectory.make_secret``. Its end may be in the past."""
    if snapshot.get(Application, secret.application_id) is None:
        raise not_found(secret.application_id)
    if secret.display_name:
        checked_name(secret.display_name)
    if secret.end < secret.start:
        raise Rejected("Request_BadRequest", "a secret must end after it begins")
    if len(snapshot.find(ClientSecret, secret.application_id)) >= MOST:
        raise Rejected("Directory_QuotaExceeded", f"an application has at most {MOST} secrets", 403)
    return Changes((secret,), (), secret)


def remove_secret(
    snapshot: Snapshot, application: Application, key_id: str
) -> Changes[ClientSecret]:
    """Delete the secret with this id; sessions that it opened end with it."""
    secret = snapshot.get(ClientSecret, key_id)
    if secret is None or secret.application_id.lower() != application.key:
        raise Rejected("Request_BadRequest", "No password credential found with keyId.")
    return Changes((), (secret,), secret)
