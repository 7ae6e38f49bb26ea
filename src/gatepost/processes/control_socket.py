"""The control socket of a relay, and one query over it that needs no event loop.

``ask_count`` encodes MessagePack by hand: loading asyncio and msgspec takes longer than the query.
"""

from pathlib import Path
from typing import Final

from gatepost.errors import Disconnected
from gatepost.net.unix_socket import ask

SOCKET: Final = "control.sock"
"""Name of the socket in the data directory; only the owner of the directory can open it."""
OK: Final = "ok"

_COUNT: Final = b"\x93\x01\xa5count\x90"
"""``[1, "count", []]`` in MessagePack."""
_ANSWER: Final = b"\x93\x01\xa2ok"
"""The beginning of ``[1, "ok", number]``."""
_WIDE: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
"""Octets of an unsigned number by its prefix; numbers up to 0x7f have no prefix."""


def ask_count(data: Path) -> int:
    """Return the number of messages captured by the relay that runs in ``data``.

    Raises NetworkError if no relay runs there, or its answer is not a number.
    """
    answer = ask(data / SOCKET, _COUNT)
    kind, number = answer[len(_ANSWER) : len(_ANSWER) + 1], answer[len(_ANSWER) + 1 :]
    if answer.startswith(_ANSWER) and kind:
        if kind[0] <= 0x7F and not number:
            return kind[0]
        if len(number) == _WIDE.get(kind[0]):
            return int.from_bytes(number, "big")
    raise Disconnected("the relay does not know")
