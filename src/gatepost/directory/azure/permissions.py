"""Permissions of a token for Microsoft Graph, which Entra puts into ``roles``.

In Entra an administrator consents to them. Here they follow from the roles on resources.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.azure.roles import grant_of
from gatepost.directory.azure.snapshot import Snapshot

MAIL_SEND: Final = "Mail.Send"


def permissions_of(
    snapshot: Snapshot, principal_id: str, actions: Iterable[str]
) -> tuple[str, ...]:
    """Return the permissions of an application; ``actions`` are those that sending needs."""
    may_send = next(services_of(snapshot, principal_id, actions), None) is not None
    return (MAIL_SEND,) if may_send else ()


def services_of(
    snapshot: Snapshot, principal_id: str, actions: Iterable[str]
) -> Iterator[CommunicationService]:
    """Yield the resources through which an application may send."""
    wanted = tuple(actions)
    for each in snapshot.all(CommunicationService):
        if not grant_of(snapshot, principal_id, each.id, wanted).missing:
            yield each
