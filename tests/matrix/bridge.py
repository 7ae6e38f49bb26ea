"""The relay between all intakes and all upstreams: a route for each cell, by its recipient."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatepost.client.settings import Options, Tls, Token
from gatepost.config.load import parse_config
from gatepost.config.problems import ConfigProblems
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.submit import connect
from tests.client_certificates import make_certificate
from tests.matrix.cells import AUTO, BY_PASSWORD, TLS, Cell
from tests.matrix.tokens import TokenServices
from tests.matrix.upstreams import Upstream
from tests.shell.serve_process import ServeProcess, relaying

BASE = """
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
[limits]
recipients = 10000
[retry.default]
first = "1h"
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[[listener]]
name = "devices"
address = "127.0.0.1:0"
tls = "none"
[[listener.network]]
from = "127.0.0.1"
may_relay = true
"""
CERTIFIED = BASE.replace('"key.pem"', '"key.pem"\nclient_authorities = "own.pem"', 1)
"""The same for clients with a certificate."""
NAMED = CERTIFIED.replace(
    'name = "submission"', f'name = "submission"\nmechanisms = {[*BY_PASSWORD, "EXTERNAL"]}'
)
"""The same with the mechanisms that are offered only if they are configured by name."""
ACCOUNT = """
[[directory.account]]
name = "device"
certificates = ["device.example"]
senders = ["*"]
[[directory.account]]
name = "app"
password = { environment = "APP_PASSWORD" }
senders = ["*"]
cram_md5 = true
"""


@dataclass(frozen=True)
class Bridge:
    """A relay with the routes of these cells."""

    relay: ServeProcess
    cells: Sequence[Cell]
    upstreams: Mapping[str, Upstream]

    def name(self, cell: Cell) -> str:
        """Return the name of a cell's route, target and credential."""
        return f"c{self.cells.index(cell)}"

    def address(self, cell: Cell, intake: str = "") -> str:
        """Return the recipient whose mail takes a cell's route; it differs for each intake."""
        local = "".join(each for each in intake if each.isalnum()).lower() or "any"
        return f"{local}@{self.name(cell)}.test"

    def hand_in(
        self, intake: str, cells: Sequence[Cell], login: tuple[str, str | Token]
    ) -> list[str]:
        """Submit a message for these cells, one for each sender that the upstreams need; return
        the ids."""
        listener = "devices" if intake.startswith("nothing") else "submission"
        port = self.relay.listener(listener)["port"]
        mode: Any = "none" if listener == "devices" else "starttls"
        own = str(self.relay.directory / "own.pem") if intake == "EXTERNAL" else None
        tls = Tls(mode, ca_file=self.relay.authority.ca_file, certificate=own)
        who = (None, None) if own or listener == "devices" else login
        options = Options(mechanism="" if listener == "devices" else intake)
        found: list[str] = []
        with connect(f"localhost:{port}", *who, tls=tls, options=options) as client:
            for sender in dict.fromkeys(self.upstreams[each.server].sender for each in cells):
                to = [each for each in cells if self.upstreams[each.server].sender == sender]
                recipients = tuple(
                    [Recipient(parse_address(self.address(each, intake))) for each in to]
                )
                content = f"From: <{sender}>\r\nSubject: {intake}\r\n\r\nhello\r\n".encode()
                receipt = client.send(content, Envelope(parse_address(sender), recipients))
                assert not receipt.refused, receipt.refused
                found.append(receipt.reply.text.split()[-1])
        return found

    def delivered(self) -> set[str]:
        """Return the recipients of delivered mail."""
        events = self.relay.events("message_delivered")
        return {address for each in events for address in each["rcpt_to"]}

    def tried(self) -> set[str]:
        """Return the recipients of mail whose attempt failed."""
        events = self.relay.events("message_deferred") + self.relay.events("message_failed")
        return {address for each in events for address in each["rcpt_to"]}

    def last_word(self, address: str) -> str:
        """Return the last report about a failed attempt."""
        events = self.relay.events("message_deferred") + self.relay.events("message_failed")
        said = [
            f"{each['reply']} {each['reason']}" for each in events if address in each["rcpt_to"]
        ]
        return said[-1] if said else "it was not tried"

    def why(self, message: str) -> dict[str, dict[str, Any]]:
        """Return the output of ``queue why``, by the name of the route."""
        return {
            each["next_hop"]: each for each in self.relay.ask("queue", "why", message)["deliveries"]
        }

    def stops(self) -> dict[str, list[dict[str, Any]]]:
        """Return the reports of paused sign-ins, by target."""
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self.relay.events("sign_in_stopped"):
            found.setdefault(each["target"], []).append(each)
        return found


@contextmanager
def bridging(
    home: Path,
    cells: Sequence[Cell],
    upstreams: Sequence[Upstream],
    services: TokenServices,
    directory: str = ACCOUNT,
) -> Iterator[Bridge]:
    """Run a relay during the ``with``."""
    home.mkdir()
    (home / "own.pem").write_bytes(make_certificate("device.example").pem)
    trusted = home / "trusted.pem"
    authority_files = {each.ca_file for each in upstreams} | {str(services.home / "ca.pem")}
    trusted.write_text("".join(Path(each).read_text() for each in sorted(authority_files)))
    environment = services.environment(trusted)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        text = directory + _targets(cells, upstreams, services)
        with relaying(home, text, base=NAMED if directory == ACCOUNT else CERTIFIED) as relay:
            yield Bridge(relay, cells, {each.name: each for each in upstreams})
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def problems_of(
    cells: Sequence[Cell], upstreams: Sequence[Upstream], services: TokenServices
) -> dict[str, str]:
    """Return what ``check`` reports about these cells in one configuration, by cell."""
    text = BASE + ACCOUNT + _targets(cells, upstreams, services)
    try:
        parse_config(text)
    except ConfigProblems as found:
        by_target = {
            str(each).partition("target.")[2].partition(".")[0]: str(each)
            for each in found.problems
        }
        return {str(cell): by_target.get(f"c{number}", "") for number, cell in enumerate(cells)}
    return {}


def _targets(cells: Sequence[Cell], upstreams: Sequence[Upstream], services: TokenServices) -> str:
    named = {each.name: each for each in upstreams}
    parts = []
    for number, cell in enumerate(cells):
        upstream = named[cell.server]
        port = upstream.ports[TLS[cell.tls][0]]
        mechanisms = "" if cell.mechanism == AUTO else f'mechanisms = "{cell.mechanism}"'
        parts.append(f"""
[credentials.c{number}]
{services.credential(cell.kind, upstream)}
[target.c{number}]
kind = "smarthost"
servers = "localhost:{port}"
tls = "{cell.tls}"
ca_file = "{upstream.ca_file}"
credential = "c{number}"
{mechanisms}
[[route]]
name = "c{number}"
recipients = "c{number}.test"
to = "c{number}"
""")
    return "".join(parts)
