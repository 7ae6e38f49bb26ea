"""What each mechanism proves. A separate module, because a diagnosis needs nothing more."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Proof = Literal["password", "token", "certificate"]

PROOFS: Final[Mapping[str, Proof]] = MappingProxyType(
    {
        "SCRAM-SHA-512-PLUS": "password",
        "SCRAM-SHA-256-PLUS": "password",
        "SCRAM-SHA-1-PLUS": "password",
        "SCRAM-SHA-512": "password",
        "SCRAM-SHA-256": "password",
        "SCRAM-SHA-1": "password",
        "PLAIN": "password",
        "LOGIN": "password",
        "CRAM-MD5": "password",
        "OAUTHBEARER": "token",
        "XOAUTH2": "token",
        "EXTERNAL": "certificate",
    }
)
