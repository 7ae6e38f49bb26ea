"""Real servers to deliver to, with a common interface: what they offer, and what they accepted."""

import json
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.testing import Emulator
from tests.clients.servers import AIOSMTPD, PASSWORD, SMTP_SERVER, TOKEN, USERNAME, Server, running
from tests.matrix.cells import KINDS, Offer

PATIENCE = 60.0


@dataclass(frozen=True)
class Upstream:
    """One server."""

    name: str
    ports: dict[str, int]
    ca_file: str
    username: str
    password: str
    """Empty: it accepts none."""
    token: str
    """The token that every token service of the matrix gives for it; empty: it accepts none."""
    accepted: Callable[[], list[str]]
    """Returns everything that it accepted: at least the recipients' addresses of each message."""
    sender: str = "app@example.com"
    unlisted: frozenset[str] = frozenset()
    certificate: str = ""
    """A client certificate, with its key, that the server accepts."""

    def offer(self) -> Offer:
        """Return what the server offers, by asking it."""
        has = {"password": self.password, "token": self.token, "certificate": self.certificate}
        kinds = {each for each, what in KINDS.items() if has[what]}
        listed = {mode: self._listed(mode) for mode in ("implicit", "starttls", "clear")}
        in_tls = listed["implicit"] if listed["implicit"] is not None else listed["starttls"]
        return Offer(
            self.name, in_tls or frozenset(), listed["clear"] or frozenset(), self.unlisted,
            frozenset(kinds), self.ports["clear"] == self.ports["starttls"],
            frozenset([mode for mode, found in listed.items() if found is not None]),
        )  # fmt: skip

    def _listed(self, mode: str) -> frozenset[str] | None:
        """Return the mechanisms in one TLS mode; None: there is no port for it."""
        trust = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate:
            trust.load_cert_chain(self.certificate)
        port = self.ports[mode]
        try:
            made: smtplib.SMTP = (
                smtplib.SMTP_SSL("localhost", port, timeout=PATIENCE, context=trust)
                if mode == "implicit"
                else smtplib.SMTP("localhost", port, timeout=PATIENCE)
            )
            with made as client:
                client.ehlo("matrix.example")
                if mode == "starttls":
                    client.starttls(context=trust)
                    client.ehlo("matrix.example")
                return frozenset(str(client.esmtp_features.get("auth", "")).split())
        except (ssl.SSLError, smtplib.SMTPNotSupportedError):
            return None


INTERNAL: Final = [f"c{number}.test" for number in range(500)]
"""Where High Volume Email sends to: it takes no external recipients."""


@contextmanager
def emulator(
    profile: str, token_of: Callable[[Emulator], str] | None = None, unlisted: str = ""
) -> Iterator[Upstream]:
    """Run our emulator with a provider's profile."""
    options = ("--https", "localhost:0" if token_of else "off", "--http", "off")
    settings = {"directory.accepted_domains": INTERNAL} if profile.endswith("-hve") else None
    with Emulator(profile, options=options, settings=settings) as relay:
        ready = relay.ready
        ports = {
            "starttls": ready["smtp"]["port"],
            "implicit": ready["smtps"]["port"],
            "clear": ready["smtp"]["port"],
        }
        yield Upstream(
            profile, ports, relay.ca_file, relay.username, relay.password,
            token_of(relay) if token_of else ready["access_token"] or "",
            lambda: [" ".join(each.rcpt_to) for each in relay.messages()],
            relay.sender, frozenset(unlisted.split()),
        )  # fmt: skip


@contextmanager
def program(name: str, command: list[str], home: Path, mechanisms: list[str]) -> Iterator[Upstream]:
    """Run another server as a program."""
    home.mkdir()
    with running(command, home, mechanisms) as server:
        yield Upstream(
            name, server.ports, server.ca_file, USERNAME, PASSWORD, TOKEN,
            _Taken(server).addresses,
        )  # fmt: skip


class _Taken:
    """Reads the output of a program."""

    def __init__(self, server: Server) -> None:
        self._output, self._found = server.output, list[str]()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ValueError, OSError):  # closed at the end
            for line in self._output:
                self._found.append(" ".join(json.loads(line)["rcpt_to"]))

    def addresses(self) -> list[str]:
        return list(self._found)


@contextmanager
def usual_servers(home: Path, token_of: Callable[[Emulator], str]) -> Iterator[list[Upstream]]:
    """Run the servers that need Python and npm packages only."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(emulator("acs-xoauth2", token_of)),
            stack.enter_context(emulator("gatepost")),
            stack.enter_context(
                program("aiosmtpd", AIOSMTPD, home / "aiosmtpd", ["PLAIN", "LOGIN", "XOAUTH2"])
            ),
            stack.enter_context(
                program(
                    "smtp-server", SMTP_SERVER, home / "smtp-server",
                    ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
                )
            ),
        ]  # fmt: skip
