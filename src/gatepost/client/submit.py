"""The functions of the library: send a message to a submission server."""

from gatepost.client.connection import (
    AsyncConnection,
    Connection,
    Password,
    Receipt,
    make_login,
)
from gatepost.client.message import AnyMessage, prepare
from gatepost.client.settings import Options, Tls
from gatepost.model.envelope import Envelope

_TLS = Tls()
_OPTIONS = Options()


def send(
    message: AnyMessage,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    envelope: Envelope | None = None,
    tls: Tls = _TLS,
) -> Receipt:
    """Send ``message`` to ``server`` (``host:port``, port 587 by default) and return a receipt.

    ``message`` is an EmailMessage, or a whole message as bytes or str. Sender
    and recipients come from its header (Bcc is read and removed) unless
    ``envelope`` contains them. ``password`` may be a ``Token``. Refused recipients are
    in the receipt, if at least one recipient is accepted.

    Raises LocalProtocolError and ConfigError before anything is sent;
    ResolveError, ConnectError, TlsError, TimedOut and Disconnected (all OSError);
    TlsUnavailable, NoSharedMechanism and MissingExtension; AuthenticationRefused,
    SenderRefused, RecipientsRefused and ContentRefused, which carry the reply.
    Each has its ``phase`` and, once connected, the ``transcript`` without secrets.
    """
    letter = prepare(message, envelope)
    with connect(server, username, password, tls=tls) as connection:
        return connection.deliver(letter)


async def send_async(
    message: AnyMessage,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    envelope: Envelope | None = None,
    tls: Tls = _TLS,
) -> Receipt:
    """``send`` for asyncio."""
    letter = prepare(message, envelope)
    async with connect_async(server, username, password, tls=tls) as connection:
        return await connection.deliver(letter)


def connect(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls = _TLS,
    options: Options = _OPTIONS,
) -> Connection:
    """Connect and sign in, for several messages: ``with connect(...) as c: c.send(message)``.

    Raises as ``send`` does.
    """
    return Connection(make_login(server, username, password, tls, options))


def connect_async(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls = _TLS,
    options: Options = _OPTIONS,
) -> AsyncConnection:
    """``connect`` for asyncio: ``async with connect_async(...) as c: await c.send(message)``."""
    return AsyncConnection(make_login(server, username, password, tls, options))
