"""Dates as people write them in a search."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Final

_UNIX: Final = re.compile(r"\d{10}(?:\d{3})?", re.ASCII)
_PIECES: Final = re.compile(r"[0-9]+|[a-z]+", re.ASCII)
_ISO_LIKE: Final = re.compile(
    r"(\d{4})(?:[-/.](\d{1,2}))?(?:[-/.](\d{1,2}))?(?:[t ](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)"
    r"\s?(z|utc|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_AMERICAN: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"


def read_date(text: str, zone: tzinfo) -> datetime:
    """Return the time that ``text`` names, in UTC; a date is its midnight in ``zone``.

    Raises ValueError.
    """
    text = text.strip()
    for read in _READERS:
        try:
            moment = read(text.lower())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if moment is not None:
            try:
                aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
                return aware.astimezone(UTC)
            except OverflowError:
                continue
    raise ValueError(f"not a date: {text}")


def _unix(text: str) -> datetime | None:
    """Seconds or milliseconds since 1970."""
    if not _UNIX.fullmatch(text):
        return None
    seconds = int(text) / (1000 if len(text) == 13 else 1)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _iso(text: str) -> datetime | None:
    """``2026-11-30``, ``2026/11/30 12:00``, ``2026-11``, ``2026``; RFC 3339."""
    match = _ISO_LIKE.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text.upper())
    year, month, day, time, offset = match.groups()
    clock = "" if time is None else f"T{time.rjust(5, '0') if len(time) < 5 else time}"
    if clock and clock[2] == ":":
        clock = f"T0{clock[1:]}"
    zone = {"z": "+00:00", "utc": "+00:00"}.get(offset or "", offset or "")
    return datetime.fromisoformat(f"{year}-{int(month or 1):02}-{int(day or 1):02}{clock}{zone}")


def _american(text: str) -> datetime | None:
    """``11/30/2026``."""
    match = _AMERICAN.fullmatch(text)
    return datetime(int(match[3]), int(match[1]), int(match[2])) if match else None  # noqa: DTZ001


def _named_month(text: str) -> datetime | None:
    """``30 Nov 2026``, ``November 30, 2026``."""
    pieces = _PIECES.findall(text)
    if len(pieces) != 3:
        return None
    [month] = [each for each in pieces if each.isalpha()]
    day, year = [int(each) for each in pieces if each.isdigit()]
    return datetime(year, _MONTHS.index(month[:3]) // 4 + 1, day)  # noqa: DTZ001


def _mail(text: str) -> datetime | None:
    """``Mon, 30 Nov 2026 12:00:00 +0100`` (RFC 5322 3.3)."""
    return parsedate_to_datetime(text)


_READERS: Final[tuple[Callable[[str], datetime | None], ...]] = (
    _unix,
    _iso,
    _american,
    _named_month,
    _mail,
)
