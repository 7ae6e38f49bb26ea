"""What the authority of a certificate publishes, at the URLs in it: issuers and revocation lists.

Over plain HTTP, because all of it is signed.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from gatepost.net.dial import Endpoint, Server, connect_to, resolve
from gatepost.net.sync_stream import SyncStream

TIMEOUT: Final = 3.0
"""Seconds for connecting, and for each part of a response."""


def request_document(url: str, mail_server: Endpoint) -> SyncStream:
    """Send GET for ``url``, and return the stream that the response arrives on.

    A server must not direct us into our network: a private address is only asked if
    ``mail_server`` has one, too. Raises OSError, GatepostError or ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"not fetched: {url[:80]!r} is not an http URL")
    if not url.isascii() or any(sign in url for sign in " \r\n"):
        raise ValueError("not fetched: invalid characters in the URL")
    [endpoint, *_] = resolve(Server(parts.hostname, parts.port or 80))
    if not _is_public(endpoint) and _is_public(mail_server):
        raise ValueError(f"not fetched: {parts.hostname} is a private address")
    stream = SyncStream(connect_to(endpoint, TIMEOUT))
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        stream.send(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode(), TIMEOUT)
    except BaseException:
        stream.abort()
        raise
    return stream


def _is_public(endpoint: Endpoint) -> bool:
    return ipaddress.ip_address(endpoint.address.partition("%")[0]).is_global
