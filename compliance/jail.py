"""A root directory for a mail server that Debian cannot install besides another one.

``compliance/install.sh`` unpacks the package; this module copies its binary, the system libraries
that it needs and a few files that every program reads into one directory, and runs it there with
``chroot``. The server finds its compiled-in paths and users, several can run at the same time, and
nothing of the system is written. Needs root.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNPACKED: Final = Path("/var/cache/gatepost-compliance")
PATIENCE: Final = 90.0
PORTS: Final = 15_000, 32_000
NOBODY_ELSE: Final = 60_000
"""The first id of the users in a jail, which no user outside has."""


@dataclass(frozen=True, slots=True)
class Jail:
    """A directory that is the root directory of a server."""

    root: Path

    @classmethod
    def make(cls, root: Path, users: Sequence[str] = ()) -> "Jail":
        """Create it with these system users, each with a group of its own name."""
        for name in ("etc", "dev", "tmp", "run", "var/log", "var/spool", "tls"):
            (root / name).mkdir(parents=True)
        root.chmod(0o755)
        (root / "tmp").chmod(0o1777)
        (root / "var/run").symlink_to("../run")
        for name, minor in (("null", 3), ("urandom", 9)):
            device = root / "dev" / name
            os.mknod(device, 0o020666, os.makedev(1, minor))
            device.chmod(0o666)
        ids = [(name, NOBODY_ELSE + number) for number, name in enumerate(users)]
        everybody = [("root", 0), *ids]
        jail = cls(root)
        jail.write(
            "etc/passwd", _lines([f"{n}:x:{i}:{i}::/:/usr/sbin/nologin" for n, i in everybody])
        )
        jail.write("etc/group", _lines([f"{n}:x:{i}:" for n, i in everybody]))
        jail.write("etc/hosts", "127.0.0.1 localhost\n")
        jail.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        jail.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
        jail.write("etc/services", "smtp 25/tcp\nsubmission 587/tcp\nsubmissions 465/tcp\n")
        return jail

    def write(self, path: str, text: str) -> Path:
        """Write a file; return its path outside."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def bring(self, source: Path, path: str) -> None:
        """Copy a file into it, and the libraries of a program."""
        goal = self.root / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, goal)
        if not os.access(source, os.X_OK):
            return
        said = subprocess.run(["ldd", source], stdout=subprocess.PIPE, check=True, text=True)
        for line in said.stdout.splitlines():
            for word in line.split():
                if word.startswith("/"):
                    _link(Path(word).resolve(), self.root / word.lstrip("/"))

    def command(self, *arguments: str) -> list[str]:
        """Return the command that starts a program in the jail."""
        return ["chroot", str(self.root), *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a server in the foreground; its output goes to ``var/log/output``."""
        with (self.root / "var/log/output").open("ab") as output:
            return subprocess.Popen(
                self.command(*arguments),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env={"PATH": "/usr/sbin:/usr/bin"},
            )  # fmt: skip

    def log(self) -> str:
        """Return everything that was logged."""
        files = sorted(path for path in (self.root / "var/log").rglob("*") if path.is_file())
        return "\n".join(path.read_text(errors="replace") for path in files)


def unpacked(package: str) -> Path:
    """Return the directory with the files of a package. Raises FileNotFoundError."""
    home = UNPACKED / package
    if not home.is_dir():
        raise FileNotFoundError(f"{package} is not unpacked: run compliance/install.sh")
    return home


def wait_greeting(port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until a server sends 220. Raises TimeoutError, or if the process has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1) as connection,
        ):
            if connection.recv(3) == b"220":
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody greets at port {port}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server and its child processes; it leads a session of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


def free_ports(number: int) -> list[int]:
    """Return ports that were free just now, because these servers cannot choose a free one.

    They are below those that the system gives to clients, so that no connection uses one meanwhile.
    """
    probes: list[socket.socket] = []
    try:
        while len(probes) < number:
            with contextlib.suppress(OSError):
                probes.append(socket.create_server(("127.0.0.1", random.randrange(*PORTS))))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _link(source: Path, goal: Path) -> None:
    if goal.exists():
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, goal)
    except OSError:  # another file system
        shutil.copy2(source, goal)


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
