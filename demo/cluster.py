"""``python -m demo.cluster``: three relays share a PostgreSQL. The one that has a message is
killed before it can deliver it, and another one delivers it. All output is real."""

import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from demo.relay_story import Scene
from demo.stage import Bridge, Relay, ask, gatepost, heading, show
from gatepost.testing.postgres_server import PostgresServer

NODES: Final = ("mail-1", "mail-2", "mail-3")
PATIENCE: Final = 20.0
CONFIG: Final = """\
hostname = "localhost"

[storage]                          # the same database for all
kind = "postgres"
url = {{ file = "database" }}
directory = "{storage}"

[cluster]
node = "{node}"
beat = "1s"                        # 5s, if nobody is watching
dead_after = "3s"                  # 15s

[[listener]]
address = "127.0.0.1:0"
certificate = "{certificate}"

[[directory.account]]
name = "old-app"
password = {{ file = "app-password" }}
senders = ["{sender}"]

[credentials.acs]
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


@contextmanager
def silence() -> Iterator[str]:
    """Yield the address of a server that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def database() -> Iterator[str]:
    """Yield the connection string of a PostgreSQL that has just been made."""
    home = Path(tempfile.mkdtemp(prefix="gatepost-demo-pg-"))
    home.chmod(0o755)  # it may belong to another user
    server = PostgresServer(home, "shared_buffers = 32MB\n")
    try:
        server.create()
        server.start()
        yield server.url
    finally:
        server.stop()


def configure(directory: Path, node: str, url: str, provider: Relay, server: str) -> Path:
    """Write the configuration of a node, which reaches the provider at ``server``."""
    home, ready = directory / node, provider.ready
    (home / "relay").mkdir(mode=0o700, parents=True)
    files = {
        "database": url.encode(),
        "app-password": b"old-app-password",
        "acs-secret": ready["password"].encode(),
        "relay/key": (directory / "key").read_bytes(),
    }
    for name, content in files.items():
        (home / name).touch(mode=0o600)
        (home / name).write_bytes(content)
    config = home / "gatepost.toml"
    config.write_text(
        CONFIG.format(
            node=node, storage=home / "relay", certificate=provider.data / "tls" / "server.pem",
            sender=ready["from"], username=ready["username"], server=server,
            ca_file=ready["ca_file"],
        )
    )  # fmt: skip
    return config


def tell(directory: Path, url: str, provider: Relay, hung: str) -> None:
    """Run the demonstration with a provider that the first node cannot reach."""
    (directory / "key").write_bytes(secrets.token_bytes(32))
    servers = [hung, provider.address, provider.address]
    configs = [
        configure(directory, node, url, provider, server)
        for node, server in zip(NODES, servers, strict=True)
    ]
    nodes: list[Bridge] = []
    try:
        heading(1, "Three relays start, with one PostgreSQL and this configuration")
        show(configs[0].read_text().partition("[[listener]]")[0].rstrip())
        nodes += [Bridge.start(each) for each in configs]
        first, second, _ = nodes
        show(gatepost("nodes", "--config", str(second.config)).decode())

        heading(2, "mail-1 accepts a message, but its way to the provider hangs")
        scene = Scene(provider.ready["from"], "old-app-password", provider.ready["ca_file"])
        id_ = scene.send(first, "From a node that dies")
        show(gatepost("queue", "why", id_, "--config", str(second.config)).decode())

        heading(3, "mail-1 is killed with SIGKILL: the message arrives from another node")
        killed = time.monotonic()
        first.kill()
        wait_for(lambda: count(provider) == 1, "the message did not arrive")
        show(f"it arrived {time.monotonic() - killed:.1f} seconds after the kill")
        show(gatepost("messages", "list", "--data", str(provider.data)).decode())

        wait_for(lambda: explain(second, id_)["state"] == "settled", "it was not settled")
        heading(4, "`gatepost queue why` says on each node who took it over")
        show(gatepost("queue", "why", id_, "--config", str(second.config)).decode())
        if explain(second, id_)["taken_over"]["from"] != NODES[0]:
            raise SystemExit("nobody took the message over")
        show(gatepost("nodes", "--config", str(second.config)).decode())
    finally:
        for each in nodes:
            each.stop()


def count(provider: Relay) -> int:
    """Return how many messages have arrived."""
    listed = ask("messages", "count", "--json", "--data", str(provider.data))
    return int(listed["count"])


def explain(node: Bridge, id_: str) -> dict[str, Any]:
    """Return what a node says of the only delivery of a message."""
    document = ask("queue", "why", id_, "--json", "--config", str(node.config))
    delivery: dict[str, Any] = document["deliveries"][0]
    return delivery


def wait_for(condition: Callable[[], bool], otherwise: str) -> None:
    """Return once the condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.05)


def main() -> int:
    """Run the demonstration."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gatepost-demo-") as name:
        directory = Path(name)
        provider = Relay.start(directory / "provider")
        try:
            with database() as url, silence() as hung:
                tell(directory, url, provider, hung)
        finally:
            provider.stop()
    print(f"\nThe demonstration took {time.monotonic() - began:.1f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
