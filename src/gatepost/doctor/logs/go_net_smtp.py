"""Go: net/smtp, gomail and others on top of it print errors only."""

import re
from typing import Final

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "go-net-smtp",
    "Go net/smtp",
    library="go-net-smtp",
    errors=(
        "net/smtp", "smtp: server doesn't support auth", "unencrypted connection", "gomail",
        "wrong host name", "tls: first record does not look like", "dial tcp", "x509: ",
        "tls: failed to verify", "remote error: tls:", "smtp.plainauth", "tls: server selected",
        "missing port in address", "too many colons in address", "goroutine ", "short response:",
    ),
)  # fmt: skip

_STAMP: Final = re.compile(
    r"(?m)(?:^|[|:\]Z] )\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{6})? "
    r"(?P<text>[^\[|(\n -][^\n]{0,400})"
)
"""The beginning of a line of Go's package log. nginx, rsync and others have a bracket behind the
time."""
_PLACE: Final = re.compile(r"[\w./-]+\.go:\d+: ")
_LEVEL: Final = re.compile(
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)\b(?P<rest>.*)"
)
_ATTRIBUTE: Final = re.compile(r" \w+=")
_OTHERS: Final = re.compile(
    r"(?m)^Traceback |^[ \t]+at \S|\bException\b|\bkid\d+\||"
    r"\.(?:py|pl|pm|php|rb|js|ts|java|cs|vb|rs)\b(?::\d+|\W{1,3}line \d+|\()"
)
"""Programs in other languages that were set to write the time in the same way."""


def is_log_of_go(text: str) -> bool:
    """Tell whether the times in a log are those of Go's package log, or of log/slog on top of it.

    This is an indication only: programs in other languages can write the time like this, too.
    """
    found = [match["text"] for match in _STAMP.finditer(text)]
    if not found or _OTHERS.search(text):
        return False
    return all(map(_is_message_of_go, found))


def _is_message_of_go(text: str) -> bool:
    """Tell whether the text behind a time has no level, or that of log/slog, with attributes."""
    if _PLACE.match(text):
        return True
    level = _LEVEL.match(text)
    return level is None or _ATTRIBUTE.search(level["rest"]) is not None
