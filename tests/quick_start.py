"""Emulators that start at once: forked, and with the keys and tables of a first start."""

import atexit
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from gatepost.app.blank_directory import NOT_COPIED
from gatepost.testing.local_relay import OUTPUT
from tests import fork_server

_MAKE = (
    "import asyncio, pathlib, sys; from gatepost.app.blank_directory import make_blank; "
    "asyncio.run(make_blank(pathlib.Path(sys.argv[1])))"
)


class Popen(fork_server.Popen):
    """The process of an ``Emulator``."""

    def __init__(self, args: list[str], **more: Any) -> None:
        data = Path(args[args.index("--data") + 1])
        if [each.name for each in data.iterdir()] == [OUTPUT]:
            ignored = shutil.ignore_patterns(*NOT_COPIED)
            shutil.copytree(_blank(), data, ignore=ignored, dirs_exist_ok=True)
        super().__init__(args, **more)


@cache
def _blank() -> str:
    directory = tempfile.TemporaryDirectory(prefix="gatepost-blank-")
    atexit.register(directory.cleanup)
    fork_server.run([sys.executable, "-c", _MAKE, directory.name], check=True)
    return directory.name
