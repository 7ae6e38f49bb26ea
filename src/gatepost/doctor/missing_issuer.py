"""The certificate that a server did not send: fetched, and tried (RFC 5280 4.2.2.1)."""

from typing import Final
from urllib.parse import urlsplit

from gatepost.doctor.authority_documents import TIMEOUT, request_document
from gatepost.doctor.certificate_facts import read_certificate
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.errors import GatepostError, RemoteProtocolError
from gatepost.model.evidence import MissingIssuer
from gatepost.net.dial import Endpoint
from gatepost.net.tls import completing_context

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
    """Return the document at ``url``. Raises OSError, GatepostError or ValueError."""
    stream = request_document(url, mail_server)
    try:
        answer = b""
        while len(answer) <= MAX_ANSWER and (chunk := stream.receive(TIMEOUT)):
            answer += chunk
    finally:
        stream.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("ascii", "replace")
    if status.split(" ")[1:2] != ["200"] or len(answer) > MAX_ANSWER:
        raise RemoteProtocolError(f"{urlsplit(url).hostname} answered {status[:60]!r}")
    return body
