"""A few HTTP requests, one after the other, with the standard library: for the doctor.

As in ``net.http_client``, certificates are verified, redirections are not followed, clear text is
only for this machine, and errors show no more of a URL than its host.
"""

import base64
import http.client
import os
import socket
import ssl
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from gatepost.errors import (
    ConnectError,
    Disconnected,
    NetworkError,
    RemoteProtocolError,
    TimedOut,
    TlsError,
)
from gatepost.net.dial import Server, dial, plainly
from gatepost.net.http_client import MAX_BODY, HttpRequest, HttpResponse, checked_host
from gatepost.net.tls import Context, client_context

TIMEOUT: Final = 10.0
"""Seconds for a connection, and for each piece of an answer."""
_LOCAL: Final = ".localhost"
"""Names below it are this machine's, whoever is asked (RFC 6761 6.3)."""


class Fetcher:
    """Makes each request on a new connection.

    ``ca_file`` has authorities to trust besides those of the system. Proxies in the environment
    (HTTPS_PROXY, NO_PROXY) are used.
    """

    def __init__(self, *, ca_file: str | None = None, timeout: float = TIMEOUT) -> None:
        """Raises TlsError for a CA file that cannot be used."""
        self._context = _trusting(ca_file)
        self._timeout = timeout

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Return the answer, whatever its status. Raises NetworkError or ProtocolError."""
        host = checked_host(request.url)
        parts = urlsplit(request.url)
        connected = self._connect(host, parts)
        connection = http.client.HTTPConnection(host, timeout=self._timeout)
        connection.auto_open = 0
        connection.sock = connected
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {"host": _netloc(parts), "user-agent": "gatepost", "connection": "close"}
        try:
            connection.request(
                request.method, target, request.body or None, {**headers, **request.headers}
            )
            with connection.getresponse() as response:  # it may hold the socket by now
                return _read(response)
        except TimeoutError:
            raise TimedOut(f"{host} did not answer within {self._timeout:g} s") from None
        except OSError as error:
            if isinstance(error, NetworkError):
                raise
            raise Disconnected(f"{host} closed the connection: {plainly(error)}") from None
        except (http.client.HTTPException, ValueError) as error:
            kind = type(error).__name__  # its text may repeat what was sent
            raise RemoteProtocolError(f"{host} sent an invalid answer: {kind}") from None
        finally:
            connection.close()

    def _connect(self, host: str, parts: SplitResult) -> socket.socket:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        proxy = _proxy_for(host, parts.scheme)
        if proxy is not None:
            raw = _tunnel(proxy, host, port, self._timeout)
        else:
            local = host == "localhost" or host.endswith(_LOCAL)
            raw = dial(Server("localhost" if local else host, port), self._timeout)
        raw.settimeout(self._timeout)
        if parts.scheme == "http":
            return raw
        try:
            return self._context.wrap_socket(raw, server_hostname=host)
        except BaseException as error:
            raw.close()
            if isinstance(error, TimeoutError):
                raise TimedOut(f"{host} did not finish the TLS handshake in time").at(
                    "tls"
                ) from None
            if isinstance(error, OSError | ValueError):
                raise _explained(host, error) from None
            raise


def _trusting(ca_file: str | None) -> Context:
    context = client_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise TlsError(f"CA file {ca_file}: {error}") from error
    return context


def _explained(host: str, error: Exception) -> TlsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or "it cannot be verified"
        failure = TlsError(f"{host}: certificate not accepted: {reason.rstrip('.')}")
        return failure.because(str(error.reason), error.verify_code, reason).at("tls")
    why = error.reason if isinstance(error, ssl.SSLError) and error.reason else None
    reason = plainly(error) if isinstance(error, OSError) else type(error).__name__
    return TlsError(f"{host}: TLS failed: {why or reason}").at("tls")


def _read(response: http.client.HTTPResponse) -> HttpResponse:
    body = response.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise ValueError("the answer is too long")
    if response.length:
        raise ValueError("the answer is cut short")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpResponse(response.status, MappingProxyType(headers), body)


def _netloc(parts: SplitResult) -> str:
    """Return HOST or HOST:PORT, without the user name that a URL may contain."""
    return parts.netloc.rpartition("@")[2]


# Proxies.


def _proxy_for(host: str, scheme: str) -> SplitResult | None:
    """Return the proxy for a host according to the environment."""
    if host == "localhost" or host.endswith(_LOCAL) or scheme != "https":
        return None
    if not any(name.lower() in ("https_proxy", "all_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow, and few have one

    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _tunnel(proxy: SplitResult, host: str, port: int, timeout: float) -> socket.socket:
    """Return a connection through an HTTP proxy (RFC 9110 9.3.6)."""
    where = Server(proxy.hostname or "", proxy.port or 3128)
    connection = http.client.HTTPConnection(where.host, where.port, timeout=timeout)
    connection.set_tunnel(host, port, _proxy_sign_in(proxy))
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise ConnectError(f"the proxy {where} does not connect to {host}").at("connect") from error
    return connection.sock


def _proxy_sign_in(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}
