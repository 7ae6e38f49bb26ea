"""The addresses of Entra, Resource Manager and the e-mail API: Microsoft's clouds, or our own
server.

Authorities and Resource Manager: Microsoft Learn, "National clouds" and azure-core's
``get_arm_endpoints`` (1.41.0; 2026). The e-mail API's host in other clouds is not documented.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gatepost.client.tokens.entra import AUTHORITY
from gatepost.doctor.probe_settings import IdentityUrls
from gatepost.errors import ConfigError
from gatepost.net.dial import Server

AUTHORITY_VARIABLE: Final = "AZURE_AUTHORITY_HOST"
"""The variable that Microsoft's libraries read."""
ARM_VARIABLE: Final = "GATEPOST_ARM_URL"
EMAIL_VARIABLE: Final = "GATEPOST_EMAIL_URL"
RESOURCE: Final = "{resource}"
"""Stands for the resource's name in the URL of the e-mail API."""

_ARM: Final[Mapping[str, str]] = {
    "login.microsoftonline.com": "https://management.azure.com",
    "login.microsoftonline.us": "https://management.usgovcloudapi.net",
    "login.chinacloudapi.cn": "https://management.chinacloudapi.cn",
    "login.partner.microsoftonline.cn": "https://management.chinacloudapi.cn",
}
OWN_HOSTS: Final = ".communication.localhost"
"""What follows a resource's name at our own server."""
PUBLIC_EMAIL: Final = f"https://{RESOURCE}.communication.azure.com"
_PUBLIC: Final = "login.microsoftonline.com"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Cloud:
    """URLs without a slash at the end; empty: unknown."""

    authority: str = ""
    arm: str = ""
    email: str = ""
    """With ``{resource}`` for the resource's name, unless the URL is that of one resource."""

    @property
    def authority_host(self) -> str:
        """HOST or HOST:PORT of the authority."""
        return urlsplit(self.authority).netloc


def find_cloud(urls: IdentityUrls, environment: Mapping[str, str], *, local: bool) -> Cloud:
    """Return where to ask. Raises ConfigError for a URL that does not use https.

    ``local``: the mail server is on this machine. Then the real cloud is asked only if it is named,
    because the secret of a local server is not meant for it.
    """
    named = urls.authority or environment.get(AUTHORITY_VARIABLE, "")
    if not named and local:
        return Cloud()
    authority = _read(named or AUTHORITY, "the authority")
    parts = urlsplit(authority)
    host = (parts.hostname or "").lower()
    arm, email = _ARM.get(host, ""), PUBLIC_EMAIL if host == _PUBLIC else ""
    if host in _LOOPBACK:  # our own server has everything on one port
        port = f":{parts.port}" if parts.port else ""
        arm, email = authority, f"https://{RESOURCE}{OWN_HOSTS}{port}"
    named_email = urls.email or environment.get(EMAIL_VARIABLE, "")
    answering = _read(named_email or email, "the e-mail API")
    if host in _LOOPBACK and _is_beside(answering, parts.port):
        answering = email  # there the host's name tells which resource is meant
    return Cloud(
        authority,
        _read(urls.arm or environment.get(ARM_VARIABLE, "") or arm, "Resource Manager"),
        answering,
    )


def _is_beside(url: str, port: int | None) -> bool:
    """Tell whether a URL names this machine and this port, and nothing else."""
    parts = urlsplit(url)
    return parts.hostname in _LOOPBACK and parts.port == port and not parts.path


def _read(url: str, what: str) -> str:
    """Return a normalised URL; as with Microsoft's libraries, the scheme may be missing."""
    if not url:
        return ""
    whole = url.strip() if "://" in url else f"https://{url.strip()}"
    wrong = ConfigError(f"the URL of {what} must be https://HOST[:PORT]")
    try:
        parts = urlsplit(whole)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme != "https" or "@" in parts.netloc or parts.query:
        raise wrong
    return f"https://{parts.netloc.lower()}{parts.path.rstrip('/')}"


READY: Final = "ready.json"
_MOST: Final = 65_536
"""Maximum number of octets of such a file."""


def authority_beside(ca_file: str | None, server: Server) -> str:
    """Return the authority of the server with this CA file, which ``gatepost up`` publishes beside
    it; empty if none is known.

    The document must be about exactly this port: then the secret is sent only to an authority of
    the server that has received it already.
    """
    if ca_file is None:
        return ""
    try:
        text = (Path(ca_file).parent / READY).read_bytes()
        document = json.loads(text) if len(text) <= _MOST else None
    except (OSError, ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    listeners = (document.get("smtp"), document.get("smtps"))
    ports = [each.get("port") for each in listeners if isinstance(each, dict)]
    authority = document.get("authority")
    return authority if server.port in ports and isinstance(authority, str) else ""
