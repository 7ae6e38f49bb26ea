"""A real HAProxy in front of ``gatepost serve``, with both versions of the header."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.loopback import free_port
from tests.shell.peer import Peer, letter
from tests.shell.serve_process import SENDER, ServeProcess, relaying, wait_for

pytestmark = [
    pytest.mark.compliance,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no HAProxy"),
]

LISTENERS = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
proxies = "127.0.0.1"

[[listener]]
name = "smtps"
address = "127.0.0.1:0"
tls = "implicit"
certificate = "cert.pem"
key = "key.pem"
proxies = "127.0.0.1"

[[listener]]
name = "local"
unix = "smtp.sock"
proxies = "unix"
"""
CONFIG = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen proxy
    bind 127.0.0.1:{port}
    server relay {place} {how}
"""


@contextmanager
def haproxy(directory: Path, place: str, how: str) -> Iterator[int]:
    """Yield the port of a proxy in front of the relay."""
    port, config = free_port(), directory / "haproxy.cfg"
    config.write_text(CONFIG.format(port=port, place=place, how=how))
    process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: _answers(port) or process.poll() is not None)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    with relaying(tmp_path_factory.mktemp("serve"), LISTENERS) as relay:
        yield relay


@pytest.mark.parametrize(
    "how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"]
)
@pytest.mark.parametrize("name", ["submission", "smtps", "local"])
def test_mail_through_haproxy(relay: ServeProcess, tmp_path: Path, name: str, how: str) -> None:
    listener = relay.listener(name)
    place = f"unix@{listener['unix']}" if name == "local" else f"127.0.0.1:{listener['port']}"
    with haproxy(tmp_path, place, how) as port, _connect(port, relay) as peer:
        if name == "smtps":
            peer.shake()
        peer.greet()
        if name == "submission":
            peer.secure()
        assert peer.login("app", "secret").startswith("235 ")
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
    assert b"([127.0.0.2])" in relay.raw()


def _connect(port: int, relay: ServeProcess) -> Peer:
    """Connect from 127.0.0.2, so that the address differs from the proxy's own."""
    sock = socket.create_connection(("127.0.0.1", port), 10, source_address=("127.0.0.2", 0))
    return Peer(sock, ssl.create_default_context(cafile=relay.authority.ca_file))


def test_a_health_check_is_no_client(relay: ServeProcess, tmp_path: Path) -> None:
    """HAProxy's own connection sends LOCAL, is greeted, and disconnects."""
    port = relay.listener("submission")["port"]
    with haproxy(tmp_path, f"127.0.0.1:{port}", "send-proxy-v2 check inter 200"):
        time.sleep(1)
    assert relay.events("proxy_header_refused") == []
    assert relay.events("internal_error") == []
