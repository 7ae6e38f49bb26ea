"""A reader at a terminal: runs the commands of a page, and compares their output with the page."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import IO, Any, Final, Self

from tests import fork_server
from tests.docs.pages import ROOT, Block
from tests.loopback import free_port

BIN: Final = Path(sys.executable).parent
PATIENCE: Final = 240.0
OURS: Final = (2526, 9587)
"""Ports on the pages that no relay listens on: their commands take free ones, too."""
PORTS: Final = {"smtp": 2587, "smtps": 2465, "https": 2443, "http": 2480, "console": 8025}
"""The pages use the default ports; here the relay takes free ones."""
_ADDRESS: Final = re.compile(r"(?<=address = \")127\.0\.0\.1:(\d+)")
_END: Final = "--- end of the command, status"
_PYTEST: Final = (
    "-p no:schemathesis -p no:hypothesispytest "  # tools of ours alone
    "-W 'ignore:Module already imported'"  # as it is in a fork
)
_BLOCK: Final = "example.py"
_PRINTED: Final = re.compile(r"print\(.*  # (.+)$", re.MULTILINE)
"""The expected output of a line of Python is in the comment behind it."""


class Surprise(AssertionError):
    """The page and the program differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block, and the output on the page (empty: any)."""

    command: str
    answer: str


def steps(block: str) -> Iterator[Step]:
    """Yield the commands: the text after ``$``, with continued lines."""
    command, answer = "", ""
    for line in block.splitlines():
        if command.endswith("\\"):
            command += f"\n{line}"
        elif line.startswith("$ "):
            if command:
                yield Step(command, answer)
            command, answer = line[2:], ""
        else:
            answer += f"{line.rstrip()}\n"
    yield Step(command, answer)


def agrees(shown: str, said: str) -> bool:
    """True if ``said`` matches the page; ``...`` matches anything, alone on a line any lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else r".*?".join(map(re.escape, line.split("...")))
        + r"\n"
        for line in shown.rstrip("\n").split("\n")
    )  # fmt: skip
    plain = "".join(f"{line.rstrip()}\n" for line in said.strip("\n").split("\n"))
    return re.fullmatch(pattern, plain) is not None


@dataclass
class Reader:
    """Follows a page in its own directory."""

    home: Path
    _bash: "subprocess.Popen[str]"
    _relays: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    _actual: dict[int, int] = field(default_factory=dict)
    """The relay's port for each port of the pages."""

    @classmethod
    def start(cls, home: Path) -> Self:
        """Open a shell in ``home``."""
        kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        environment = kept | {
            "PATH": f"{fork_server.programs()}:{BIN}:{os.environ['PATH']}",
            "HOME": str(home), "COLUMNS": "80",
            "PYTEST_ADDOPTS": _PYTEST,
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod",
            "GOCACHE": str(Path.home() / ".cache" / "go-build"),
            "NODE_PATH": str(ROOT / "tests" / "clients" / "node" / "node_modules"),
        }  # fmt: skip
        bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=home, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return cls(home, bash, _actual={port: free_port() for port in OURS})

    def follow(self, block: Block) -> None:
        """Run the block. Raises Surprise."""
        text = self._translate(block.text)
        if block.file:
            (self.home / block.file).write_text(text)
        elif block.language == "python":
            (self.home / _BLOCK).write_text(text)
            said, status = self._run(f"python3 {_BLOCK}")
            shown = "".join(f"{each}\n" for each in _PRINTED.findall(block.text))
            self._compare(f"python, line {block.line}", shown, said)
            self._expect(f"python, line {block.line}", said, status, 0)
        else:
            done = list(steps(block.text))
            for step in done:
                said, status = self._do(self._translate(step.command))
                self._compare(step.command, step.answer, said)
                self._expect(step.command, said, status, block.exit if step is done[-1] else 0)

    def _do(self, command: str) -> tuple[str, int]:
        if command.startswith("gatepost up"):
            return self._up(command)
        if command.startswith("gatepost serve "):
            return self._serve(command)
        if command.startswith("make "):
            return self._make(command.split()[1])
        return self._run(command)

    def _compare(self, command: str, shown: str, said: str) -> None:
        said = self._translate_back(said)
        if shown.strip() and not agrees(shown, said):
            raise Surprise(f"$ {command}\n-- the page shows\n{shown}-- it says\n{said}")

    def _expect(self, command: str, said: str, status: int, expected: int) -> None:
        if status != expected:
            raise Surprise(f"$ {command}\nexits {status}, not {expected}, and says\n{said}")

    def _run(self, command: str) -> tuple[str, int]:
        """Run one command in the shell; return its output and exit status."""
        bash = self._bash
        assert bash.stdin is not None
        assert bash.stdout is not None
        bash.stdin.write(f'eval {shlex.quote(command)} </dev/null\necho "\n{_END} $?"\n')
        bash.stdin.flush()
        guard = Timer(PATIENCE, bash.kill)
        guard.start()
        try:
            return self._read(bash.stdout, command)
        finally:
            guard.cancel()

    def _read(self, output: IO[str], command: str) -> tuple[str, int]:
        said = ""
        for line in output:
            if line.startswith(_END):
                return said.removesuffix("\n"), int(line.rsplit(" ", 1)[1])
            said += line
        raise Surprise(f"$ {command}\nended the shell, or took longer than {PATIENCE} s:\n{said}")

    def _make(self, target: str) -> tuple[str, int]:
        """Run the demonstration; only check that other targets exist."""
        if target == "demo":
            return self._run(f"(cd {shlex.quote(str(ROOT))} && python3 -m demo)")
        if not re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE):
            raise Surprise(f"the Makefile has no target {target}")
        return "", 0

    def _up(self, command: str) -> tuple[str, int]:
        """Start a relay in the background, on free ports unless the page names some."""
        words = shlex.split(command)
        kept = words[words.index(">") + 1 :] if ">" in words else []
        words = words[: words.index(">")] if kept else words
        free = () if "--smtp" in words else [name for name in PORTS if f"--{name}" not in words]
        places = [f"--{name}=localhost:0" for name in free]
        data = self.home / (words[words.index("--data") + 1] if "--data" in words else ".gatepost")
        output = self.home / (kept[0] if kept else f"up-{len(self._relays)}.txt")
        with output.open("wb") as log:
            relay = fork_server.Popen(
                [BIN / words[0], *words[1:], *places], cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._relays.append(relay)
        ready = self._wait_ready(data / "ready.json", relay)
        if ready is None:
            self._relays.remove(relay)
            return output.read_text(), relay.wait()
        for name in free:
            served = ready[name] if isinstance(ready[name], dict) else {"url": ready[name]}
            self._actual[PORTS[name]] = served.get("port") or int(served["url"].split(":")[2])
        return self._wait_announced(output), 0

    def _serve(self, command: str) -> tuple[str, int]:
        """Start a relay in the background; its listeners get free ports, too."""
        words = shlex.split(command)
        config = self.home / words[words.index("--config") + 1]
        text = config.read_text()
        documented = [int(port) for port in _ADDRESS.findall(text)]
        config.write_text(_ADDRESS.sub("127.0.0.1:0", text))
        output = self.home / "serve.txt"
        with output.open("wb") as log:
            relay = fork_server.Popen(
                [BIN / words[0], *words[1:]], cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._relays.append(relay)
        data = self.home / tomllib.loads(text)["storage"]["directory"]
        ready = self._wait_ready(data / "ready.json", relay)
        if ready is None:
            self._relays.remove(relay)
            return output.read_text(), relay.wait()
        ports = [each["port"] for each in ready["listeners"] if "port" in each]
        self._actual.update(zip(documented, ports, strict=True))
        deadline = time.monotonic() + PATIENCE
        while "Gatepost serves" not in output.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        return output.read_text(), 0

    def _wait_ready(self, path: Path, relay: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
        deadline = time.monotonic() + PATIENCE
        while relay.poll() is None and time.monotonic() < deadline:
            if path.exists():
                ready: dict[str, Any] = json.loads(path.read_text())
                if ready["pid"] == relay.pid:
                    return ready
            time.sleep(0.02)
        return None

    def _wait_announced(self, output: Path) -> str:
        deadline = time.monotonic() + PATIENCE
        while "ready" not in output.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        return output.read_text()

    def _translate(self, text: str) -> str:
        for documented, actual in self._actual.items():
            text = re.sub(rf"\b{documented}\b", str(actual), text)
        return text

    def _translate_back(self, text: str) -> str:
        for documented, actual in reversed(self._actual.items()):  # who has a port got it last
            text = re.sub(rf"\b{actual}\b", str(documented), text)
        return text

    def leave(self) -> None:
        """Stop all processes; a relay must end without an error."""
        with self._bash:
            self._bash.kill()
        for relay in self._relays:
            relay.send_signal(signal.SIGTERM)
        for relay in self._relays:
            try:
                status = relay.wait(PATIENCE)
            finally:
                relay.kill()
            assert status == 0, f"gatepost up ended with {status}"


@contextmanager
def reader(home: Path) -> Iterator[Reader]:
    """Yield a reader, and let it leave at the end."""
    someone = Reader.start(home)
    try:
        yield someone
    finally:
        someone.leave()
