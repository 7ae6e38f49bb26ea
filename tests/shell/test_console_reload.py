"""SIGHUP changes ``[console]``: who may sign in, what it is called, where it listens."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gatepost.directory.passwords import scrypt_hash
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.shell.console_client import Browser
from tests.shell.serve_process import ServeProcess, relaying

LISTENER = """
[[listener]]
address = "127.0.0.1:0"
tls = "none"
"""
HASHES = {name: scrypt_hash(f"password of {name}".encode()) for name in ("ann", "ben")}


def console(*lines: str, address: str = "127.0.0.1:0", **roles: str) -> str:
    """Return a configuration with a user for each role that is given."""
    users = [
        f'[[console.user]]\nname = "{name}"\nrole = "{role}"\npassword_hash = "{HASHES[name]}"'
        for name, role in roles.items()
    ]
    return "\n".join([LISTENER, "[console]", f'address = "{address}"', *lines, *users, ""])


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    with relaying(tmp_path_factory.mktemp("serve"), LISTENER) as relay:
        yield relay


def signed_in(relay: ServeProcess, name: str) -> Browser:
    browser = Browser(relay.ready["console"])
    shown = browser.post("/sign-in", {"name": name, "password": f"password of {name}"})
    assert shown.status == 200
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.request("/settings").status == 200


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_it_comes_moves_and_goes(relay: ServeProcess) -> None:
    relay.reloaded(LISTENER)
    first = relay.ready["console"]
    assert first is None
    relay.reloaded(console(ann="admin"))
    first = relay.ready["console"]
    assert is_signed_in(signed_in(relay, "ann"))
    relay.reloaded(console(address=f"127.0.0.1:{free_port()}", ann="admin"))
    assert relay.ready["console"] != first
    assert is_signed_in(signed_in(relay, "ann"))
    with pytest.raises(ConnectionRefusedError):
        Browser(first).request("/livez")
    relay.reloaded(LISTENER)
    done = fork_server.run(
        [GATEPOST, "console", "--data", str(relay.data)],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode != 0
    assert "the console is off" in done.stderr


def test_who_has_changed_is_signed_out_and_nobody_else(relay: ServeProcess) -> None:
    relay.reloaded(console(ann="admin", ben="viewer"))
    ann, ben = signed_in(relay, "ann"), signed_in(relay, "ben")
    token = Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])
    relay.reloaded(console(ann="operator", ben="viewer"))
    assert not is_signed_in(ann)
    assert is_signed_in(ben)
    assert is_signed_in(token)
    relay.reloaded(console(ann="operator"))
    assert not is_signed_in(ben)
    assert Browser(relay.ready["console"]).post(
        "/sign-in", {"name": "ben", "password": "password of ben"}
    ).status == 401  # fmt: skip


def test_other_host_names_count_on_open_connections_too(relay: ServeProcess) -> None:
    relay.reloaded(console())
    connection = http.client.HTTPConnection(
        urlsplit(relay.ready["console"]).netloc, timeout=PATIENCE
    )

    def status() -> int:
        connection.request("GET", "/sign-in", headers={"host": "console.test:443"})
        response = connection.getresponse()
        response.read()
        return response.status

    assert status() == 421
    sock = connection.sock
    relay.reloaded(console('hosts = ["console.test:443"]'))
    assert status() == 200
    relay.reloaded(console())
    assert status() == 421
    assert connection.sock is sock
    connection.close()


def test_the_route_by_which_mail_is_released(relay: ServeProcess) -> None:
    def is_offered() -> bool:
        token = relay.ready["api_token"]
        shown = Browser(relay.ready["console"], authorization=f"Bearer {token}").request(
            "/api/v1/webui"
        )
        return bool(json.loads(shown.body)["MessageRelay"]["Enabled"])

    relay.reloaded(console())
    assert not is_offered()
    relay.reloaded('name = "out"\n' + console('release_route = "out"'))
    assert is_offered()
    relay.reloaded(console())
    assert not is_offered()


def test_what_cannot_be_changes_nothing(relay: ServeProcess) -> None:
    relay.reloaded(console(ann="admin"))
    ann, number = signed_in(relay, "ann"), len(relay.events("reload_refused"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        relay.reload(console(address=busy, ann="viewer"))
        relay.wait_event("reload_refused", number + 1)
    relay.reload(console('certificate = "cert.pem"', 'key = "key.pem"', ann="viewer"))
    refused = relay.wait_event("reload_refused", number + 2)
    assert "TLS begins or ends only with another address" in refused["reason"]
    assert is_signed_in(ann)
    assert relay.ready["console"] == ann.url


def test_another_certificate(tmp_path: Path) -> None:
    text = console('certificate = "{}"', 'key = "key.pem"')
    with relaying(tmp_path, text.format("cert.pem")) as relay:
        (tmp_path / "other.pem").write_bytes((tmp_path / "cert.pem").read_bytes())
        relay.reload(text.format("missing.pem"))
        assert "missing.pem" in relay.wait_event("reload_refused")["reason"]
        relay.reloaded(text.format("other.pem"))
        assert relay.ready["console"].startswith("https://")
