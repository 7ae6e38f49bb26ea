"""A local server's own authority, which ``gatepost up`` publishes beside its certificate."""

import json
from pathlib import Path
from typing import Final

from gatepost.net.dial import Server

READY: Final = "ready.json"
_MOST: Final = 65_536
"""Maximum number of octets of such a file."""


def authority_beside(ca_file: str | None, server: Server) -> str:
    """Return the authority of the server with this CA file; empty if none is known.

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
