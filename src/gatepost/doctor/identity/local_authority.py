"""A local server's own authority: ``gatepost up`` tells of it beside its certificate."""

import json
from pathlib import Path
from typing import Final

from gatepost.net.dial import Server

READY: Final = "ready.json"
_MOST: Final = 65_536
"""Octets that such a file may have."""


def authority_beside(ca_file: str | None, server: Server) -> str:
    """Return the authority of the server whose CA file this is; empty when none is known.

    The document must be about this very port: then the secret that goes to the authority is one
    that the same server has been shown already.
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
    doors = (document.get("smtp"), document.get("smtps"))
    ports = [door.get("port") for door in doors if isinstance(door, dict)]
    authority = document.get("authority")
    return authority if server.port in ports and isinstance(authority, str) else ""
