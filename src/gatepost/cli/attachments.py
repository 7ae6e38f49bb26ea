"""Saves attachments as files. Their names come from strangers, and must not do any harm."""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from mimetypes import guess_extension
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.output import CommandFailed, print_json
from gatepost.mime.readable_contents import Attachment
from gatepost.model.unprintable import replace_unprintable

LONGEST: Final = 200
"""Octets of a name in UTF-8 at most; file systems permit 255."""
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
"""Characters that Windows does not permit in names."""
_DEVICES: Final = re.compile(r"(?i)(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?")
_LONGEST_SUFFIX: Final = 20
_UNKNOWN: Final = "application/octet-stream"

Saved = tuple[Attachment, Path]


def save(attachments: Sequence[Attachment], directory: Path, *, force: bool) -> list[Saved]:
    """Save attachments in ``directory``, which is created if necessary; return where each is.

    Without ``force`` nothing is saved if one of the files exists. Raises CommandFailed.
    """
    paths = [directory / each for each in names_of(attachments)]
    saved = list(zip(attachments, paths, strict=True))
    if not force and (existing := [str(path) for _, path in saved if os.path.lexists(path)]):
        raise CommandFailed(
            f"already exists: {', '.join(existing)} (--force replaces files)", "Exists"
        )
    try:
        if saved:
            directory.mkdir(parents=True, exist_ok=True)
        for attachment, path in saved:
            _write(attachment.content, path, force=force)
    except OSError as error:  # that of a full disk names no file
        raise CommandFailed(f"{error.filename or directory}: {error.strerror}") from None
    return saved


def print_saved(message: str, saved: Sequence[Saved], *, as_json: bool) -> None:
    """Print which files were saved."""
    if as_json:
        print_json({"id": message, "saved": [_document(*each) for each in saved]})
        return
    if not saved:
        click.echo("no attachments")
    for attachment, path in saved:
        kind = replace_unprintable(attachment.content_type)
        click.echo(f"{replace_unprintable(str(path))} ({kind}, {attachment.size:,} octets)")


def names_of(attachments: Sequence[Attachment]) -> Iterator[str]:
    """Yield a safe name for each attachment; no two are alike, also where case does not count."""
    copies: dict[str, int] = {}
    for number, attachment in enumerate(attachments, 1):
        name = wanted = safe_name(attachment.filename) or _make_name(attachment, number)
        while name.casefold() in copies:
            copies[wanted.casefold()] += 1
            stem, suffix = _split(wanted)
            name = f"{stem}-{copies[wanted.casefold()]}{suffix}"
        copies[name.casefold()] = 1
        yield name


def safe_name(text: str) -> str:
    """Return a file name without directories and control characters, which is not hidden, no option
    and no device; empty if nothing is left of it."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", text))[-1]
    printable = "".join(each if each.isprintable() else "_" for each in last)
    name = _FORBIDDEN.sub("_", printable).strip().lstrip(". ").rstrip(". ")
    if name.startswith(("-", "~")) or _DEVICES.fullmatch(name):
        name = f"_{name}"
    return _shortened(name)


def _shortened(name: str) -> str:
    stem, suffix = _split(name)
    room = LONGEST - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + suffix


def _split(name: str) -> tuple[str, str]:
    """Return a name without its suffix, and the suffix with its dot."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem and len(suffix.encode()) <= _LONGEST_SUFFIX else (name, "")


def _make_name(attachment: Attachment, number: int) -> str:
    kind = attachment.content_type
    suffix = "" if kind == _UNKNOWN else guess_extension(kind) or ""
    return f"attachment-{number}{'.eml' if kind == 'message/rfc822' else suffix}"


def _write(content: bytes, path: Path, *, force: bool) -> None:
    """Create a file that only its owner can read. With ``force``, what has the name is removed; it
    is never written to, because it may be a link."""
    if force:
        path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _document(attachment: Attachment, path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
    }
