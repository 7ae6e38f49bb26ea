"""LOGIN (draft-murchison-sasl-login-00, MS-XLOGIN): not a standard, but all that some servers
offer."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import Exchange, encode
from gatepost.sasl.interview import MAX_NAME, MAX_SECRET, Interview, ServerSide, ask, decode, verify

_USUAL: Final = ServerSide()


@dataclass(frozen=True, slots=True)
class Login:
    """The client: the name after the first prompt, the password after the second.

    Prompts are ignored, as the draft requires. Real ones are ``Username:``, ``User Name`` with a
    NUL, translations, and empty ones. A server that prompts for the password first is not
    supported: the draft has only one order.
    """

    name: ClassVar[str] = "LOGIN"
    reveals_secret: ClassVar[bool] = True
    speaks_first: ClassVar[bool] = False
    secret_in: ClassVar[int] = 2
    username: str
    password: Secret = field(repr=False)

    def __post_init__(self) -> None:
        encode(self.username, "the user name")
        encode(self.password.reveal(), "the password")

    def exchange(self) -> Exchange:
        """Wait for the prompts and answer them."""
        if not self.speaks_first:
            yield None
        yield encode(self.username, "the user name")
        yield encode(self.password.reveal(), "the password")


class EagerLogin(Login):
    """The client that sends the name with the AUTH command, for servers that require it.

    Never chosen automatically: others reply 501 or 502 to it, because neither specification has an
    initial response.
    """

    __slots__ = ()
    speaks_first: ClassVar[bool] = True


def login(initial: bytes | None, side: ServerSide = _USUAL) -> Interview:
    """The server, in every dialect.

    An empty initial response (``AUTH LOGIN =``, old Go programs) counts as none.
    """
    first, second = side.prompts
    name = initial or (yield from ask(first.encode()))
    username = decode(name, "the user name", MAX_NAME)
    secret = yield from ask(second.encode())
    password = Secret(decode(secret, "the password", MAX_SECRET))
    return (yield from verify(Credentials(username, password), "LOGIN"))
