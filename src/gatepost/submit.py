"""The functions of the library: send a message to a submission server."""

from dataclasses import replace

from gatepost.client.connection import (
    AsyncConnection,
    Connection,
    Password,
    Receipt,
    SubmissionPlan,
    make_login,
    time_limit,
)
from gatepost.client.message import AnyMessage, prepare
from gatepost.client.settings import Options, Tls
from gatepost.diagnosis.client_errors import explain
from gatepost.model.envelope import Envelope

_TLS = Tls()
_OPTIONS = Options()


def _login(
    server: str,
    username: str | None,
    password: Password | None,
    tls: Tls,
    options: Options = _OPTIONS,
) -> SubmissionPlan:
    """Return the login whose errors have their findings."""
    return replace(make_login(server, username, password, tls, options), explain=explain)


def send(  # noqa: PLR0913 - for users, who name most of them
    message: AnyMessage,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    envelope: Envelope | None = None,
    tls: Tls = _TLS,
    timeout: float | None = None,
) -> Receipt:
    """Send ``message`` to ``server`` (``host:port``, port 587 by default) and return a receipt.

    ``message`` is an EmailMessage, or a whole message as bytes or str. Sender
    and recipients come from its header (Bcc is read and removed) unless
    ``envelope`` contains them. ``password`` may be a ``Token``. Refused recipients are
    in the receipt, if at least one recipient is accepted. ``timeout`` is the number of seconds for
    the whole call, from the look-up of the name on; without it, only the time for each reply is
    limited, as in RFC 5321 4.5.3.2. If it ends after the content, the server may have accepted the
    message.

    Raises LocalProtocolError and ConfigError before anything is sent;
    ResolveError, ConnectError, TlsError, TimedOut and Disconnected (all OSError);
    TlsUnavailable, NoSharedMechanism and MissingExtension; AuthenticationRefused,
    SenderRefused, RecipientsRefused and ContentRefused, which carry the reply.
    Each has its ``phase`` and, once connected, the ``transcript`` without secrets.
    """
    end = time_limit(timeout)
    letter = prepare(message, envelope)
    with Connection(_login(server, username, password, tls), end) as connection:
        return connection.deliver(letter)


async def send_async(  # noqa: PLR0913
    message: AnyMessage,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    envelope: Envelope | None = None,
    tls: Tls = _TLS,
    timeout: float | None = None,
) -> Receipt:
    """``send`` for asyncio."""
    end = time_limit(timeout)
    letter = prepare(message, envelope)
    login = _login(server, username, password, tls)
    async with AsyncConnection(login, end) as connection:
        return await connection.deliver(letter)


def connect(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls = _TLS,
    options: Options = _OPTIONS,
    timeout: float | None = None,
) -> Connection:
    """Connect and sign in, for several messages: ``with connect(...) as c: c.send(message)``.

    ``timeout`` is the number of seconds for this, and then for each message; the times in
    ``options.timeouts`` limit single steps. Raises as ``send`` does.
    """
    time_limit(timeout)
    return Connection(_login(server, username, password, tls, options), timeout=timeout)


def connect_async(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls = _TLS,
    options: Options = _OPTIONS,
    timeout: float | None = None,
) -> AsyncConnection:
    """``connect`` for asyncio: ``async with connect_async(...) as c: await c.send(message)``."""
    time_limit(timeout)
    return AsyncConnection(_login(server, username, password, tls, options), timeout=timeout)
