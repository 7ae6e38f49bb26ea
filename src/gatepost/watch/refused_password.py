"""Remembers, also for later processes, which password was refused, and until when it is not sent
again.

What is stored cannot be used to sign in, and is slow to guess from (scrypt, RFC 7914).
"""

import contextlib
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gatepost.model.secret import Secret
from gatepost.net.atomic_files import write_file

PAUSE: Final = timedelta(days=1)
"""How long a refused password is not sent again, because repeated attempts lock an account."""
_NAME: Final = "refused"
_MOST: Final = 4_096


class RefusedPassword:
    """The refused password of one upstream, in its directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._record: dict[str, Any] = {}

    def remember(self) -> None:
        """Read what was stored before this start; damaged content is ignored."""
        with (
            contextlib.suppress(OSError, ValueError, RecursionError),
            self._path.open("rb") as file,
        ):
            record = json.loads(file.read(_MOST))
            if isinstance(record, dict) and all(isinstance(each, str) for each in record.values()):
                self._record = record

    def matches(self, password: Secret) -> bool:
        """Tell whether exactly this password was refused within PAUSE."""
        try:
            left = datetime.fromisoformat(self._record["until"]) - datetime.now(UTC)
            salt, digest = (bytes.fromhex(self._record[each]) for each in ("salt", "digest"))
        except (KeyError, ValueError, TypeError):
            return False
        in_time = timedelta(0) < left <= PAUSE
        return in_time and hmac.compare_digest(_digest(password, salt), digest)

    def begin(self, password: Secret) -> None:
        """Store that it was refused just now. Raises OSError, but this process remembers it."""
        salt = os.urandom(16)
        self._record = {
            "until": (datetime.now(UTC) + PAUSE).isoformat(timespec="seconds"),
            "salt": salt.hex(),
            "digest": _digest(password, salt).hex(),
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._path, json.dumps(self._record).encode())

    def end(self) -> None:
        """Forget it, because a password was accepted. Raises OSError."""
        if self._record:
            self._record = {}
            self._path.unlink(missing_ok=True)


def _digest(password: Secret, salt: bytes) -> bytes:
    raw = password.reveal().encode("utf-8", "surrogateescape")
    return hashlib.scrypt(raw, salt=salt, n=2**14, r=8, p=1)
