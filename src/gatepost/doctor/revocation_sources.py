"""Where clients ask whether a certificate is revoked: tried as they would (RFC 5280, RFC 6960)."""

from functools import partial
from typing import Final

from gatepost.doctor.authority_documents import TIMEOUT, request_document
from gatepost.doctor.parallel import start
from gatepost.errors import GatepostError
from gatepost.model.evidence import Certificate, RevocationSource
from gatepost.net.dial import Endpoint

MOST: Final = 4
"""URLs that are tried; public authorities name one or two."""
_OK: Final = b"200"


def try_revocation_sources(
    certificate: Certificate, mail_server: Endpoint
) -> tuple[RevocationSource, ...]:
    """Return for each URL in the certificate whether an answer comes from there; all at once.

    A responder that gets no question by OCSP answers with any status; a list must be there.
    """
    places = [
        *((url, b"") for url in certificate.ocsp_urls),
        *((url, _OK) for url in certificate.crl_urls),
    ]
    tries = [start(partial(_try, url, mail_server, status)) for url, status in places[:MOST]]
    return tuple(each.result() for each in tries)


def _try(url: str, mail_server: Endpoint, status: bytes) -> RevocationSource:
    try:
        stream = request_document(url, mail_server)
        try:
            begin = stream.receive(TIMEOUT).partition(b"\r\n")[0]
        finally:
            stream.abort()
    except (OSError, GatepostError, ValueError) as error:
        return RevocationSource(url, str(error))
    protocol, _, rest = begin.partition(b" ")
    if protocol.startswith(b"HTTP/") and rest.startswith(status):
        return RevocationSource(url)
    return RevocationSource(url, f"it answered {begin[:60].decode('ascii', 'replace')!r}")
