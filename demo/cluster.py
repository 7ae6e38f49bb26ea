"""``python -m demo.cluster``: three relays share a PostgreSQL. The one that has a message is
killed before it can deliver it, and another one delivers it. All output is real."""

import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from demo.relay_story import Scene, configure
from demo.stage import Bridge, Relay, ask, gatepost, heading, show, wait_for, write_secret
from gatepost.testing.postgres_server import PostgresServer

NODES: Final = ("mail-1", "mail-2", "mail-3")
NODE: Final = """
[storage]                          # the same database for all
kind = "postgres"
url = {{ file = "database" }}
directory = "{directory}"

[cluster]
node = "{node}"
beat = "1s"                        # 5s, if nobody is watching
dead_after = "3s"                  # 15s
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


def prepare(directory: Path, url: str, node: str, provider: Relay, server: str) -> Scene:
    """Write the configuration of a node, which reaches the provider at ``server``."""
    home = directory / node
    (home / "relay").mkdir(mode=0o700, parents=True)
    write_secret(home / "database", url)
    write_secret(home / "relay" / "key", (directory / "key").read_bytes())
    return configure(home, provider, NODE.format(node=node, directory=home / "relay"), server)


def tell(directory: Path, url: str, provider: Relay, hung: str) -> None:
    """Run the demonstration with a provider that the first node cannot reach."""
    (directory / "key").write_bytes(secrets.token_bytes(32))
    servers = [hung, provider.address, provider.address]
    scenes = [
        prepare(directory, url, node, provider, server)
        for node, server in zip(NODES, servers, strict=True)
    ]
    configs = [directory / node / "gatepost.toml" for node in NODES]
    nodes: list[Bridge] = []
    try:
        heading(1, "Three relays start, with one PostgreSQL and this configuration")
        show("[storage]" + configs[0].read_text().partition("[storage]")[2].rstrip())
        nodes += [Bridge.start(each) for each in configs]
        first, second, _ = nodes
        show(gatepost("nodes", "--config", str(second.config)).decode())

        heading(2, "mail-1 accepts a message, but its way to the provider hangs")
        id_ = scenes[0].send(first, "From a node that dies")
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
