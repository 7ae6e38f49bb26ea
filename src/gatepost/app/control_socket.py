"""What is asked in a hurry: one question to a running relay.

No event loop is loaded, and no library for MessagePack: both take longer than the answer.
"""

from pathlib import Path
from typing import Final

from gatepost.errors import Disconnected
from gatepost.net.unix_socket import ask

SOCKET: Final = "control.sock"
"""In the data directory; only its owner can open it."""
OK: Final = "ok"

_COUNT: Final = b"\x93\x01\xa5count\x90"
"""``[1, "count", []]`` in MessagePack."""
_ANSWER: Final = b"\x93\x01\xa2ok"
"""How ``[1, "ok", number]`` begins."""
_WIDE: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
"""Octets of an unsigned number by what stands in front of it; up to 0x7f it stands for itself."""


def ask_count(data: Path) -> int:
    """Return how many messages the relay of ``data`` has captured.

    Raises NetworkError when no relay runs there, or it does not know.
    """
    answer = ask(data / SOCKET, _COUNT)
    kind, number = answer[len(_ANSWER) : len(_ANSWER) + 1], answer[len(_ANSWER) + 1 :]
    if answer.startswith(_ANSWER) and kind:
        if kind[0] <= 0x7F and not number:
            return kind[0]
        if len(number) == _WIDE.get(kind[0]):
            return int.from_bytes(number, "big")
    raise Disconnected("the relay does not know")
