"""Lines that are JSON documents, as containers, journals and log viewers write them."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from gatepost.doctor.logs.log_format import MAX_LINE

_KEYS: Final = ("log", "message", "msg", "MESSAGE", "@message", "textPayload", "text", "line",
                "event", "error", "err", "body", "@m", "RenderedMessage", "renderedMessage", "@mt",
                "MessageTemplate")  # fmt: skip
_PLACE: Final = re.compile(r"\{@?(\w+)(?::[^{}]*)?\}")
"""A property in a Serilog template."""
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff\ufdd0-\ufdef]")
_MOST_PLACES: Final = 20
_PINO: Final = re.compile(r"[CS]: [^\n]*")
_MOST_ENTRIES: Final = 20_000
"""Maximum entries of one array that are read: its last ones."""


def characters(text: str) -> str:
    """Return ``text`` without code points that are no characters; some have a meaning here."""
    return _NO_CHARACTER.sub("", text)


def parsed(text: str) -> Any:
    """Return the JSON object or array that ``text`` is; otherwise None."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")) and not (
        text.startswith("[") and text.endswith("]")
    ):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def parsed_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object that ``line`` is; otherwise None."""
    if not line.lstrip().startswith("{"):
        return None
    found = parsed(line)
    return found if isinstance(found, dict) else None


def entries_of(found: list[Any]) -> list[str]:
    """Return the entries of an array, a line each, as a log viewer exports them."""
    entries = found[-_MOST_ENTRIES:]
    return [_in_a_line(each) for each in entries]


def _in_a_line(entry: Any) -> str:
    try:
        return json.dumps(entry) if isinstance(entry, dict) else str(entry)
    except RecursionError:
        return ""


def lines_in(found: Any) -> list[str]:
    """Return the lines of all messages in a JSON document."""
    entries = found[-_MOST_ENTRIES:] if isinstance(found, list) else [found]
    lines: list[str] = []
    for each in entries:
        if isinstance(each, dict):
            lines += list(messages_in(each)) or [_in_a_line(each)]
        elif each is not None:
            lines.append(_in_a_line(each))
    return lines


def messages_in(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the messages in a log entry; none if it has no message, or is in
    nodemailer's own format."""
    texts = [found[key] for key in _KEYS if isinstance(found.get(key), str)]
    if not texts or ("level" in found and _PINO.fullmatch(texts[0])):
        return
    for text in dict.fromkeys(texts):
        yield from characters(_filled(text, found)).rstrip("\r\n").split("\n")


def _filled(text: str, found: dict[str, Any]) -> str:
    """Return a template with its properties, each of them at most a line long."""
    for place in islice(_PLACE.finditer(text), _MOST_PLACES):
        value = found.get(place[1])
        if value is not None and len(text) + len(str(value)) <= MAX_LINE:
            text = text.replace(place[0], str(value), 1)
    return text
