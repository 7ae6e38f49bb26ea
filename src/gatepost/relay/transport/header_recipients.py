"""Recipients for APIs without an envelope, which send to everybody that the request names.

They get exactly the recipients of the envelope: those in To and Cc there, the others as blind
copies. Addresses in To and Cc that are not in the envelope are left out, because they belong
to other deliveries, or were served before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Final

from gatepost.mime.composed_fields import Mailbox, is_field_text
from gatepost.mime.decoded_fields import decode_field
from gatepost.mime.readable_contents import Contents
from gatepost.model.address import Address, parse_address
from gatepost.model.envelope import Envelope

_LONGEST: Final = 256
"""Characters of a display name."""
_BLIND: Final = re.compile(
    rb"^bcc[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class HeaderRecipients:
    """The envelope's recipients by where they are named."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    hidden: tuple[Address, ...]
    is_whole: bool
    """True if all addresses in To and Cc are recipients of the envelope."""


def header_recipients(envelope: Envelope, contents: Contents) -> HeaderRecipients:
    """Sort the envelope's recipients by the field that names them."""
    left = {_key(each.address): each.address for each in envelope.recipients}
    strangers = False
    named: dict[str, list[Mailbox]] = {"to": [], "cc": []}
    for name, recipients in named.items():
        for display_name, address in mailboxes(contents, name):
            own = left.pop(_key(address), None)
            if own is not None:
                recipients.append((display_name, own))
            else:
                strangers = True
    return HeaderRecipients(
        tuple(named["to"]), tuple(named["cc"]), tuple(left.values()), is_whole=not strangers
    )


def without_blind_copies(head: bytes) -> bytes:
    """Return a header without its Bcc fields; each line of it ends with CRLF."""
    return _BLIND.sub(b"", head)


def mailboxes(contents: Contents, name: str) -> Sequence[Mailbox]:
    """Return the mailboxes of all fields with a name; invalid ones are left out."""
    values = [value for field, value in contents.raw if field.lower() == name]
    readable: list[Mailbox] = []
    for display_name, text in getaddresses(values):
        try:
            address = parse_address(text)
        except ValueError:
            continue
        decoded = decode_field(display_name)[:_LONGEST]
        readable.append((decoded if is_field_text(decoded) else "", address))
    return readable


def _key(address: Address) -> str:
    return str(address).lower()
