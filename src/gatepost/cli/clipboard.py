"""Reads the text in the clipboard, with the tool of the desktop or terminal."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from threading import Thread
from typing import IO, Final, NamedTuple

from gatepost.cli.output import CommandFailed


class ClipboardTool(NamedTuple):
    """A program that prints the clipboard."""

    program: str
    arguments: tuple[str, ...]
    variable: str = ""
    """The environment variable that leads to its desktop; empty: it needs none."""


_POWERSHELL: Final = (
    "-NoProfile", "-NonInteractive", "-Command",
    "[Console]::OutputEncoding = New-Object Text.UTF8Encoding; Get-Clipboard -Raw",
)  # fmt: skip
TOOLS: Final = (
    ClipboardTool("wl-paste", ("--no-newline", "--type", "text"), "WAYLAND_DISPLAY"),
    ClipboardTool("xclip", ("-selection", "clipboard", "-out"), "DISPLAY"),
    ClipboardTool("xsel", ("--clipboard", "--output"), "DISPLAY"),
    ClipboardTool("pbpaste", ()),
    ClipboardTool("termux-clipboard-get", ()),
    ClipboardTool("powershell.exe", _POWERSHELL),
    ClipboardTool("pwsh.exe", _POWERSHELL),
)
"""In the order in which they are tried. PowerShell is also there in Windows's Linux."""
TIME_LIMIT: Final = 5.0
"""Seconds; PowerShell takes some to start."""
MAX_CLIPBOARD: Final = 16 * 1024 * 1024
"""Octets."""
_ERROR_WORD: Final = re.compile(
    rb"[2-5]\d\d(?:[ -].*)?|\d\.\d{1,3}\.\d{1,3}|E[A-Z]{4,20}|"
    rb"[\w.]{0,80}(?:Error|Exception|Refused|Disconnected)"
)
"""An error message may be one word, but so may be a password."""


def read_clipboard() -> bytes:
    """Return the text in the clipboard. Raises CommandFailed if there is none."""
    failures = []
    for tool in TOOLS:
        if shutil.which(tool.program) is None:
            continue
        if tool.variable and not os.environ.get(tool.variable):
            failures.append(f"{tool.program} needs {tool.variable}, which is not set")
            continue
        try:
            text = _run(tool)
        except OSError as error:
            failures.append(f"{tool.program}: {error.strerror or error}")
        else:
            return _checked(text)
    reason = "; ".join(failures) or "install wl-clipboard, xclip or xsel"
    raise CommandFailed(
        f"the clipboard cannot be read: {reason} (or pipe the text to gatepost doctor)",
        "NoClipboard",
    )


def _checked(text: bytes) -> bytes:
    """Refuse what is no message. What the text is must not be shown: it may be a password."""
    words = text.replace(b"\0", b"").split(None, 1)
    if not words:
        raise CommandFailed("the clipboard is empty, or has no text", "NoClipboard")
    if len(text) > MAX_CLIPBOARD:
        raise CommandFailed(f"the clipboard has more than {MAX_CLIPBOARD} octets", "TooLarge")
    if len(words) == 1 and not _ERROR_WORD.fullmatch(words[0]):
        raise CommandFailed(
            "the clipboard has only one word, which is no error message: copy the whole text",
            "NoClipboard",
        )
    return text


def _run(tool: ClipboardTool) -> bytes:
    """Return what a tool prints, at most MAX_CLIPBOARD octets and one more.

    Raises OSError if it fails, and TimeoutError if it takes too long.
    """
    process = subprocess.Popen(  # noqa: S603 - one of TOOLS
        [tool.program, *tool.arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    output, errors = _Output(process.stdout), _Output(process.stderr)
    try:
        output.join(TIME_LIMIT)
        if output.is_alive():
            raise TimeoutError(f"no answer within {TIME_LIMIT:g} s")
        if len(output.octets) <= MAX_CLIPBOARD:
            status = process.wait(TIME_LIMIT)
            errors.join(1)
            if status:
                raise OSError(_reason(errors.octets) or f"exit status {status}")
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"it does not end within {TIME_LIMIT:g} s") from None
    finally:
        _end(process)
    return output.octets


def _reason(errors: bytes) -> str:
    """Return the first line of what a tool complained of."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip()[:200] if lines else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a tool that still runs, and what it started."""
    if process.poll() is None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()


class _Output(Thread):
    """Reads a pipe to its end, or as much as may be in a clipboard."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.octets = b""
        self.start()

    def run(self) -> None:
        if self._pipe is not None:
            with self._pipe:
                self.octets = self._pipe.read(MAX_CLIPBOARD + 1)
