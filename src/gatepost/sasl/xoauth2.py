"""XOAUTH2: an OAuth token as defined by Google and adopted by Microsoft.

https://developers.google.com/gmail/imap/xoauth2-protocol
"""

from dataclasses import dataclass, field
from typing import ClassVar

from gatepost.model.credentials import Credentials
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.interview import Interview, MalformedResponse, ServerSide, ask, verify
from gatepost.sasl.oauth import KVSEP, encode_document, encode_token, parse_bearer, parse_pairs


@dataclass(frozen=True, slots=True)
class Xoauth2:
    """The client.

    For a refused token, the server may send a 334 with a JSON document. It is answered with an
    empty response, because the 535 follows only then.
    """

    name: ClassVar[str] = "XOAUTH2"
    reveals_secret: ClassVar[bool] = True
    speaks_first: ClassVar[bool] = True
    secret_in: ClassVar[int] = 1
    username: str
    token: Secret = field(repr=False)

    def __post_init__(self) -> None:
        self._response()

    def exchange(self) -> Exchange:
        """Send the token; answer an error document."""
        yield self._response()
        yield b""

    def _response(self) -> bytes:
        user = encode(self.username, "the user name", KVSEP)
        return b"user=%s\x01auth=Bearer %s\x01\x01" % (user, encode_token(self.token))


def xoauth2(initial: bytes | None, side: ServerSide) -> Interview:
    """The server. ``side.explains`` makes it send the document before a refusal."""
    response = initial if initial is not None else (yield from ask(b""))
    pairs = parse_pairs(response)
    token = parse_bearer(pairs.get("auth", ""))
    if token is None or not pairs.get("user"):
        raise MalformedResponse("XOAUTH2 requires user= and auth=Bearer TOKEN")
    credentials = Credentials(pairs["user"], token=Secret(token))
    verdict = yield from verify(credentials, "XOAUTH2")
    if side.explains and isinstance(verdict, Reply):
        yield from ask(encode_document("400", side.scope))
    return verdict
