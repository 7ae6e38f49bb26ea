"""CRAM-MD5 (RFC 2195): an HMAC of the server's challenge, keyed with the password."""

import hmac
import re
from dataclasses import dataclass, field
from typing import ClassVar, Final

from gatepost.model.secret import Secret
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.gs2 import check_nonce
from gatepost.sasl.interview import (
    MAX_NAME,
    Interview,
    MalformedResponse,
    ServerSide,
    ask,
    decide,
    decode,
    look_up,
)

_DIGEST: Final = re.compile(rb"[0-9a-fA-F]{32}")
_NOBODY: Final = b"\0" * 16


@dataclass(frozen=True, slots=True)
class CramMd5:
    """The client. The password is not sent, but an eavesdropper can test guesses against the
    answer."""

    name: ClassVar[str] = "CRAM-MD5"
    reveals_secret: ClassVar[bool] = False
    speaks_first: ClassVar[bool] = False
    secret_in: ClassVar[int] = 1
    username: str
    password: Secret = field(repr=False)

    def __post_init__(self) -> None:
        encode(self.username, "the user name")
        encode(self.password.reveal(), "the password")

    def exchange(self) -> Exchange:
        """Answer the one challenge, in any format, because servers do not all follow the RFC."""
        challenge = yield None
        key = encode(self.password.reveal(), "the password")
        digest = hmac.digest(key, challenge, "md5").hex()
        yield encode(self.username, "the user name") + b" " + digest.encode()


def cram_md5(initial: bytes | None, side: ServerSide) -> Interview:
    """The server. For an unknown name, the exchange is the same with a decoy's key."""
    check_nonce(side.nonce)
    if initial:
        raise MalformedResponse("CRAM-MD5 has no initial response (RFC 4954 4)")
    challenge = f"<{side.nonce}@{side.host}>".encode()
    name, blank, digest = (yield from ask(challenge)).rpartition(b" ")
    if not blank or not _DIGEST.fullmatch(digest):
        raise MalformedResponse("a CRAM-MD5 response is a name, a space and 32 hexadecimal digits")
    verifier = yield from look_up(decode(name, "the user name", MAX_NAME), "CRAM-MD5")
    state = verifier.digest_state
    expected = hmac.digest(state if state is not None else _NOBODY, challenge, "md5").hex()
    proven = hmac.compare_digest(expected.encode(), digest.lower()) and state is not None
    return decide(verifier, proven, "CRAM-MD5", side)
