"""Sender user names: the permitted local parts of a domain."""

import re
from typing import Final

from gatepost.directory.azure.changes.allowed_values import at_most
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, holder_of, place
from gatepost.directory.azure.entries import Domain, SenderUsername, SuppressionList
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.mime.composed_fields import is_field_text

MOST: Final = 100
"""Per domain (Microsoft Learn, service limits for Azure Communication Services)."""

_LOCAL_PART: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
"""A dot-string (RFC 5321 4.1.2), with non-ASCII letters (RFC 6531)."""
_LOCAL_SIZE: Final = 64
"""Octets, RFC 5321 4.5.3.1.1."""
_NAME_SIZE: Final = 256
"""Maximum characters of a display name; ours, because no limit is documented."""


def put(
    snapshot: Snapshot, id: str, username: str, display_name: str = "", *, utf8: bool = False
) -> Changes[SenderUsername]:
    """Register a local part, or change it.

    ``utf8``: it may contain non-ASCII letters, because SMTPUTF8 is offered. Raises Rejected if it
    is invalid, or the domain has it already, or has too many, and for a display name that is not
    permitted in From.
    """
    if not _LOCAL_PART.fullmatch(username) or len(username.encode()) > _LOCAL_SIZE:
        raise Rejected(
            "InvalidSenderUserName",
            f"Invalid email sender username: '{username}'. It is the part before the @ of an "
            "address.",
        )
    if not username.isascii() and not utf8:
        raise Rejected(
            "InvalidSenderUserName",
            f"Invalid email sender username: '{username}'. SMTPUTF8 is not offered, so nobody "
            "could send as it: it may have ASCII characters only.",
        )
    if len(display_name) > _NAME_SIZE or not is_field_text(display_name):
        raise Rejected(
            "InvalidSenderUserName",
            f"The display name has {_NAME_SIZE} characters at most, and no line end or other "
            "control character.",
        )
    domain = holder_of(snapshot, SenderUsername, id)
    registered = snapshot.find(SenderUsername, domain.id)
    old = snapshot.get(SenderUsername, id)
    if any(each.username.lower() == username.lower() and each != old for each in registered):
        raise Rejected(
            "Conflict", f"The domain has a sender username '{username}' under another name.", 409
        )
    if old is None:
        at_most(MOST, len(registered) + 1, "sender usernames on a domain")
    sender = SenderUsername(
        old.id if old else place(snapshot, SenderUsername, id), username, display_name
    )
    return Changes((sender,), (), sender)


def delete(snapshot: Snapshot, id: str) -> Changes[SenderUsername]:
    """Delete a local part: mail from it is refused from now on.

    Raises Rejected while it has a suppression list.
    """
    sender = existing(snapshot, SenderUsername, id)
    domain = holder_of(snapshot, SenderUsername, id)
    assert isinstance(domain, Domain)  # noqa: S101 - what holds senders
    for each in snapshot.find(SuppressionList, domain.id):
        if each.list_name.lower() == sender.username.lower():
            raise Rejected(
                "Conflict", f"Suppression list '{each.name}' is for this sender username.", 409
            )
    return Changes((), (sender,), sender)
