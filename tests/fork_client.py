"""``gatepost`` for a shell: has ``tests.fork_server`` fork a process with this one's streams.

It needs no site-packages, and imports only what is built in, so that it starts at once itself.
"""

import os
import sys
from _socket import AF_UNIX, MSG_WAITALL, SCM_RIGHTS, SOL_SOCKET, socket
from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from signal import SIGHUP, SIGINT, SIGTERM, signal
    from types import FrameType
else:
    from _signal import SIGHUP, SIGINT, SIGTERM, signal

NUMBER = Struct("=i")
"""A size, a process, or a status, as they go over the connection."""


STREAMS = (0, 1, 2)
"""Standard input, output and error."""


def encode(
    command: "Sequence[str]", environment: "Mapping[str, str]", cwd: str, has_session: bool,
    descriptors: "Sequence[int]" = STREAMS,
) -> bytes:  # fmt: skip
    """Return a request to run this command; ``descriptors`` are the numbers that what is sent with
    it has there."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    numbers = " ".join(map(str, descriptors))
    session = "session" if has_session else ""
    words = [numbers, session, cwd, str(len(command)), *command, *variables]
    return os.fsencode("\0".join(words))


def send(connection: socket, request: bytes, descriptors: "Sequence[int]") -> None:
    """Send the request with what the process shall have open."""
    octets = b"".join(map(NUMBER.pack, descriptors))
    connection.sendmsg([NUMBER.pack(len(request))], [(SOL_SOCKET, SCM_RIGHTS, octets)])
    connection.sendall(request)


def main(address: str, *command: str) -> int:
    """Run a command with the streams of this process, and return its exit status."""
    connection = socket(AF_UNIX)
    connection.connect(address)
    cwd = os.getcwd()  # noqa: PTH109 - pathlib takes long to import
    send(connection, encode(command, os.environ, cwd, has_session=False), STREAMS)
    pid = NUMBER.unpack(connection.recv(NUMBER.size, MSG_WAITALL))[0]

    def forward(number: int, _: "FrameType | None") -> None:
        os.kill(pid, number)

    for number in (SIGINT, SIGTERM, SIGHUP):
        signal(number, forward)
    return os.waitstatus_to_exitcode(NUMBER.unpack(connection.recv(NUMBER.size, MSG_WAITALL))[0])


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
