"""A relay in the place of ACS, written by ``migrate acs``, with two providers behind it.

Resource Manager, Graph, Entra and High Volume Email are our own; the API of SES is a fake.
"""

import json
import smtplib
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from demo.emulated_acs import furnish, token_of
from gatepost.testing import Emulator
from tests import fork_server
from tests.certificates import make_authority
from tests.shell.http_server import HttpServer
from tests.shell.provider_fakes import AWS_ID, KEY, REGION, Ses
from tests.shell.serve_process import ServeProcess, put_certificate, wait_for

APP_MAIL = "app@contoso.com"
INSIDE, OUTSIDE = "ann@contoso.com", "bob@example.net"
LONG = 120.0
"""Seconds for what takes one or two, on a machine that has much else to do."""
SUPPRESSED = "unsubscribed@example.net"
LOGIN = "Newsletter"
HVE = {"directory.accepted_domains": ["contoso.com"]}


@dataclass
class Exit:
    """What replaces ACS, and what was there."""

    directory: Path
    old: Emulator
    hve: Emulator
    ses: Ses
    reports: list[dict[str, Any]]
    """Of the runs of ``migrate acs``."""
    relay: ServeProcess

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.relay.authority.ca_file)

    def send(self, username: str, message: EmailMessage) -> None:
        """Send as an application does today, with the client secret."""
        place = self.relay.listener("submission")
        with smtplib.SMTP("localhost", place["port"]) as client:
            client.starttls(context=self.trust)
            client.login(username, self.old.password)
            client.send_message(message)

    def at_ses(self, subject: str) -> tuple[tuple[str, ...], EmailMessage]:
        """Return recipients and message, once it is there."""

        def found() -> list[tuple[tuple[str, ...], EmailMessage]]:
            read = [(who, _parsed(content)) for who, content in self.ses.messages]
            return [(who, each) for who, each in read if each["subject"] == subject]

        wait_for(found)
        return found()[0]


def _parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def run(directory: Path, *arguments: str, exit_code: int = 0) -> str:
    done = fork_server.run(
        [sys.executable, "-m", "gatepost.cli.main", *arguments],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=LONG,
    )  # fmt: skip
    text: str = done.stdout.decode()
    assert done.returncode == exit_code, text
    return text


def token(old: Emulator, resource: str) -> str:
    return token_of(old.ready, old.ready["admin"], f"{resource}/.default")


def fill(directory: Path, old: Emulator) -> None:
    """Give the old resource a domain, a sender, an SMTP user name and a suppression list."""
    furnish(partial(run, directory), old.data, "app", "--display-name", "App")
    run(
        directory, "smtp-username", "create", "nl", "--username", LOGIN, "--app", "Email sender",
        "--data", str(old.data),
    )  # fmt: skip
    suppress(old)


def suppress(old: Emulator) -> None:
    """Put an address on a list of the domain, by Resource Manager."""
    ready = old.ready
    group = f"/subscriptions/{ready['subscription_id']}/resourceGroups/gatepost"
    email = f"{group}/providers/Microsoft.Communication/emailServices/gatepost-email"
    list_ = f"{email}/domains/contoso.com/suppressionLists/{uuid.uuid4()}"
    headers = {
        "authorization": f"Bearer {token(old, 'https://management.azure.com')}",
        "content-type": "application/json",
    }
    context = ssl.create_default_context(cafile=ready["ca_file"])
    for path, properties in (
        (list_, {"listName": ""}),
        (f"{list_}/suppressionListAddresses/{uuid.uuid4()}", {"email": SUPPRESSED}),
    ):
        url = f"{ready['arm_url']}{path}?api-version=2025-09-01"
        body = json.dumps({"properties": properties}).encode()
        urlopen(Request(url, body, headers, method="PUT"), context=context).close()


def write(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


@contextmanager
def leaving(directory: Path) -> Iterator[Exit]:
    """Run what was there, and what ``migrate acs`` makes of it, during a ``with``."""
    authority = make_authority(directory)
    put_certificate(directory, authority)
    with ExitStack() as stack:
        old = stack.enter_context(Emulator(options=("--https", "127.0.0.1:0", "--http", "off")))
        hve = stack.enter_context(Emulator("microsoft365-hve", settings=HVE))
        ses = Ses()
        server = stack.enter_context(HttpServer(ses))
        fill(directory, old)
        trusted = [old.ca_file, hve.ca_file, authority.ca_file]
        bundle = write(directory / "ca.pem", "".join([Path(each).read_text() for each in trusted]))
        url = str(old.ready["arm_url"])
        arguments = [
            "migrate", "acs", "--json", "--arm", url, "--graph", url, "--authority", url,
            "--token-file", write(directory / "arm", token(old, "https://management.azure.com")),
            "--graph-token-file",
            write(directory / "graph", token(old, "https://graph.microsoft.com")),
            "--ca-file", bundle, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0",
            "--certificate", "cert.pem", "--key", "key.pem", "--storage", "data",
            "--accepted-domain", "contoso.com", "--hve-account", hve.sender,
            "--hve-password-file", write(directory / "hve", hve.password),
            "--hve-server", f"localhost:{hve.smtp.port}", "--outside", "ses",
            "--set", f"region={REGION}", "--access-key-id", AWS_ID,
            "--secret-access-key-file", write(directory / "aws", KEY), "--endpoint", server.url,
            "--managed-sender", APP_MAIL,
        ]  # fmt: skip
        dry = json.loads(run(directory, *arguments, "--dry-run"))
        assert not (directory / "gatepost.toml").exists()
        reports = [dry, *[json.loads(run(directory, *arguments)) for _ in range(2)]]
        with (directory / "log").open("wb") as log:
            process = fork_server.Popen(
                [sys.executable, "-m", "gatepost.cli.main", "serve", "--json",
                 "--config", "gatepost.toml"],
                cwd=directory, stdout=log, stderr=log,
            )  # fmt: skip
        relay = ServeProcess(directory, process, authority)
        stack.callback(relay.stop)
        ready = relay.data / "ready.json"
        wait_for(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, (directory / "log").read_text()
        yield Exit(directory, old, hve, ses, reports, relay)


def message(subject: str, sender: str = APP_MAIL) -> EmailMessage:
    """Return one to recipients inside and outside."""
    composed = EmailMessage()
    composed["From"] = f"The App <{sender}>"
    composed["To"] = INSIDE
    composed["Cc"] = f"Bob <{OUTSIDE}>"
    composed["Subject"] = subject
    composed.set_content("Hello\n.a line with a dot\n")
    return composed
