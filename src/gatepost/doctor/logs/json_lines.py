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
_PROPERTY: Final = re.compile(r"\{@?(\w+)(?::[^{}]*)?\}")
"""A property in a Serilog template."""
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff\ufdd0-\ufdef]")
_MOST_PROPERTYS: Final = 20
_PINO: Final = re.compile(r"[CS]: [^\n]*")
_MOST_ENTRIES: Final = 20_000
"""Maximum entries of one array that are read: its last ones."""


def without_noncharacters(text: str) -> str:
    """Return ``text`` without code points that are no characters; some have a meaning here."""
    return _NO_CHARACTER.sub("", text)


def parse_document(text: str) -> Any:
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


def parse_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object that ``line`` is; otherwise None."""
    if not line.lstrip().startswith("{"):
        return None
    document = parse_document(line)
    return document if isinstance(document, dict) else None


def entries_of(document: list[Any]) -> list[str]:
    """Return the entries of an array, a line each, as a log viewer exports them."""
    entries = document[-_MOST_ENTRIES:]
    return [_in_a_line(each) for each in entries]


def _in_a_line(entry: Any) -> str:
    try:
        return json.dumps(entry) if isinstance(entry, dict) else str(entry)
    except RecursionError:
        return ""


def lines_in(document: Any) -> list[str]:
    """Return the lines of all messages in a JSON document."""
    entries = document[-_MOST_ENTRIES:] if isinstance(document, list) else [document]
    lines: list[str] = []
    for each in entries:
        if isinstance(each, dict):
            lines += list(messages_in(each)) or [_in_a_line(each)]
        elif each is not None:
            lines.append(_in_a_line(each))
    return lines


def messages_in(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the messages in a log entry; none if it has no message, or is in
    nodemailer's own format."""
    texts = [document[key] for key in _KEYS if isinstance(document.get(key), str)]
    if not texts or ("level" in document and _PINO.fullmatch(texts[0])):
        return
    for text in dict.fromkeys(texts):
        yield from without_noncharacters(_filled(text, document)).rstrip("\r\n").split("\n")


def _filled(text: str, document: dict[str, Any]) -> str:
    """Return a template with its properties, each of them at most a line long."""
    for match in islice(_PROPERTY.finditer(text), _MOST_PROPERTYS):
        value = document.get(match[1])
        if value is not None and len(text) + len(str(value)) <= MAX_LINE:
            text = text.replace(match[0], str(value), 1)
    return text
