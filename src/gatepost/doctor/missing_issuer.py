"""The certificate that a server did not send: fetched, and tried (RFC 5280 4.2.2.1)."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from gatepost.doctor.certificate_facts import read_certificate
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.errors import GatepostError, RemoteProtocolError
from gatepost.model.evidence import MissingIssuer
from gatepost.net.dial import Endpoint, Server, connect_to, resolve
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import completing_context

TIMEOUT: Final = 3.0
MAX_ANSWER: Final = 65_536
"""Octets; a certificate has about two thousand."""


def find_issuer(
    visit: Visit, endpoint: Endpoint, name: str, url: str, *, implicit: bool
) -> MissingIssuer:
    """Fetch the certificate at ``url``, and repeat the handshake with it."""
    try:
        der = _fetch(url, endpoint)
    except (OSError, GatepostError, ValueError) as error:
        return MissingIssuer(url, failure=str(error))
    certificate = read_certificate(der)
    if certificate is None:
        return MissingIssuer(url, failure="the answer is not a DER certificate")
    try:
        talk = Talk.open(visit, endpoint, completing_context(visit.settings.ca_file, der))
    except (OSError, GatepostError) as error:
        return MissingIssuer(url, certificate.subject, failure=str(error))
    try:
        if talk.reach_tls(name, implicit=implicit) is not None:
            return MissingIssuer(url, certificate.subject, failure="STARTTLS was refused")
    except GatepostError as error:
        return MissingIssuer(url, certificate.subject, failure=talk.explain(error))
    finally:
        talk.close(politely=False)
    return MissingIssuer(url, certificate.subject, completes=True)


def _fetch(url: str, mail_server: Endpoint) -> bytes:
    """GET over plain HTTP: certificates are signed, and a server must not direct us into our
    network.

    Raises OSError, GatepostError or ValueError.
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
    try:
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        stream.send(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode(), TIMEOUT)
        answer = b""
        while len(answer) <= MAX_ANSWER and (chunk := stream.receive(TIMEOUT)):
            answer += chunk
    finally:
        stream.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("ascii", "replace")
    if status.split(" ")[1:2] != ["200"] or len(answer) > MAX_ANSWER:
        raise RemoteProtocolError(f"{parts.hostname} answered {status[:60]!r}")
    return body


def _is_public(endpoint: Endpoint) -> bool:
    return ipaddress.ip_address(endpoint.address.partition("%")[0]).is_global
