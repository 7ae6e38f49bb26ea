"""EXTERNAL (RFC 4422 appendix A): the TLS client certificate identifies the client."""

from dataclasses import dataclass
from typing import ClassVar

from gatepost.model.credentials import Credentials
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.interview import MAX_NAME, Interview, MalformedResponse, ask, decode, verify


@dataclass(frozen=True, slots=True)
class External:
    """The client: an empty response, or the identity to act as."""

    name: ClassVar[str] = "EXTERNAL"
    reveals_secret: ClassVar[bool] = False
    speaks_first: ClassVar[bool] = True
    secret_in: ClassVar[int] = 1
    authzid: str = ""

    def __post_init__(self) -> None:
        encode(self.authzid, "the identity to act as", "\0")

    def exchange(self) -> Exchange:
        """Send the identity."""
        yield encode(self.authzid, "the identity to act as", "\0")


def external(initial: bytes | None) -> Interview:
    """The server. The directory knows whose certificate was presented."""
    response = initial if initial is not None else (yield from ask(b""))
    if b"\0" in response:
        raise MalformedResponse("the authorization identity holds NUL")
    authzid = decode(response, "the authorization identity", MAX_NAME)
    return (yield from verify(Credentials(certificate=True, authzid=authzid), "EXTERNAL"))
