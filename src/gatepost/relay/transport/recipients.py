"""Recipients for APIs without an envelope: who is shown, who is not, and nobody else.

Such an API sends to all whom the message names. So it is given exactly the envelope's recipients:
those that To and Cc name where they stand, the others as blind copies; names in To and Cc that
are not in the envelope (others' deliveries, or served before) are left out.
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
    """To and Cc name nobody else."""


def shown(envelope: Envelope, contents: Contents) -> Shown:
    """Return where each of the envelope's recipients is named."""
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
    """Return the mailboxes of all fields of a name; what is none is left out."""
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
