"""The one path by which a request is routed and checked."""

_MAILBOX = ("/api/v1/", "/api/events", "/view/")
_LANES = "/inbox/"


def plain_path(path: str) -> str:
    """Return a decoded path without repeated slashes and dot segments (RFC 3986 5.2.4).

    Otherwise ``//api``, ``/api/./v1`` and ``/%61pi/v1`` would be routed as one path and checked as
    another.
    """
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    is_folder = bool(segments) and path.endswith(("/", "/.", "/.."))
    return f"/{'/'.join(segments)}{'/' if is_folder else ''}"


def is_mailbox_path(path: str) -> bool:
    """Tell whether a plain path belongs to the mailbox API, of the relay or of a lane."""
    return path.startswith((*_MAILBOX, _LANES))
