"""What ``gatepost doctor`` examines: a server, or a text from its arguments or standard input."""

import io
import re
import sys
from pathlib import Path
from typing import BinaryIO, Final

import click

_HOST_PORT: Final = re.compile(r"(?P<host>[\w-]+(?:\.[\w-]+)*\.?)(?::\w*)?")
_REPLY_LINE: Final = re.compile(r"[2-5]\d\d-\w*")
_ERROR_NAME: Final = re.compile(r"E[A-Z]{4,}|[\w.]*(?:Error|Exception|Refused|Disconnected)")
"""The names of errors, such as EAUTH and SMTPAuthenticationError, which could be a host's."""
_PATH_START: Final = (".", "/", "~")


def read_target(words: tuple[str, ...]) -> tuple[str | None, BinaryIO | None]:
    """Return the server or the text that the arguments name; neither if there are none.

    A text may be in quotes or not. Raises UsageError.
    """
    if not words:
        return None, None
    if words == ("-",):
        return None, standard_input()
    text = " ".join(words)
    if not text.strip():
        raise click.UsageError("HOST[:PORT] or TEXT is empty")
    first = words[0].strip()
    if is_server(first):
        if len(words) == 1:
            _refuse_file(first, f"; to connect to a server of this name, add its port: {first}:587")
            return first, None
        if "." in first or ":" in first:
            raise click.UsageError("one server at a time; put a text in quotes")
    elif len(words) == 1 and not re.search(r"\s", first):
        _refuse_path(first)
    return None, io.BytesIO(text.encode("utf-8", "surrogateescape"))


def is_server(word: str) -> bool:
    """Tell whether ``word`` is meant as HOST[:PORT], possibly with a mistake, and not as a text.

    A number is never a host, although the resolver would take ``504`` for the address 0.0.1.248.
    """
    from gatepost.net.dial import is_bare_number, is_ipv6  # noqa: PLC0415 - not for --help

    if "://" in word or "@" in word:
        return not re.search(r"\s", word)  # it is refused, because it may contain a password
    if word.startswith("["):
        return ":" in word.partition("]")[0]
    if word.count(":") > 1:
        return is_ipv6(word)
    match = _HOST_PORT.fullmatch(word)
    if match is None or _ERROR_NAME.fullmatch(match["host"]):
        return False
    if is_bare_number(match["host"]):
        return False
    if match["host"] == word and "." not in word:
        return word.isascii() and _REPLY_LINE.fullmatch(word) is None
    return True


def standard_input() -> BinaryIO:
    """Return standard input. Raises UsageError if it is closed."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    return sys.stdin.buffer


def is_piped() -> bool:
    """Tell whether standard input is a pipe or a file, not a terminal."""
    return sys.stdin is not None and not sys.stdin.isatty()


def _refuse_path(word: str) -> None:
    _refuse_file(word)
    if word.startswith(_PATH_START) and not word.strip("./~").isdecimal():
        raise click.UsageError(f"there is no file {word}")


def _refuse_file(word: str, otherwise: str = "") -> None:
    """Raise UsageError if a file has this name: its kind cannot be told from it."""
    try:
        is_file = Path(word).is_file()
    except (OSError, ValueError):
        return
    if is_file:
        raise click.UsageError(
            f"{word} is a file: give it by --log, --config or --evidence{otherwise}"
        )
