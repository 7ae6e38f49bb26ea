"""The destination of relayed mail: Postfix's smtp-sink, which counts messages and stores
nothing."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compliance.jail import free_ports

STARTED = 10.0
_COUNT = re.compile(rb"mesg=(\d+)")
_TAIL = 200
"""Octets at the end of its output that contain the last count."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running smtp-sink."""

    pid: int
    port: int
    output: Path

    @property
    def count(self) -> int:
        """The number of messages that it has accepted."""
        with self.output.open("rb") as output:
            output.seek(max(0, self.output.stat().st_size - _TAIL))
            found = _COUNT.findall(output.read())
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, seconds: float) -> bool:
        """Tell whether it has accepted so many in time."""
        deadline = time.monotonic() + seconds
        while self.count < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)  # the file is read each time, and we share the processor
        return True


@contextmanager
def running_sink(home: Path) -> Iterator[Sink]:
    """Run a sink during a ``with``. ``home`` must exist."""
    [port], output = free_ports(1), home / "sink"
    command = ["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{port}", "1024"]
    with output.open("wb") as file, subprocess.Popen(command, stdout=file) as process:
        try:
            _wait_listening(port)
            yield Sink(process.pid, port, output)
        finally:
            process.kill()


def _wait_listening(port: int) -> None:
    """Wait without a connection, which would be counted, by the kernel's table of sockets."""
    wanted = f":{port:04X} 00000000:0000 0A"
    deadline = time.monotonic() + STARTED
    while wanted not in Path("/proc/net/tcp").read_text():
        if time.monotonic() > deadline:
            raise TimeoutError("smtp-sink did not come up")
        time.sleep(0.01)
