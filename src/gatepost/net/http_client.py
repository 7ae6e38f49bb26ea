"""Outgoing HTTP: with connection reuse, a deadline for each request, and verified certificates."""

import asyncio
import io
import ipaddress
import socket
import ssl
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from gatepost.errors import (
    ConnectError,
    Disconnected,
    GatepostError,
    LocalProtocolError,
    NetworkError,
    RemoteProtocolError,
    ResolveError,
    TimedOut,
    TlsError,
)
from gatepost.net.descriptors import is_shortage, no_descriptor
from gatepost.net.dial import open_socket, plainly
from gatepost.net.tls import Contexts, Trust, describe_failure

if TYPE_CHECKING:
    import aiohttp

TIMEOUT: Final = 30.0
"""Seconds for a whole request."""
CONNECTING: Final = 20.0
"""Seconds for a connection, TLS included."""
MAX_BODY: Final = 1_048_576
"""Octets of a response that are read."""
MOST_INTERIM: Final = 8
"""Maximum number of 1xx responses: aiohttp accepts any number, and nothing else runs meanwhile."""
LONGEST_WAIT: Final = 86_400.0
"""Maximum seconds of a Retry-After that are respected."""
_PER_HOST: Final = 16


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Its ``repr`` shows nothing, because any part may be secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=_none, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float = 0.0
    """Seconds for the whole request; 0: the client's."""
    may_break_off: bool = False
    """An incomplete, late or too long body counts as it was received; otherwise it is an error."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The response; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=_none, repr=False)
    body: bytes = field(default=b"", repr=False)
    is_whole: bool = True
    """False: only the beginning of the body was received (``HttpRequest.may_break_off``)."""

    def retry_after(self, now: datetime) -> float:
        """Return the seconds that the server asks to wait (RFC 9110 10.2.3), or 0.

        A date is one of the server's clock, as its Date field shows it.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdecimal():
            return min(float(value), LONGEST_WAIT)
        end = _read_date(value)
        seconds = (end - (self._date or now)).total_seconds() if end else 0.0
        return min(max(seconds, 0.0), LONGEST_WAIT)

    def clock_ahead(self, now: datetime) -> float:
        """Return by how many seconds our clock is ahead of the server's; 0 if that is not known."""
        return (now - self._date).total_seconds() if self._date else 0.0

    @property
    def _date(self) -> datetime | None:
        return _read_date(self.headers.get("date", ""))

    def document(self) -> Mapping[str, Any]:
        """Return the JSON object in the body; an empty one if there is none. A byte order mark in
        front of it is ignored (RFC 8259 8.1)."""
        try:
            members: Mapping[str, Any] = msgspec.json.decode(
                self.body.removeprefix(BOM_UTF8), type=dict[str, Any]
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}
        return members


def _read_date(text: str) -> datetime | None:
    """Return a date with its time zone (RFC 9110 5.6.7); None if it is none."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # all seen from the library
        return None
    return date if date.tzinfo is not None else None


class Http(Protocol):
    """Makes requests; ``tests/shell/test_http.py`` is the specification.

    Redirections are not followed, so that a secret goes only to its URL. URLs must be https, except
    for this machine.
    """

    async def ask(self, request: HttpRequest) -> HttpResponse:
        """Return the response, whatever its status.

        Raises ResolveError, ConnectError, NoDescriptor, TlsError, TimedOut, Disconnected or
        RemoteProtocolError if there is none, and LocalProtocolError for a URL that is not
        permitted. Errors show no more of the URL than its host.
        """

    async def close(self) -> None:
        """Close all connections."""


class HttpClient:
    """The implementation; ``aiohttp`` is loaded at the first request.

    ``ca_file`` has the authorities to trust instead of the system's; it is read again when it has
    changed. ``proxies``: use those of the environment (HTTPS_PROXY, NO_PROXY).
    """

    def __init__(
        self, *, ca_file: str | None = None, timeout: float = TIMEOUT, proxies: bool = True
    ) -> None:
        self._ca_file, self._timeout = ca_file, timeout
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None
        self._contexts = Contexts()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn

    async def ask(self, request: HttpRequest) -> HttpResponse:
        import aiohttp  # noqa: PLC0415 - see above

        host, total = checked_host(request.url), request.timeout or self._timeout
        content = io.BytesIO(request.body) if request.body else None
        response: Any = None
        try:
            trust = Trust(self._ca_file)
            secure = self._contexts.get(trust) if request.url.startswith("https:") else True
            async with self._open().request(
                request.method, request.url, headers=dict(request.headers),
                data=content, ssl=secure, allow_redirects=False, timeout=_timeout(total),
            ) as response:  # fmt: skip
                may_break_off = request.may_break_off
                body, is_whole = await _read(host, response.content, may_break_off=may_break_off)
                found = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, MappingProxyType(found), body, is_whole)
        except aiohttp.ConnectionTimeoutError:
            told = f"{host} did not accept a connection within {CONNECTING:g} s"
            raise TimedOut(told).at("connect") from None
        except TimeoutError:
            raise TimedOut(f"{host} did not answer within {total:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explained(host, error) from None
        finally:
            if response is not None:
                _abort_if_closing(response.transport)

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 - see above

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit_per_host=_PER_HOST, socket_factory=_open_socket
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "gatepost"},
                trust_env=self._proxies,
                response_class=_response_class(),
            )
        return self._session


def _open_socket(address: "aiohttp.AddrInfoType") -> socket.socket:
    family, kind, protocol, _, _ = address
    return open_socket(family, kind, protocol)


def _timeout(total: float) -> "aiohttp.ClientTimeout":
    import aiohttp  # noqa: PLC0415 - see above

    return aiohttp.ClientTimeout(total=total, sock_connect=CONNECTING)


def _abort_if_closing(transport: asyncio.Transport | None) -> None:
    """Do not wait until the server has read the rest of a request: it may never do so."""
    if transport is not None and transport.is_closing():
        transport.abort()


def _response_class() -> "type[aiohttp.ClientResponse]":
    """Return a class of responses that does not wait forever for a final response."""
    import aiohttp  # noqa: PLC0415 - see above

    class Response(aiohttp.ClientResponse):
        transport: asyncio.Transport | None = None

        async def start(self, connection: "aiohttp.connector.Connection") -> aiohttp.ClientResponse:
            self.transport = connection.transport
            protocol: Any = connection.protocol
            read, left = protocol.read, MOST_INTERIM

            async def read_some() -> Any:
                nonlocal left
                if left < 0:
                    raise aiohttp.ClientError
                left -= 1
                return await read()

            protocol.read = read_some
            try:
                return await super().start(connection)
            except BaseException:
                if self.transport is not None:
                    self.transport.abort()
                raise
            finally:
                del protocol.read

    return Response


def checked_host(url: str) -> str:
    """Return the host of a URL that is permitted. Raises LocalProtocolError."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
    except ValueError:
        host = scheme = ""
    if not host or scheme not in ("http", "https"):
        raise LocalProtocolError("the URL must be http or https, with a host")
    if scheme == "http" and not _is_this_machine(host):
        raise LocalProtocolError(
            f"nothing is sent to {host} in clear: the URL must begin with https"
        )
    return host


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _read(
    host: str, content: "aiohttp.StreamReader", *, may_break_off: bool
) -> tuple[bytes, bool]:
    """Return a body, and whether it is whole."""
    import aiohttp  # noqa: PLC0415 - see above

    body, is_whole = bytearray(), True
    try:
        async for chunk in content.iter_chunked(65_536):
            body += chunk
            if len(body) > MAX_BODY:
                break
    except (aiohttp.ClientError, OSError, ValueError):
        if not may_break_off:
            raise
        is_whole = False
    if len(body) > MAX_BODY:
        if not may_break_off:
            raise RemoteProtocolError(f"{host} answered with more than {MAX_BODY} octets")
        is_whole = False
    return bytes(body), is_whole


def explained(host: str, error: Exception) -> GatepostError:
    """Return our error for an error of aiohttp, whose text may repeat the URL."""
    import aiohttp  # noqa: PLC0415 - see above

    if isinstance(error, NetworkError):
        return error
    if isinstance(error, aiohttp.InvalidURL):
        return LocalProtocolError("the URL is none of http or https with a host")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        wrong = error.certificate_error
        told = getattr(wrong, "verify_message", "") or "it cannot be verified"
        code = int(getattr(wrong, "verify_code", 0))
        failure = TlsError(f"{host}: certificate not accepted: {told.rstrip('.')}")
        return failure.because(str(getattr(wrong, "reason", "")), code, told).at("tls")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        told = f"the proxy on the way to {host} refused: HTTP {error.status}"
        return ConnectError(told).at("connect")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        host = f"the proxy {error.host} on the way to {host}"
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and is_shortage(cause):
        return no_descriptor().at("connect")
    if isinstance(cause, ssl.SSLError):
        return TlsError(f"{host}: {describe_failure(cause)}").at("tls")
    told = cause if isinstance(cause, OSError) and cause.errno else None  # else it may be the URL
    why = plainly(told) if told is not None else "it closed the connection"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ResolveError(f"{host}: {why}").at("resolve")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectError(f"cannot connect to {host}: {why}").at("connect")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return Disconnected(f"{host} closed the connection" + (f": {why}" if told else ""))
    if isinstance(error, aiohttp.ClientPayloadError):
        return RemoteProtocolError(f"{host} broke off its answer")
    return RemoteProtocolError(f"{host} sent an answer that is not HTTP")
