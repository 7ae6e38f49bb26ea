"""The client that wrote a log: by the user's words, the log's format, its messages or its times."""

import re
from typing import Final

from gatepost.doctor.client_names import library_behind
from gatepost.doctor.logs.dialogue import DialogueReader
from gatepost.doctor.logs.formats import FORMATS
from gatepost.doctor.logs.log_format import Format
from gatepost.model.evidence import ClientFacts, TlsMode

_STANDS_ON: Final = {"aiosmtplib": "smtplib", "django": "smtplib"}
"""Formats whose messages contain those of the format below, so that these always match, too."""
_WRAPPERS: Final = frozenset({"django", "aiosmtplib", "powershell", "symfony"})
"""Formats of libraries on top of another one, which are the ones in use if both match equally."""
_WANTS_AUTH: Final = re.compile(r"(?i)\bauth|log ?in\b|credential|password|sasl")


def recognise_client(
    text: str, product: str, written_in: Format | None, dialogue: DialogueReader
) -> ClientFacts:
    """Return the client of a log. ``product``: the user's name for it; ``written_in``: the format
    of its dialogue, if there is one."""
    by_messages = library_by_messages(text)
    library = (
        library_behind(product)
        or (written_in.library if written_in and not written_in.is_shared else "")
        or (by_messages.library if by_messages else "")
    )
    wants_auth = bool(dialogue.attempts) or _WANTS_AUTH.search(text) is not None
    tls: TlsMode = "auto" if dialogue.starttls is None else "starttls"
    return ClientFacts(library, tls, wants_auth, product=product or _version(text, library))


def library_by_messages(text: str) -> Format | None:
    """Return the format with the most exceptions or messages in ``text``; None for none."""
    low = text.lower()
    counts = {each.name: sum(message in low for message in each.messages) for each in FORMATS}
    best = max(FORMATS, key=lambda each: (counts[each.name], each.name in _WRAPPERS))
    if not counts[best.name]:
        return None
    above = (each for each in FORMATS
             if counts[each.name] and _STANDS_ON.get(each.name) == best.name)  # fmt: skip
    return next(above, best)


def _version(text: str, library: str) -> str:
    """Return the title and version of the library, if the log has the version."""
    form = next((each for each in FORMATS if each.library == library and each.version), None)
    match = re.search(form.version, text) if form else None
    return f"{form.title} {match[1]}" if form and match else ""


_STAMP: Final = re.compile(
    r"(?m)(?:^|[|:\]Z] )\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{6})? "
    r"(?P<text>[^\[|(\n -][^\n]{0,400})"
)
"""The beginning of a line of Go's package log. nginx, rsync and others have a bracket behind the
time."""
_POSITION: Final = re.compile(r"[\w./-]+\.go:\d+: ")
_LEVEL: Final = re.compile(
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)\b(?P<rest>.*)"
)
_ATTRIBUTE: Final = re.compile(r" \w+=")
_OTHER_LANGUAGES: Final = re.compile(
    r"(?m)^Traceback |^[ \t]+at \S|\bException\b|\bkid\d+\||"
    r"\.(?:py|pl|pm|php|rb|js|ts|java|cs|vb|rs)\b(?::\d+|\W{1,3}line \d+|\()"
)
"""Programs in other languages that were set to write the time in the same way."""


def is_go_log(text: str) -> bool:
    """Tell whether the times in a log are those of Go's package log, or of log/slog on top of it.

    This is an indication only: programs in other languages can write the time like this, too.
    """
    messages = [match["text"] for match in _STAMP.finditer(text)]
    return (
        bool(messages) and not _OTHER_LANGUAGES.search(text) and all(map(_is_go_message, messages))
    )


def _is_go_message(text: str) -> bool:
    """Tell whether the text behind a time has no level, or that of log/slog, with attributes."""
    if _POSITION.match(text):
        return True
    level = _LEVEL.match(text)
    return level is None or _ATTRIBUTE.search(level["rest"]) is not None
