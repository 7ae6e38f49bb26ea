"""Connections to the database: how they are opened, and what their errors mean."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gatepost.errors import QueueError, QueueFull, Unreadable
from gatepost.store.postgres.arrays import register_arrays
from gatepost.store.postgres.session_settings import prepare_session

Connection = psycopg.Connection[tuple[Any, ...]]
RV = TypeVar("RV")

_DEFAULTS: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "target_session_attrs": "read-write",
}
"""What a URL need not say: a machine that is gone is noticed within seconds, and of several servers
the one is used that takes writes."""
ANSWER: Final = 15.0
"""Seconds for an answer of the server to one of our writes. A server that hangs, or that waits for
a standby that is gone, keeps its connections open."""
_SERVER: Final = "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()"
OLDEST: Final = 150_000
"""The oldest server that is supported: PostgreSQL 15."""
_LOST: Final = frozenset({"25006", "25P03", "25P04", "53300"})
"""The database takes no writes here, the session was ended, there are too many connections."""
_CONFLICT: Final = frozenset({"40001", "40P01", "55P03"})
"""Transactions that waited for each other; the same will succeed soon."""

_MISREAD: Final = (
    "the URL of the database cannot be right: in a password, @ is written %40, and / is written %2F"
)

# psycopg warns when it closes a pipeline whose connection was lost; who uses it gets an error.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Unreachable(QueueError):
    """The database cannot be reached, or takes no writes at the moment."""


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed if the server does not answer for a time."""

    patience: float | None = None
    """Seconds; None: any time."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Return what the server answers. Raises OperationalError."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - the only name of it
            self.pgconn.finish()  # nothing else may wait for its answers
            why = f"the server has not answered for {self.patience:g} seconds"
            raise psycopg.OperationalError(why) from None


class Connector:
    """Opens connections. ``url`` returns the connection string, which is read each time; the server
    lists our connections as ``application``."""

    def __init__(self, url: Callable[[], str], schema: str, application: str) -> None:
        self._url, self.schema, self.application = url, schema, application
        self._last = ("", "")
        """The host and the port that were there last."""

    def connect(self, timeout: float = 0.0, patience: float | None = None) -> Connection:
        """Return a new connection; its statements may take ``timeout`` seconds, 0: any time. The
        server has to answer within ``patience`` seconds.

        Raises Unreachable, or Unreadable if the same will not succeed later.
        """
        text = self._url()
        try:
            parameters = conninfo_to_dict(text)
        except psycopg.Error:  # its text could show the password
            raise Unreadable("the URL of the database is not one of PostgreSQL") from None
        if "://" in text and is_misread(parameters):
            raise Unreadable(_MISREAD)
        url = make_conninfo(**{**_DEFAULTS, **last_first(parameters, self._last)})
        try:
            connection = BoundedConnection.connect(
                url, autocommit=True, prepare_threshold=0, application_name=self.application
            )
        except psycopg.Error as error:
            raise _refusal(error) from error
        try:
            connection.patience = ANSWER
            connection.prepared_max = 400
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            register_arrays(connection)
            prepare_session(connection, self.schema, timeout)
            version, is_standby = connection.execute(_SERVER, prepare=False).fetchone() or (0, True)
        except psycopg.Error as error:
            connection.close()
            raise _refusal(error) from error
        if version < OLDEST:
            connection.close()
            raise Unreadable(f"PostgreSQL {version // 10_000} is too old; 15 is the oldest")
        if is_standby:
            connection.close()
            raise Unreachable("the database is a standby, which takes no writes")
        connection.patience = patience
        self._last = (connection.info.host, str(connection.info.port))
        return connection


def is_misread(parameters: Mapping[str, Any]) -> bool:
    """Tell whether a part of a URL's password was read as something else, which errors would
    show."""
    hosts, ports = (str(parameters.get(each) or "").split(",") for each in ("host", "port"))
    names = [each for each in hosts if not each.startswith(("/", "@"))]  # no Unix sockets
    has_port = all(each.isascii() and each.isdecimal() for each in filter(None, ports))
    return not has_port or any("@" in each for each in (*names, parameters.get("dbname") or ""))


def last_first(parameters: Mapping[str, Any], last: tuple[str, str]) -> dict[str, Any]:
    """Return connection parameters in which, of several hosts, the one that was there last comes
    first: each one before it that is gone would cost the timeout of a connection."""
    hosts = str(parameters.get("host") or "").split(",")
    ports = str(parameters.get("port") or "5432").split(",")
    if len(hosts) == 1 or parameters.get("hostaddr") or len(ports) not in (1, len(hosts)):
        return dict(parameters)
    pairs = list(zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True))
    pairs.sort(key=lambda each: each != last)
    chosen = {"host": ",".join([host for host, _ in pairs])}
    return {**parameters, **chosen, "port": ",".join([port for _, port in pairs])}


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether a connection is of no use any more; the outcome of a COMMIT is unknown then."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(("08", "57P")) or state in _LOST


def is_conflict(error: psycopg.Error) -> bool:
    """Tell whether the same is likely to succeed if it is tried again."""
    return error.sqlstate in _CONFLICT


def error_of(error: Exception) -> QueueError:
    """Return the error to raise for one of the server's."""
    if isinstance(error, psycopg.errors.DiskFull):
        return QueueFull("the disk of the database is full")
    if isinstance(error, psycopg.errors.UniqueViolation):
        return QueueError("not stored: its id exists already")
    return QueueError(f"not stored: {text_of(error)}")


def text_of(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return " ".join(str(error).split()) or type(error).__name__


def _refusal(error: psycopg.Error) -> QueueError:
    """Return the error for a connection that was not made."""
    why = f"the database cannot be reached: {text_of(error)}"
    return Unreachable(why)
