"""The second part: an application that supports only PLAIN, a provider that accepts only LOGIN,
and a relay that keeps the message while the provider is down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.plain_only import PlainOnly
from demo.stage import Bridge, Relay, ask, gatepost, heading, show, wait_for, write_secret

BRIDGE: Final = """\
hostname = "localhost"

[[listener]]                       # the application comes here
address = "127.0.0.1:0"
certificate = "{certificate}"

[[directory.account]]
name = "old-app"
password = {{ file = "app-password" }}
senders = ["{sender}"]

[credentials.acs]                  # and this is who we are upstream
kind = "password"
username = "{username}"
password = {{ file = "acs-secret" }}

[target.acs]
kind = "smarthost"
servers = ["{server}"]
ca_file = "{ca_file}"
credential = "acs"

[[route]]
to = "acs"
"""
RETRY: Final = """\
retry = "demo"

[retry.demo]
first = "3s"
"""
STORAGE: Final = """
[storage]
directory = "{directory}"
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The application: its credentials, and what it sends."""

    sender: str
    password: str
    ca_file: str

    def send(self, bridge: Bridge, subject: str) -> str:
        """Sign in with PLAIN and send; return the reply to the content."""
        place = bridge.listener
        client = PlainOnly(place["host"], place["port"], self.ca_file)
        client.sign_in("old-app", self.password)
        for command in (f"MAIL FROM:<{self.sender}>", "RCPT TO:<you@example.net>", "DATA"):
            client.ask(command)
        content = f"From: <{self.sender}>\r\nSubject: {subject}\r\n\r\nHello from an old program."
        reply = client.ask(f"{content}\r\n.", "[the message]")
        client.close()
        show("\n".join(client.lines[-10:]))
        if not reply.startswith("250 "):
            raise SystemExit(f"the relay refused the message: {reply}")
        return reply.rsplit(maxsplit=1)[-1]


def configure(directory: Path, upstream: Relay, others: str, server: str = "") -> Scene:
    """Write the configuration of a relay between the application and a provider, and its secrets.

    ``others`` are its remaining tables; ``server`` is where it reaches the provider.
    """
    ready = upstream.ready
    scene = Scene(ready["from"], "old-app-password", ready["ca_file"])
    write_secret(directory / "app-password", scene.password)
    write_secret(directory / "acs-secret", ready["password"])
    (directory / "gatepost.toml").write_text(
        BRIDGE.format(
            certificate=upstream.data / "tls" / "server.pem", sender=scene.sender,
            username=ready["username"], server=server or upstream.address,
            ca_file=scene.ca_file,
        ) + others
    )  # fmt: skip
    return scene


def bridge(scene: Scene, relay: Bridge, upstream: Relay) -> None:
    """Relay a message: PLAIN from the application, LOGIN to the provider."""
    heading(7, "PLAIN comes in, LOGIN goes out: the program of step 2 can send its message")
    before = upstream.log_size
    id_ = scene.send(relay, "Through the bridge")
    _wait_delivered(relay, id_)
    show(gatepost("messages", "list", "--data", str(upstream.data)).decode())
    show(relay.line(f"delivered {id_}"))
    signed_in = upstream.said("with LOGIN", before)
    if not signed_in:
        raise SystemExit("the relay did not sign in with LOGIN")
    show(f"the provider's log: {signed_in}")


def keep(scene: Scene, relay: Bridge, upstream: Relay) -> Relay:
    """Stop the provider: the message waits, and ``queue why`` explains it."""
    heading(8, "The provider is stopped: `gatepost queue why` says why the message waits")
    port = upstream.ready["smtp"]["port"]
    upstream.stop()
    id_ = scene.send(relay, "While you were out")
    wait_for(lambda: relay.line(f"deferred {id_}"), "the message was not deferred")
    show(gatepost("queue", "why", id_, "--config", str(relay.config)).decode())
    heading(9, "The provider comes back: the message arrives")
    upstream = Relay.start(upstream.data, port=port)
    _wait_delivered(relay, id_)
    show(relay.line(f"delivered {id_}"))
    show(gatepost("messages", "list", "--data", str(upstream.data)).decode())
    listed = ask("messages", "list", "--json", "--data", str(upstream.data))["messages"]
    if [each["subject"] for each in listed].count("While you were out") != 1:
        raise SystemExit("the message did not arrive exactly once")
    return upstream


def _wait_delivered(relay: Bridge, id_: str) -> None:
    wait_for(lambda: relay.line(f"delivered {id_}"), f"{id_} was not delivered")


def tell(directory: Path, upstream: Relay) -> Relay:
    """Run this part; return the provider, which was restarted meanwhile."""
    heading(6, "A second process: gatepost serve, a relay with this configuration")
    scene = configure(directory, upstream, RETRY + STORAGE.format(directory=directory / "relay"))
    show((directory / "gatepost.toml").read_text().partition("[retry.demo]")[0].rstrip())
    relay = Bridge.start(directory / "gatepost.toml")
    try:
        show(f"gatepost serve: process {relay.process.pid} listens on {relay.address}")
        bridge(scene, relay, upstream)
        return keep(scene, relay, upstream)
    finally:
        relay.stop()
