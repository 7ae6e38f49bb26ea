"""Removes what wraps the lines of a log: containers, journals, JSON lines, quoted mail.

Every applicable way of unwrapping is tried on the first lines, and the one with the most lines of
dialogue is used; if none is better than the log itself, it stays unchanged.
"""

import json
import re
from collections.abc import Callable
from typing import Final

from gatepost.doctor.logs.formats import count_dialogue
from gatepost.doctor.logs.json_lines import (
    entries_of,
    messages_in,
    parse_document,
    parse_object,
    without_noncharacters,
)

_SURE: Final = 5
"""Steps after which something is certainly wrapped."""
_SAMPLE: Final = 80
"""Lines on which the choice is based, ..."""
_SAMPLE_LENGTH: Final = 24_000
"""... and their characters, of which there may be fewer than one long line has."""
_ENOUGH: Final = 0.7
"""The share of lines that must be wrapped in the same way."""
_PASSES: Final = 9
_TIME: Final = r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"
_STAMP: Final = rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]{_TIME}(?:Z| ?[+-]\d\d:?\d\d)?"
_LEVEL: Final = "DEBUG|INFO|WARN|WARNING|ERROR|TRACE|NOTICE|FATAL|DBG|INF|WRN|ERR|VRB|TRC|FTL|DBUG"
_PREFIXES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"[\w./-]{1,80}+(?: +)?\| ?",  # Compose
        rf"(?:{_STAMP}|[A-Z][a-z]{{2}} [ \d]\d {_TIME}) [\w.-]{{1,80}} [\w./()-]{{1,60}}\[\d+\]: ",
        rf"[A-Z][a-z]{{2}} [ \d]\d {_TIME} [\w.-]{{1,80}} [\w./()-]{{1,60}}: ",  # syslog
        rf"(?:\[{_STAMP}\]|{_STAMP})[ \t|]+(?:(?:stdout|stderr) [FP] )?",
        rf"\[?\d\d?[./]\d\d?[./]\d{{4}},? {_TIME}\]?[ \t]",
        r"<\d{1,3}>(?:1 )?",  # syslog's priority
        rf"[IWEF]\d{{4}} {_TIME} +\d+ ",  # klog
        r"[DIWEF], (?=\[)",  # Ruby's Logger
        r"[\w.$/-]{1,60}\.(?:go|py|rs|rb|js|ts|java|cs|php):\d+[:\]]*[ \t]+",  # a place in code
        r"[\w./()-]{1,60}\[[\w.]+\]: ",  # Heroku's app[web.1]
        r"[\w.-]{1,100}-[a-z0-9]{5,10}-[a-z0-9]{5} [\w.-]{1,100} ",  # a pod and its container
        r"\d{10}(?:\.\d+|\d{3})?[ \t]",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[ \t]+",  # a request, as Lambda names it
        rf"\[?{_TIME}\]?[ \t]",
        rf"\[?(?i:{_LEVEL})\]?(?:[:|]?[ \t]+|[:|](?=\S))",
        r"\[[^\]\n]{1,80}\][ \t]+",  # a thread, a pod, a time with a level
        r"(?:-{1,3}|:|\||\*|--[ \t]+:)[ \t]+",  # between them, and a list's
        r"[ \t]{0,8}\d{1,6}[:.)| \t][ \t]*+(?:\|[ \t]*+)?(?=\S)",  # a process, a line's number
        # A logger, where every line has it.
        r"(?:(?:\w{1,60}+::){0,9}[\w.$-]{2,60}+[:|]|[\w.$-]{2,60}+ )",
        r"[ \t]+",
    )
)
_CONTEXT: Final = re.compile(r" (?:\[\]|\{[^{}]*\}) (?:\[\]|\{[^{}]*\})\s*$")
"""What Monolog adds to a line."""
_LOGFMT: Final = re.compile(r'\bmsg=(?P<msg>"(?:\\.|[^"\\])*"|\S+)')

Unwrap = Callable[[list[str]], list[str] | None]


def unwrapped(text: str) -> str:
    """Return ``text`` without what wraps each of its lines, or as it is."""
    lines = text.split("\n")
    sample = _beginning(lines)
    chain: list[Unwrap] = []
    best, best_count = 0, count_dialogue(sample)
    now = sample
    for _ in range(_PASSES):
        ways = [(each, done) for each in _STEPS if (done := each(now)) is not None and done != now]
        if not ways:
            break
        counts = [count_dialogue(done) for _, done in ways]
        count = max(counts)
        step, now = ways[counts.index(count)]
        chain.append(step)
        if count > best_count or (count and step in _STEPS[:_SURE] and count == best_count):
            best, best_count = len(chain), count
    for step in chain[:best]:
        lines = step(lines) or lines
    return "\n".join(lines)


def _beginning(lines: list[str]) -> list[str]:
    left, sample = _SAMPLE_LENGTH, []
    for line in lines[:_SAMPLE]:
        left -= len(line)
        if left < 0:
            break
        sample.append(line)
    return sample


def _share(lines: list[str], is_wrapped: Callable[[str], object]) -> float:
    """Return the share of the lines with text that are wrapped in a way."""
    filled = [line for line in lines if line.strip()]
    hits = sum(is_wrapped(line) not in (None, False) for line in filled)
    return hits / len(filled) if filled else 0.0


def _without_json(lines: list[str]) -> list[str] | None:
    """Replace JSON lines by their messages; other lines stay."""
    lines = _document(lines)
    if _share(lines, parse_object) < _ENOUGH:
        return None
    unwrapped_lines: list[str] = []
    for line in lines:
        document = parse_object(line)
        unwrapped_lines += list(messages_in(document)) or [line] if document is not None else [line]
    return unwrapped_lines


def _document(lines: list[str]) -> list[str]:
    """Return the entries of one JSON array, a line each."""
    if not (lines and lines[0].startswith("[") and lines[-1].rstrip().endswith("]")):
        return lines
    document = parse_document("\n".join(lines))
    return entries_of(document) if isinstance(document, list) else lines


def _without_logfmt(lines: list[str]) -> list[str] | None:
    """``time=... level=... msg="..."``: the message."""
    if _share(lines, lambda line: _LOGFMT.search(line) and "level=" in line) < _ENOUGH:
        return None
    return [part for line in lines for part in _message(line)]


def _message(line: str) -> list[str]:
    match = _LOGFMT.search(line)
    if match is None or "level=" not in line:
        return [line]
    message = match["msg"]
    try:
        if message.startswith('"'):
            message = without_noncharacters(str(json.loads(message)))
    except ValueError:
        message = message.strip('"')
    rest = line[match.end() :].strip()
    return [*message.split("\n"), *([rest] if "=" in rest else [])]


def _without_context(lines: list[str]) -> list[str] | None:
    """Remove what Monolog adds to each line."""
    is_usual = _share(lines, _CONTEXT.search) > 0.5
    return [_CONTEXT.sub("", line) for line in lines] if is_usual else None


def _without_ticks(lines: list[str]) -> list[str] | None:
    """Remove code marks, or the marks of a table's rows."""
    is_usual = _share(lines, lambda line: _between_marks(line) != line) > _ENOUGH
    return list(map(_between_marks, lines)) if is_usual else None


def _between_marks(line: str) -> str:
    text = line.rstrip()
    inner = text.lstrip("`")
    ticks = len(text) - len(inner)
    if ticks and inner.endswith("`" * ticks):
        return inner[:-ticks]
    if text.startswith(("| ", "|\t")) and text.endswith((" |", "\t|")) and len(text) > 2:
        return text[2:-2]
    return line


def _without_quotes(lines: list[str]) -> list[str] | None:
    """Remove the > at the start of each line of a quoted mail."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2 or any(not line.lstrip(" ").startswith(">") for line in filled):
        return None
    return [re.sub(r"^ *> ?", "", line) for line in lines]


def _prefix(pattern: re.Pattern[str]) -> Unwrap:
    def without(lines: list[str]) -> list[str] | None:
        filled = [line for line in lines if line.strip()]
        if len(filled) < 2 or _share(filled, pattern.match) < _ENOUGH:
            return None
        if pattern is _PREFIXES[-1]:
            depth = min(len(line) - len(line.lstrip(" \t")) for line in filled)
            return [line[depth:] for line in lines] if depth else None
        if pattern is _PREFIXES[-2] and len({match[0] for line in filled
                                             if (match := pattern.match(line))}) > 1:  # fmt: skip
            return None
        return [pattern.sub("", line, count=1) for line in lines]

    return without


_STEPS: Final[tuple[Unwrap, ...]] = (
    _without_json, _without_logfmt, _without_quotes, _without_context, _without_ticks,
    *map(_prefix, _PREFIXES),
)  # fmt: skip
