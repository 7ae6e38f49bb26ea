"""What texts indicate: tables of signs, one file for each part of the dialogue."""

from typing import Final

from gatepost.diagnosis.signs import (
    clients,
    delivery_refusals,
    login,
    network,
    oauth,
    offered_mechanisms,
    sender_and_message,
    tls,
)
from gatepost.diagnosis.signs.sign import Sign

SIGNS: Final[tuple[Sign, ...]] = (
    *network.SIGNS, *tls.SIGNS, *offered_mechanisms.SIGNS, *login.SIGNS, *oauth.SIGNS,
    *sender_and_message.SIGNS, *delivery_refusals.SIGNS, *clients.SIGNS,
)  # fmt: skip
