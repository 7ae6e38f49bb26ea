"""The authority of ``gatepost up``, which is trusted for its own servers on this machine."""

import os
import stat
import sys
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from gatepost.errors import ResolveError
from gatepost.net.dial import Server, resolve
from gatepost.net.tls import Context

NAME: Final = "ca.pem"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def find_local_authority(server: Server, directory: Path) -> str | None:
    """Return the CA file in ``directory`` if ``server`` is on this machine; otherwise None.

    The file must belong to this user or to root, and only its owner may change it or its directory:
    nobody else may decide which servers get a password.
    """
    path = directory / NAME
    if not (_is_private(directory) and _is_private(path) and is_on_loopback(server)):
        return None
    try:
        return str(path) if b"-----BEGIN CERTIFICATE-----" in path.read_bytes() else None
    except OSError:
        return None


def trust_also(context: Context, authority: str | None) -> None:
    """Trust an authority besides those of ``context``; a file that cannot be used adds nothing."""
    if authority is None:
        return
    try:
        context.load_verify_locations(authority)
    except OSError:  # ssl.SSLError is one
        return


def is_issued_by(chain: Iterable[bytes], authority: str | None) -> bool:
    """Tell whether a certificate of a verified chain (DER) is signed by this authority."""
    if authority is None:
        return False
    from cryptography import x509  # noqa: PLC0415 - heavy, and only a local server needs it
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        issuers = x509.load_pem_x509_certificates(Path(authority).read_bytes())
    except (OSError, ValueError):
        return False
    for der in chain:
        certificate = x509.load_der_x509_certificate(der)
        for issuer in issuers:
            try:
                certificate.verify_directly_issued_by(issuer)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
    return False


def is_on_loopback(server: Server) -> bool:
    """Tell whether ``server`` is a loopback address, or ``localhost`` or below (RFC 6761 6.3)."""
    host = server.host.rstrip(".").lower()
    if host != "localhost" and not host.endswith(".localhost"):
        return _is_loopback(host)
    try:
        return all(_is_loopback(each.address) for each in resolve(server))
    except ResolveError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _is_private(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    if sys.platform == "win32":
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_WRITE
