"""Recipients for APIs without an envelope, which send to everybody that the request names.

They get exactly the recipients of the envelope: those in To and Cc at their places, the others as
blind copies. Addresses in To and Cc that are not in the envelope are left out, because they belong
to other deliveries, or were served before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Final

from gatepost.mime.contents import Contents, decode_field
from gatepost.mime.fields import Mailbox, is_field_text
from gatepost.model.address import Address, parse_address
from gatepost.model.envelope import Envelope

_LONGEST: Final = 256
"""Characters of a display name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The envelope's recipients by where they are named."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    hidden: tuple[Address, ...]
    is_whole: bool
    """True if all addresses in To and Cc are recipients of the envelope."""


def shown(envelope: Envelope, contents: Contents) -> Shown:
    """Sort the envelope's recipients by the field that names them."""
    left = {_key(each.address): each.address for each in envelope.recipients}
    strangers = False
    found: dict[str, list[Mailbox]] = {"to": [], "cc": []}
    for name, places in found.items():
        for display_name, address in mailboxes(contents, name):
            own = left.pop(_key(address), None)
            if own is not None:
                places.append((display_name, own))
            else:
                strangers = True
    return Shown(
        tuple(found["to"]), tuple(found["cc"]), tuple(left.values()), is_whole=not strangers
    )


def mailboxes(contents: Contents, name: str) -> Sequence[Mailbox]:
    """Return the mailboxes of all fields with a name; invalid ones are left out."""
    values = [value for field, value in contents.raw if field.lower() == name]
    found: list[Mailbox] = []
    for display_name, text in getaddresses(values):
        try:
            address = parse_address(text)
        except ValueError:
            continue
        decoded = decode_field(display_name)[:_LONGEST]
        found.append((decoded if is_field_text(decoded) else "", address))
    return found


def _key(address: Address) -> str:
    return str(address).lower()
