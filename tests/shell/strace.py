"""System calls of a running process, in order, from strace."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60.0
CALLS = "trace=write,writev,pwrite64,fdatasync,fsync,pwritev2,sendto,sendmsg"
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_RESULT = re.compile(r"\) += (-?\d+)")
_PATH = re.compile(r"^\d+<([^>]*)>")


@dataclass(slots=True)
class Call:
    """One call: the file it is on, its arguments as text, the lines of its beginning and end."""

    name: str
    path: str
    arguments: str
    begin: int
    end: int = field(default=1 << 62)
    """A call without an end is later than everything."""
    result: int | None = None


def parse_trace(text: str) -> list[Call]:
    """Return the calls of a trace (``strace -f -y``), in the order of their beginning."""
    calls: list[Call] = []
    unfinished: dict[tuple[str, str], Call] = {}
    for number, line in enumerate(text.splitlines()):
        if match := _CALL.match(line):
            path = _PATH.match(match[3])
            call = Call(match[2], path[1] if path else "", match[3], number)
            calls.append(call)
            if line.endswith("<unfinished ...>"):
                unfinished[match[1], match[2]] = call
                continue
        elif match := _RESUMED.match(line):
            call = unfinished.pop((match[1], match[2]))
        else:
            continue
        call.end = number
        result = _RESULT.search(match[3])
        call.result = int(result[1]) if result else None
    return calls


@contextmanager
def attached(pid: int, log: Path, *options: str) -> Iterator[None]:
    """Trace a process and all its threads during the ``with``."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-s", "4200", "-o", str(log), "-p", str(pid), *options],
        stderr=subprocess.PIPE,
    )
    assert tracer.stderr is not None
    with tracer, tracer.stderr:
        line = tracer.stderr.readline()
        try:
            assert b"attached" in line, line
            yield
        finally:
            tracer.terminate()  # detaches, and the process continues
            tracer.wait(PATIENCE)
