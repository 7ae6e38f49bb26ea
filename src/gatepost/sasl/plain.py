"""PLAIN (RFC 4616): one response, ``authzid NUL authcid NUL passwd``."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.interview import (
    MAX_NAME,
    MAX_SECRET,
    Interview,
    MalformedResponse,
    ServerSide,
    ask,
    decode,
    verify,
)

NUL: Final = "\0"
_USUAL: Final = ServerSide()


@dataclass(frozen=True, slots=True)
class Plain:
    """The client. Raises UnusableCredentials if a field contains NUL, which is the separator."""

    name: ClassVar[str] = "PLAIN"
    reveals_secret: ClassVar[bool] = True
    speaks_first: ClassVar[bool] = True
    secret_in: ClassVar[int] = 1
    username: str
    password: Secret = field(repr=False)
    authzid: str = ""
    """Empty unless one user acts as another: some servers refuse even the user's own name here."""

    def __post_init__(self) -> None:
        self._response()

    def exchange(self) -> Exchange:
        """Send everything at once."""
        yield self._response()

    def _response(self) -> bytes:
        return b"\0".join(
            (
                encode(self.authzid, "the identity to act as", NUL),
                encode(self.username, "the user name", NUL),
                encode(self.password.reveal(), "the password", NUL),
            )
        )


def plain(initial: bytes | None, side: ServerSide = _USUAL) -> Interview:
    """The server. The directory decides about an authorization identity, unless it is the user's
    own name."""
    response = initial if initial is not None else (yield from ask(b""))
    fields = response.split(b"\0")
    if len(fields) != 3:
        raise MalformedResponse(f"PLAIN has 3 fields separated by NUL, not {len(fields)}")
    authzid = decode(fields[0], "the authorization identity", MAX_NAME)
    username = decode(fields[1], "the user name", MAX_NAME)
    password = Secret(decode(fields[2], "the password", MAX_SECRET))
    if authzid and side.refuses_authzid:
        return side.refuse("authzid_refused: acting as another identity is not permitted")
    credentials = Credentials(username, password, authzid=authzid if authzid != username else "")
    return (yield from verify(credentials, "PLAIN"))
