"""OAUTHBEARER (RFC 7628): an OAuth token, as a standard."""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final

from gatepost.model.credentials import Credentials
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.gs2 import decode_saslname, encode_saslname
from gatepost.sasl.interview import (
    MAX_NAME,
    Interview,
    MalformedResponse,
    ServerSide,
    Verdict,
    ask,
    decode,
    verify,
)
from gatepost.sasl.oauth import KVSEP, encode_document, encode_token, parse_bearer, parse_pairs

_HEADER: Final = re.compile(rb"[ny],(?:a=([^,\x01]+))?,\x01")


@dataclass(frozen=True, slots=True)
class OauthBearer:
    """The client. An error document is answered with control-A (RFC 7628 3.2.3)."""

    name: ClassVar[str] = "OAUTHBEARER"
    reveals_secret: ClassVar[bool] = True
    speaks_first: ClassVar[bool] = True
    secret_in: ClassVar[int] = 1
    username: str
    """The identity to act as; empty leaves it to the token."""
    token: Secret = field(repr=False)
    host: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self._response()

    def exchange(self) -> Exchange:
        """Send the token; answer an error document."""
        yield self._response()
        yield b"\x01"

    def _response(self) -> bytes:
        name = encode(encode_saslname(self.username), "the user name", f"{KVSEP}\0")
        pairs = {
            b"host": encode(self.host, "the host", KVSEP),
            b"port": b"%d" % self.port if self.port else b"",
            b"auth": b"Bearer " + encode_token(self.token),
        }
        header = b"n,%s," % (b"a=" + name if name else b"")
        body = b"".join(b"%s=%s\x01" % (key, value) for key, value in pairs.items() if value)
        return b"%s\x01%s\x01" % (header, body)


def oauthbearer(initial: bytes | None, side: ServerSide) -> Interview:
    """The server. A refusal comes after the document and the client's control-A."""
    response = initial if initial is not None else (yield from ask(b""))
    header = _HEADER.match(response)
    if header is None:
        raise MalformedResponse("OAUTHBEARER starts with a GS2 header without channel binding")
    username = decode_saslname(decode(header[1] or b"", "the authorization identity", MAX_NAME))
    token = parse_bearer(parse_pairs(response[header.end() :]).get("auth", ""))
    if token is None:  # how a client asks which scope it needs (RFC 7628 4.3)
        verdict: Verdict = side.refuse("bad_credentials: no bearer token was sent")
    else:
        verdict = yield from verify(Credentials(username, token=Secret(token)), "OAUTHBEARER")
    if isinstance(verdict, Reply):
        yield from ask(encode_document("invalid_token", side.scope))
    return verdict
