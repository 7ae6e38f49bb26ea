"""What is asked in a hurry: one question to a running relay, without loading an event loop."""

from pathlib import Path
from typing import Final

import msgspec

from gatepost.net.local import ask

SOCKET: Final = "control.sock"
"""In the data directory; only its owner can open it."""
OK: Final = "ok"


def ask_count(data: Path) -> int:
    """Return how many messages the relay of ``data`` has captured.

    Raises NetworkError when no relay runs there, msgspec.MsgspecError when it does not know.
    """
    frame = msgspec.msgpack.encode((1, "count", ()))
    _, outcome, number = msgspec.msgpack.decode(ask(data / SOCKET, frame), type=_ANSWER)
    if outcome != OK:
        raise msgspec.DecodeError("the relay does not know")
    return number


_ANSWER: Final = tuple[int, str, int]
