"""What texts indicate: tables of signs, one file for each part of the dialogue."""

from typing import Final

from gatepost.diagnosis.signs import (
    auth,
    clients,
    envelope,
    local,
    network,
    oauth,
    offer,
    refusing,
    tls,
)
from gatepost.diagnosis.signs.sign import Sign

SIGNS: Final[tuple[Sign, ...]] = (
    *network.SIGNS, *tls.SIGNS, *offer.SIGNS, *auth.SIGNS, *oauth.SIGNS, *envelope.SIGNS,
    *refusing.SIGNS, *local.SIGNS, *clients.SIGNS,
)  # fmt: skip
