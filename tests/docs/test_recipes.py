"""Examples that need a CI service, Docker or PHP: their files are run with stand-ins for these.

Neither Docker nor .NET can be installed here. Of Docker, files are parsed, and commands run as
processes. Of C#, the names in the examples are checked, and their requests are made as they stand
there.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from gatepost.cli.env import smtp_variables
from gatepost.testing import Emulator
from tests import fork_server
from tests.clients.node.packages import HERE, NODE, needs_node
from tests.docs.pages import ROOT, Page, read_page
from tests.shell.processes import is_alive
from tests.shell.serve_process import wait_for
from tests.shell.test_up import signed_in

HOW_TO: Final = ROOT / "docs" / "how-to"
PATIENCE: Final = 120.0
ANYWHERE: Final = "--smtp 127.0.0.1:0 --smtps off --https off --http off --console 127.0.0.1:0"
PHP: Final = shutil.which("php")
ILLUMINATE: Final = Path("/usr/share/php/Illuminate/Mail")

STAND_IN: Final = '''
"""A container that is a process of this machine: /mail is a folder, and ports are its own."""

import json
import shlex
import subprocess
from pathlib import Path


class DockerContainer:
    def __init__(self, image):
        self.home = Path("mail").absolute()

    def with_exposed_ports(self, *ports):
        self.exposed = ports

    def with_command(self, command):
        self.command = command.replace("/mail", str(self.home))
        for port in self.exposed:
            assert f"0.0.0.0:{port}" in self.command
            self.command = self.command.replace(f"0.0.0.0:{port}", "127.0.0.1:0")

    def start(self):
        with open("log", "w") as log:
            self.process = subprocess.Popen(["gatepost", *shlex.split(self.command)], stdout=log)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def exec(self, command):
        command = [each.replace("/mail", str(self.home)) for each in command]
        done = subprocess.run(command, capture_output=True)
        return done.returncode, done.stdout

    def get_container_host_ip(self):
        return "localhost"

    def get_exposed_port(self, port):
        ready = json.loads((self.home / "ready.json").read_text())
        console = int(ready["console"].rpartition(":")[2])
        return str({2587: ready["smtp"]["port"], 8025: console}[port])
'''
WAITING: Final = """
import time


def wait_for_logs(container, text, timeout):
    deadline = time.monotonic() + timeout
    while text not in open("log").read():
        assert time.monotonic() < deadline
        time.sleep(0.05)
"""


def page(name: str) -> Page:
    return read_page(HOW_TO / f"{name}.md")


def file_of(name: str, file: str) -> str:
    """Return a file that a page shows."""
    [text] = [each.text for each in page(name).blocks() if each.file == file]
    return text


def environment(**more: str) -> dict[str, str]:
    """Return that of a shell whose commands are those of this environment."""
    own = Path(sys.executable).parent
    path = f"{fork_server.programs()}:{own}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **more}


def shell(command: str, home: Path, **variables: str) -> str:
    """Return what a shell prints that stops at the first failure."""
    done = subprocess.run(
        ["bash", "-ec", command], cwd=home, env=environment(**variables), text=True,
        stdout=subprocess.PIPE, timeout=PATIENCE, check=True,
    )  # fmt: skip
    return done.stdout


@contextmanager
def in_background(arguments: list[str], home: Path) -> Iterator[None]:
    """Run a server during the ``with``."""
    with subprocess.Popen(arguments, cwd=home, env=environment()) as process:
        try:
            yield
        finally:
            process.terminate()


class TestGitHubActions:
    """The steps of a job, run one after another as the service does."""

    def test_the_job_passes(self, tmp_path: Path) -> None:
        [job] = yaml.safe_load(file_of("github-actions", "mail.yaml"))["jobs"].values()
        commands = [each for each in job["steps"] if "run" in each]
        assert [each["name"] for each in commands][:2] == ["Install Gatepost", "Start Gatepost"]
        passed_on = tmp_path / "github_env"
        passed_on.touch()
        try:
            for step in commands[1:]:
                lines = passed_on.read_text().splitlines()
                variables = dict(each.split("=", 1) for each in lines)
                command = step["run"].replace("gatepost up", f"gatepost up {ANYWHERE}")
                said = shell(command, tmp_path, GITHUB_ENV=str(passed_on), **variables)
                if step["name"] == "Test":
                    assert "accepted" in said
                    assert variables["GATEPOST_PASSWORD"]
                    assert Path(variables["SSL_CERT_FILE"]).is_absolute()
        finally:
            ready = json.loads((tmp_path / ".gatepost" / "ready.json").read_text())
            os.kill(ready["pid"], signal.SIGTERM)
            wait_for(lambda: not is_alive(ready["pid"]))

    def test_the_check_of_a_file_fails_if_it_must(self, tmp_path: Path) -> None:
        [job] = yaml.safe_load(file_of("github-actions", "check.yaml"))["jobs"].values()
        command = job["steps"][-1]["run"]
        (tmp_path / ".env.example").write_text("MAIL_HOST=smtp.azurecomm.net\nMAIL_PORT=465\n")
        with pytest.raises(subprocess.CalledProcessError):
            shell(command, tmp_path)


def test_compose(tmp_path: Path) -> None:
    """Each command of the file, with a folder instead of the volume."""
    services = yaml.safe_load(file_of("compose", "compose.yaml"))["services"]
    assert "ENTRYPOINT" in file_of("compose", "gatepost.Dockerfile")
    mail, home = services["mail"], str(tmp_path / "mail")

    def here(text: str) -> str:
        return text.replace("/mail", home)

    up = [here(each).replace("0.0.0.0:2587", "127.0.0.1:0") for each in mail["command"]]
    up = [each.replace("0.0.0.0:8025", "127.0.0.1:0") for each in up]
    with in_background(["gatepost", *up], tmp_path):
        wait_for((tmp_path / "mail" / "ready.json").exists)
        ready = json.loads((tmp_path / "mail" / "ready.json").read_text())
        kind, python, dash, code = mail["healthcheck"]["test"]
        assert (kind, dash) == ("CMD", "-c")
        # on loopback the console has no TLS
        code = here(code).replace("https://localhost:8025", ready["console"])
        subprocess.run([python, dash, code], env=environment(), timeout=PATIENCE, check=True)
        [settings] = services["mail-settings"]["command"]
        shell(here(settings), tmp_path)
    start = services["app"]["entrypoint"]
    said = subprocess.run(
        [*map(here, start), "env"], capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert "GATEPOST_SMTP_HOST=mail\n" in said
    assert f"SSL_CERT_FILE={home}/" in said
    assert (tmp_path / "mail" / "env").stat().st_mode & 0o077 == 0


def test_testcontainers(tmp_path: Path) -> None:
    """The class and the test of the page, with a container that is a process of this machine."""
    core = tmp_path / "testcontainers" / "core"
    core.mkdir(parents=True)
    (core / "container.py").write_text(STAND_IN)
    (core / "waiting_utils.py").write_text(WAITING)
    for name in ("gatepost_container.py", "test_sign_up.py"):
        (tmp_path / name).write_text(file_of("testcontainers", name))
    # its console has no TLS on loopback, and no other port
    container = tmp_path / "gatepost_container.py"
    text = container.read_text().replace("https://localhost", "http://localhost")
    text = text.replace('"Host": f"localhost:{CONSOLE}",', "")
    container.write_text(text)
    said = shell("python3 -m pytest -q -p no:cacheprovider test_sign_up.py", tmp_path)
    assert "1 passed" in said


@needs_node
def test_cypress_has_the_commands_of_its_example(tmp_path: Path) -> None:
    """Cypress itself comes from a network; ``test_mailpit`` runs its commands with stand-ins."""
    text = file_of("browser-tests", "sign-up.cy.js")
    (tmp_path / "spec.js").write_text(text)
    shell(f"{NODE} --check spec.js", tmp_path)
    package = HERE / "node_modules" / "cypress-mailpit"
    declared = dict(re.findall(r"(mailpit\w+)\(([^)]*)\)", (package / "cypress.d.ts").read_text()))
    used = re.findall(r"\.(mailpit\w+)\(([^()]*)\)", text)
    assert len(used) == 4
    for name, given in used:
        assert len(list(filter(None, given.split(", ")))) <= declared[name].count(":"), name


def test_java_starts_the_container_as_python_does() -> None:
    text = page("testcontainers").text
    [command] = re.findall(r"\.withCommand\((.*?)\)\n", text, re.DOTALL)
    words = re.findall(r'"([^"]*)"', command)
    [said] = re.findall(r"with_command\((.*?)\n        \)", text, re.DOTALL)
    python = "".join(re.findall(r'f"([^"]*)"', said)).format(SMTP=2587, CONSOLE=8025)
    assert words == python.split()


def test_the_requests_of_dotnet_are_answered() -> None:
    """What the C# of the page sends, and what it reads of the answer."""
    text = page("dotnet").text
    [path] = re.findall(r'GetFromJsonAsync<JsonElement>\(\$"([^"]+)"\)', text)
    [query] = re.findall(r'EscapeDataString\(\$"([^"]+)"\)', text)
    keys = re.findall(r'GetProperty\("(\w+)"\)', text)
    assert (keys, re.findall(r'"(/\w+)", endpointName', text)) == (
        ["Subject", "Codes", "Value"], ["/readyz"],
    )  # fmt: skip
    with Emulator() as relay:
        variables = dict(
            each.split("=", 1)
            for each in shell(f"gatepost env --data {relay.data} --format github", relay.data)
            .splitlines()
        )  # fmt: skip
        assert {
            f"GATEPOST_{each}" for each in re.findall(r'Setting\("GATEPOST_(\w+)"\)', text)
        } <= (variables.keys())
        with signed_in(relay.ready) as peer:  # STARTTLS, then AUTH, as MailKit does
            body = b"Subject: Welcome\r\n\r\nYour code is 482913.\r\n"
            peer.begin(relay.sender, "user-1@example.net")
            peer.send(body + b".\r\n")
            assert peer.reply().startswith("250 ")
        asked = path.format(query=quote(query.format(to="user-1@example.net"), safe=""))
        with urlopen(relay.ready["mailbox_api"] + asked, timeout=PATIENCE) as response:
            mail = json.load(response)
        assert (mail["Subject"], len(mail["Codes"][0]["Value"])) == ("Welcome", 6)
        with urlopen(relay.ready["mailbox_api"] + "/readyz", timeout=PATIENCE) as response:
            assert response.status == 200


def test_variables_of_the_pages_exist() -> None:
    document: Any = {
        "smtp": {"host": "h", "port": 1, "tls": "starttls"},
        "smtps": {"host": "h", "port": 2, "tls": "implicit"},
        "username": "u", "password": "p", "from": "f", "ca_file": "c", "ca_bundle": "b",
    }  # fmt: skip
    known = smtp_variables(document)
    for name in ("laravel", "dotnet", "compose", "github-actions", "testcontainers"):
        for variable in re.findall(r"GATEPOST_[A-Z_]+", page(name).text):
            assert variable in known, (name, variable)


@pytest.mark.compliance
@pytest.mark.skipif(PHP is None or not ILLUMINATE.exists(), reason="needs Laravel's packages")
def test_laravel(tmp_path: Path) -> None:
    """The page's .env, read by Laravel's own mailer; its test is PHP."""
    (tmp_path / ".env").write_text(file_of("laravel", ".env"))
    (tmp_path / "SignUpTest.php").write_text(file_of("laravel", "SignUpTest.php"))
    shell("php -l SignUpTest.php", tmp_path)
    with Emulator(options=("--https", "off", "--http", "off", "--console", "off")) as relay:
        variables = shell(f"gatepost env --data {relay.data} --format github", tmp_path)
        send = ROOT / "compliance" / "php" / "laravel.php"
        shell(
            f"php {send} .", tmp_path, RECIPIENT_="ann@example.net",
            **dict(each.split("=", 1) for each in variables.splitlines()),
        )  # fmt: skip
        assert relay.wait(to="ann@example.net").subject == "hello"
