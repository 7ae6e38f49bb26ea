"""``python -m accuracy.collect``: collects what clients write when the emulator refuses them.

The proofs of the fixes run programs that fail for a cause that is known. Their output is what users
paste, so it trains the ranking, as ``cases/emulated.jsonl``. Needs what ``make compliance`` needs.
"""

import json
import re
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from accuracy.sources import EMULATED
from tests.clients.remedies.grounds import Ground
from tests.clients.remedies.proof import Case, Prover

_HOUSE: Final = Path(__file__).parent.parent
_LOCAL_PATH: Final = re.compile(
    rf"(?:{re.escape(str(_HOUSE))}|{re.escape(tempfile.gettempdir())}|/dev/shm|/var/tmp|{re.escape(sys.prefix)})"
    r"(?:/[\w.+@-]+)*/(?=[\w.+@-])"
)
"""Paths of the machine that collects; only the names of the files say something."""
_OWN_NAME: Final = re.compile(rf"\b{re.escape(socket.gethostname())}\b")


class Collector:
    """A plugin of pytest that keeps the output of every broken program."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}

    def pytest_configure(self) -> None:
        """Listen to the proofs."""
        judge = Prover.named

        def listen(prover: Prover, case: Case, ground: Ground, output: str) -> list[str]:
            self._keep(prover, case, output, prover.server(case, ground))
            return judge(prover, case, ground, output)

        pytest.MonkeyPatch().setattr(Prover, "named", listen)

    def _keep(self, prover: Prover, case: Case, output: str, server: str) -> None:
        if case.told_by != "log":
            return
        name = f"{prover.library}-{case.cause}"
        paste = _OWN_NAME.sub("client.example", _LOCAL_PATH.sub("/tmp/x/", output))  # noqa: S108
        self.rows[name] = {
            "id": name, "cause": case.cause, "client": prover.client, "server": server,
            "paste": paste.strip("\n"),
        }  # fmt: skip

    def write(self, path: Path) -> None:
        """Write the cases, one a line."""
        rows: list[Any] = [self.rows[name] for name in sorted(self.rows)]
        lines = (json.dumps(each, ensure_ascii=False) for each in rows)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def main() -> int:
    """Run the proofs, whatever the doctor says, and write the cases."""
    collector = Collector()
    proofs = str(_HOUSE / "tests" / "clients" / "remedies")
    pytest.main(["-q", "-m", "compliance", "--tb=no", proofs, *sys.argv[1:]], [collector])
    collector.write(EMULATED)
    print(f"{len(collector.rows)} cases in {EMULATED}")
    return 0 if collector.rows else 1


if __name__ == "__main__":
    sys.exit(main())
