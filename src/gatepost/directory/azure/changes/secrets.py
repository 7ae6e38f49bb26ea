"""Client secrets: several to an application, each with its own end (Graph v1.0, addPassword)."""

from typing import Final

from gatepost.directory.azure.changes.applications import checked_name, not_found
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.entries import Application, ClientSecret
from gatepost.directory.azure.snapshot import Snapshot

MOST: Final = 100
"""Secrets of one application: each is compared at each sign-in. Our bound; Entra's is of all that
an application's manifest holds."""


def add_secret(snapshot: Snapshot, secret: ClientSecret) -> Changes[ClientSecret]:
    """Keep a secret that ``AzureDirectory.make_secret`` made. Its end may have passed."""
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
    """Delete the secret with that id; sessions that it opened end with it."""
    secret = snapshot.get(ClientSecret, key_id)
    if secret is None or secret.application_id.lower() != application.key:
        raise Rejected("Request_BadRequest", "No password credential found with keyId.")
    return Changes((), (secret,), secret)
