"""The loop behind ``gatepost talk``: one line in, one reply out."""

import base64
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import click

from gatepost.cli.store_options import DEFAULT
from gatepost.client.drivers import SyncDriver
from gatepost.client.session import ClientSession, Peer
from gatepost.client.settings import Timeouts, Tls
from gatepost.client.steps import Conversation, T
from gatepost.errors import Phase, RemoteProtocolError
from gatepost.model.reply import Reply
from gatepost.model.unprintable import replace_unprintable
from gatepost.net.dial import host_name, parse_server
from gatepost.net.local_authority import find_local_authority, is_issued_by, trust_also
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import client_context

_PHASES: dict[str, Phase] = {
    "EHLO": "ehlo", "HELO": "ehlo", "STARTTLS": "starttls", "AUTH": "auth", "MAIL": "mail",
    "RCPT": "rcpt", "DATA": "data", "QUIT": "quit",
}  # fmt: skip


def open_talk(server: str, arguments: dict[str, Any], show: Callable[[str], None]) -> "TalkSession":
    """Connect. Raises ConfigError and NetworkError."""
    where = parse_server(server)
    ca_file = str(arguments["ca_file"]) if arguments["ca_file"] is not None else None
    context = client_context(ca_file=ca_file, verify=not arguments["insecure"])
    is_usual = ca_file is None and not arguments["insecure"]
    authority = find_local_authority(where, DEFAULT) if is_usual else None
    trust_also(context, authority)
    reply = arguments["timeout"]
    phases = ("greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "content")
    timeouts = Timeouts(**dict.fromkeys(phases, reply), quit=min(reply, 5.0))
    stream = SyncStream.connect(where)
    loopback = ip_address(stream.peer_address.partition("%")[0]).is_loopback
    session = ClientSession(Peer(where, host_name(), loopback))
    driver = SyncDriver(stream, context, where.host, timeouts)
    implicit = Tls(arguments["tls"]).is_implicit(where.port)
    return TalkSession(session, driver, show, implicit=implicit, authority=authority)


class TalkSession:
    """One connection, controlled by lines of text."""

    def __init__(
        self,
        session: ClientSession,
        driver: SyncDriver,
        show: Callable[[str], None],
        *,
        implicit: bool,
        authority: str | None = None,
    ) -> None:
        """``authority``: a CA file that is trusted because the server is on this machine."""
        self.session = session
        self._driver = driver
        self._show = show
        self._implicit = implicit
        self._authority = authority
        self._content: list[str] | None = None

    def greet(self) -> None:
        """Do an implicit TLS handshake if required, and show the greeting."""
        if self._implicit:
            self._secure()
        self._tell(self._drive(self.session.await_reply("greeting")))

    def run(self, line: str) -> None:
        """Execute one line."""
        if self._content is not None:
            self._take_content(line)
        elif line.startswith("/"):
            self._special(line)
        else:
            self._command(line)

    def close(self) -> None:
        """Close, without a QUIT that the user did not enter."""
        self._driver.stream.close()

    def _command(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        reply = self._drive(self.session.ask(line, _PHASES.get(verb, "auth")))
        self._tell(reply)
        if verb == "STARTTLS" and reply.is_success:
            if self.session.reader.has_unread:
                raise RemoteProtocolError("octets in clear behind the reply to STARTTLS")
            self._secure()
        elif verb == "DATA" and reply.code == 354:
            self._content = []
        elif verb == "QUIT" and reply.is_success:
            self.session.is_usable = False

    def _special(self, line: str) -> None:
        name, _, text = line.partition(" ")
        if name == "/b64":
            self._command(_encode(text))
        elif name == "/password":
            hidden = sys.stdin.isatty()  # without a terminal, nothing is echoed
            secret = click.prompt("Secret", hide_input=hidden, err=True)
            self.session.transcript.hide(secret)
            self._command(_encode(secret))
        else:
            self._show(f"unknown command {name}; use /b64 TEXT or /password")

    def _take_content(self, line: str) -> None:
        assert self._content is not None  # noqa: S101  # or we were not called
        self._content.append(line)
        if line == ".":
            lines, self._content = self._content, None
            self.session.transcript.client(f"[{len(lines) - 1} lines of content]")
            self._tell(self._drive(self.session.pour(_wire(lines), "DATA")))

    def _secure(self) -> None:
        facts = self._drive(self.session.secure())
        how = "certificate verified" if facts.verified else "certificate NOT verified"
        if facts.verified and is_issued_by(facts.chain, self._authority):
            how += f" by {self._authority}"
        self._show(f"-- {facts.version} {facts.cipher}, {how}")

    def _tell(self, reply: Reply) -> None:
        for line in self.session.reader.text.split("\n"):
            self._show(replace_unprintable(self.session.transcript.redact(line).expandtabs()))
        if reply.code == 334 and (prompt_text := _decode(reply.text)):
            self._show(f"-- {prompt_text}")

    def _drive(self, conversation: Conversation[T]) -> T:
        return self._driver.run(self.session.guard(conversation))


def _wire(lines: list[str]) -> Iterator[bytes]:
    """Return lines as they were entered: the user must double dots."""
    for line in lines:
        yield line.encode("utf-8", "surrogateescape") + b"\r\n"


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _decode(text: str) -> str:
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
    return decoded if decoded.isprintable() else ""
