"""The key that signs access tokens: created once, sealed, and kept over restarts."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.contract import Record, Records
from gatepost.keys.damaged_records import FAULTS, Damaged, note
from gatepost.keys.store_key import SIGNING_KEY, Key

BITS: Final = 2048
_EXPONENT: Final = 65_537


async def open_tokens(
    records: Records, key: Key, clock: Callable[[], datetime], damaged: Damaged
) -> AccessTokens:
    """Return the tokens of this directory; the first call creates the key that signs them.

    A damaged key is added to ``damaged`` and replaced. Tokens are valid for an hour, so little is
    lost.
    """
    for record in await records.load_records():
        if (record.kind, record.id) == SIGNING_KEY:
            try:
                return AccessTokens(_opened(record, key), clock)
            except FAULTS as error:
                note(damaged, record, error, "a new one is made; older tokens are refused")
    signing = rsa.generate_private_key(_EXPONENT, BITS)
    der = signing.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = key.seal(der, SIGNING_KEY[1])
    await records.save_records(
        [Record(*SIGNING_KEY, {"sealed": base64.b64encode(sealed).decode()})]
    )
    return AccessTokens(signing, clock)


def _opened(record: Record, key: Key) -> rsa.RSAPrivateKey:
    sealed = base64.b64decode(record.fields["sealed"])
    # Its checks take longer than everything else at a start, and nobody else can have sealed it.
    signing = load_der_private_key(
        key.unseal(sealed, SIGNING_KEY[1]), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(signing, rsa.RSAPrivateKey):
        raise TypeError("the key that signs tokens is not an RSA key")
    return signing
