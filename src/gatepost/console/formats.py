"""How pages show times, sizes and durations."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from gatepost.console.catalogue import Translator

_UNITS: Final = ((1024 * 1024 * 1024, "GB"), (1024 * 1024, "MB"), (1024, "kB"))


def parse_time(moment: str | datetime) -> datetime:
    """Return a time in the zone of this machine."""
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone()


def short_time(moment: str | datetime, now: datetime) -> str:
    """Return the time of today, or the date of another day."""
    local, today = parse_time(moment), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def full_time(moment: str | datetime) -> str:
    """Return date, time and zone."""
    local = parse_time(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%z}"


def format_size(octets: int) -> str:
    """Return a size with its unit."""
    for size, unit in _UNITS:
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets} B"


def format_span(seconds: float, texts: Translator) -> str:
    """Return a duration in its largest units."""
    if seconds < 1:
        return texts("span.ms", number=f"{seconds * 1000:.0f}")
    if seconds < 60:
        return texts("span.s", number=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    hours = minutes // 60
    if minutes < 60:
        parts = (("min", minutes), ("s", rest))
    elif hours < 48:
        parts = (("h", hours), ("min", minutes % 60))
    else:
        parts = (("d", hours // 24), ("h", hours % 24))
    return " ".join([texts(f"span.{unit}", number=number) for unit, number in parts if number])


def changed_query(path: str, **changes: object) -> str:
    """Return a path with other parameters; empty ones are left out."""
    parts = urlsplit(path)
    query = {**dict(parse_qsl(parts.query)), **{name: str(each) for name, each in changes.items()}}
    kept = urlencode({name: each for name, each in query.items() if each and each != "0"})
    return f"{parts.path}?{kept}" if kept else parts.path
