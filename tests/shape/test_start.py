"""The cost of a start, and the modules that it loads: in fresh interpreters, best of several."""

import json
import math
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.clients.servers import AIOSMTPD, PASSWORD, USERNAME, running

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
TRIES = 20  # other work on the machine only adds, so the best of many is the truth
IMPORTS = "import asyncio, email.message, logging.config, ssl, tomllib, urllib.request"
REFERENCE = [sys.executable, "-c", IMPORTS]
"""Takes some 70 ms."""


def cpu_time(command: Sequence[str]) -> float:
    """Return the seconds of CPU that a command uses, which other processes do not change."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def is_within(factor: float, command: Sequence[str]) -> bool:
    """Return whether a command takes less than ``factor`` times what REFERENCE does, which is as
    slow on a slow or busy machine."""
    standard, best = math.inf, math.inf
    for _ in range(TRIES):
        standard, best = min(standard, cpu_time(REFERENCE)), min(best, cpu_time(command))
        if best < factor * standard:
            return True
    return False


def loaded_by(program: str) -> set[str]:
    """Return the names of the modules in ``sys.modules`` once `program` has run."""
    script = f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return set(json.loads(run.stdout))


def third_party(modules: set[str]) -> set[str]:
    """Return modules of neither Python nor this project; ``_x`` and ``__x__`` belong to the
    start."""
    known = sys.stdlib_module_names | loaded_by("") | {"gatepost"}
    packages = {name.partition(".")[0] for name in modules}
    return {name for name in packages if name not in known and not name.startswith("_")}


def test_the_library_loads_no_asyncio() -> None:
    assert "asyncio" not in loaded_by("import gatepost")


def test_a_relay_loads_no_web_server_no_pages_and_no_driver_of_a_database(tmp_path: Path) -> None:
    """Before the first connection to its console, and with a store of its own."""
    program = f"""
import asyncio, pathlib
import gatepost.app.run, gatepost.app.store_opening, gatepost.cli.up, gatepost.config.preset

async def main():
    gatepost.app.store_opening.open_watched(pathlib.Path({str(tmp_path)!r}))[0].close()

asyncio.run(main())
"""
    late = {
        "uvicorn", "starlette", "h11", "psycopg", "psycopg_binary", "jinja2", "nh3",
        "gatepost.console", "gatepost.app.console_faces",
    }  # fmt: skip
    assert not loaded_by(program) & late


CONSOLE = """
import asyncio, contextlib, json, os, pathlib, signal, sys, urllib.request
from gatepost.cli.main import main

class Ahead(asyncio.SelectorEventLoop):
    ahead = 0.0

    def time(self):
        return super().time() + self.ahead

async def visit(loop):
    try:
        while not pathlib.Path({data!r}, "ready.json").exists():
            await asyncio.sleep(0.01)
        loop.ahead = 30.0
        await asyncio.sleep(0.01)
        ready = json.loads(pathlib.Path({data!r}, "ready.json").read_text())
        for path in {paths!r}:
            await asyncio.to_thread(urllib.request.urlopen, ready["mailbox_api"] + path)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)

def make_loop():
    loop = Ahead()
    loop.visit = loop.create_task(visit(loop))
    return loop

asyncio.events.new_event_loop = make_loop
sys.modules["uvloop"] = None
free = [word for name in ("smtp", "smtps", "console") for word in ("--" + name, "127.0.0.1:0")]
with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
    main(["up", "--data", {data!r}, "--https", "off", "--http", "off", *free])
"""
"""Runs a relay for half a minute of its own clock, and then asks its console for some paths."""


def test_a_console_that_nobody_opens_loads_nothing(tmp_path: Path) -> None:
    modules = loaded_by(CONSOLE.format(data=str(tmp_path), paths=[]))
    assert "gatepost.app.console" in modules
    assert not modules & {"starlette.routing", "uvicorn", "jinja2", "gatepost.app.console_faces"}


def test_the_mailbox_api_loads_no_pages_no_sanitiser_and_no_delivery(tmp_path: Path) -> None:
    modules = loaded_by(CONSOLE.format(data=str(tmp_path), paths=["/livez", "/api/v1/messages"]))
    assert "gatepost.rest.mailbox" in modules
    assert not modules & {"jinja2", "nh3", "gatepost.app.release", "gatepost.relay.deliverer"}


SEND = """
import gatepost
receipt = gatepost.send(
    b"From: <a@example.com>\\r\\nTo: <b@example.net>\\r\\n\\r\\nHello\\r\\n",
    "localhost:{port}", {username!r}, {password!r}, tls=gatepost.Tls(ca_file={ca_file!r}),
)
"""


def test_sending_needs_the_standard_library_alone(tmp_path: Path) -> None:
    with running(AIOSMTPD, tmp_path, ["LOGIN"]) as server:
        program = SEND.format(
            port=server.port, ca_file=server.ca_file, username=USERNAME, password=PASSWORD
        )
        modules = loaded_by(program)
        assert server.next_message()["tls"] is True
    assert third_party(modules) == set()
    assert "asyncio" not in modules


def test_the_library_is_imported_in_60_ms() -> None:
    """On a machine that is idle; of these, Python itself takes a third."""
    assert is_within(0.9, [sys.executable, "-c", "import gatepost"])


def test_help_comes_in_100_ms() -> None:
    assert is_within(1.4, [GATEPOST, "--help"])


PASTE = """\
CLIENT -> SERVER: EHLO web
SERVER -> CLIENT: 250-mail.example.com
                  250 AUTH LOGIN
CLIENT -> SERVER: AUTH PLAIN AGFubgBub3QtbXktcGFzc3dvcmQ=
SERVER -> CLIENT: 504 5.7.4 Unrecognized authentication type
SMTP Error: Could not authenticate.
"""


def test_a_pasted_log_is_answered_at_once(tmp_path: Path) -> None:
    """In less than 200 ms of an idle machine."""
    path = tmp_path / "mail.log"
    path.write_text(PASTE)
    answer = [GATEPOST, "doctor", "--log", str(path)]
    assert is_within(3, answer)
