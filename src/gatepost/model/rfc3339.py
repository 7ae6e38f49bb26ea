"""Times in documents, as RFC 3339 writes them."""

from datetime import UTC, datetime


def utc_text(time: datetime, timespec: str = "auto") -> str:
    """Return a time as ``2027-01-31T12:00:00Z``; ``timespec`` is that of ``isoformat``."""
    return time.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
