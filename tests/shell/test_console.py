"""The console's listener of real servers: where it listens, who gets in, and what it costs."""

import http.client
import json
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import pytest

from gatepost.directory.passwords import scrypt_hash
from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.shell.serve_process import put_certificate, relaying, wait_for

NOTHING = ("--smtps", "off", "--https", "off", "--http", "off")
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


def request(
    url: str, path: str = "/", method: str = "GET", body: str = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body, as they are: no redirect is followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return response.status, received, response.read().decode()
    finally:
        connection.close()


def console(relay: Emulator, *, is_checked: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run ``gatepost console``."""
    command = [GATEPOST, "console", "--data", str(relay.data)]
    return fork_server.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=is_checked
    )


def link(relay: Emulator) -> str:
    """Return a link that signs in."""
    return str(console(relay).stdout.strip())


def sign_in(url: str) -> tuple[int, str]:
    """Use a link; return the status, and the cookie."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    ticket = parts.query.removeprefix("ticket=")
    status, headers, _ = request(
        origin, "/sign-in", "POST", urlencode({"ticket": ticket}), origin=origin, **FORM
    )
    return status, headers.get("set-cookie", "").partition(";")[0]


def test_a_link_signs_in_once(relay: Emulator) -> None:
    url = link(relay)
    assert url.startswith(f"{relay.ready['console']}/sign-in?ticket=")
    status, cookie = sign_in(url)
    assert (status, cookie.partition("=")[0]) == (303, f"gatepost-{urlsplit(url).port}")
    assert sign_in(url) == (401, "")
    assert "ticket=" not in (relay.data / "up.jsonl").read_text()
    assert relay.ready["api_token"] not in (relay.data / "up.jsonl").read_text()


def test_a_ticket_ends_with_the_time_of_the_server() -> None:
    with Emulator() as relay:
        url = link(relay)
        command = [GATEPOST, "clock", "advance", "601s", "--data", str(relay.data)]
        fork_server.run(command, capture_output=True, timeout=PATIENCE, check=True)
        assert sign_in(url)[0] == 401


@pytest.mark.parametrize("path", ["/", "/%61pi/v1/messages", "//api/v1/info", "/api/./v1"])
def test_paths_are_checked_as_they_are_routed(relay: Emulator, path: str) -> None:
    url = relay.ready["console"]
    assert request(url, path, host="evil.test")[0] == 421
    assert request(url, path, sec_fetch_site="cross-site")[0] == 403
    assert request(url, path, origin="http://evil.test")[0] == 403


def test_signing_out_ends_the_stream_of_events(relay: Emulator) -> None:
    url = relay.ready["console"]
    _, cookie = sign_in(link(relay))
    page = request(url, "/settings", cookie=cookie)[2]
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    stream = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    stream.request("GET", "/api/gatepost/v1/events", headers={"cookie": cookie})
    events = stream.getresponse()
    assert events.headers["content-type"].startswith("text/event-stream")
    body = urlencode({"form_token": form_token})
    assert request(url, "/sign-out", "POST", body, cookie=cookie, origin=url, **FORM)[0] == 303
    events.read()  # until its end
    stream.close()
    assert request(url, "/api/gatepost/v1/events", cookie=cookie)[0] == 401


def test_two_servers_keep_their_logins(relay: Emulator) -> None:
    with Emulator() as other:
        cookies = [sign_in(link(each))[1] for each in (relay, other)]
        for each in (relay, other):  # as a browser does, which sends all cookies of the host
            status = request(each.ready["console"], "/settings", cookie="; ".join(cookies))[0]
            assert status == 200


def test_a_probe_needs_no_name(relay: Emulator) -> None:
    for path in ("/livez", "/readyz"):
        assert request(relay.ready["console"], path, host="10.0.0.9")[0] == 200


def test_the_default_port_is_taken_by_one_server_only(tmp_path: Path) -> None:
    """A second server takes another port, unless it was told which."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        take_default_port(taken)
        free = ["--smtp", "127.0.0.1:0", *NOTHING]
        asked = [
            GATEPOST,
            "up",
            "--data",
            str(tmp_path / "a"),
            *free,
            "--console",
            "localhost:8025",
        ]
        refused = fork_server.run(
            asked, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert refused.returncode == 1
        assert "8025 is in use" in refused.stderr
        data = tmp_path / "b"
        process = fork_server.Popen([GATEPOST, "up", "--data", str(data), *free],
                                    stdout=subprocess.DEVNULL)  # fmt: skip
        try:
            ready = wait_ready(data)
            assert ready["console"].startswith("http://localhost:")
            assert not ready["console"].endswith(":8025")
            assert request(ready["console"], "/livez")[0] == 200
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


def take_default_port(taken: socket.socket) -> None:
    """Listen on it, as soon as a server of another test does not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            taken.bind(("127.0.0.1", 8025))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return taken.listen()


def wait_ready(data: Path) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while not (data / "ready.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    document: dict[str, str] = json.loads((data / "ready.json").read_text())
    return document


def test_off_means_none(tmp_path: Path) -> None:
    options = ("--https", "off", "--http", "off", "--console", "off")
    with Emulator(data=tmp_path / "d", options=options) as relay:
        assert [relay.ready[key] for key in ("console", "mailbox_api", "api_token")] == [None] * 3
        done = console(relay, is_checked=False)
        assert done.returncode == 1
        assert "the console is off" in done.stderr


def test_beyond_loopback_it_is_https_and_closed(tmp_path: Path) -> None:
    options = (
        "--https",
        "off",
        "--http",
        "off",
        "--console",
        "0.0.0.0:0",
        "--console-host",
        "mail",
    )
    with Emulator(data=tmp_path / "d", options=options) as relay:
        url = relay.ready["mailbox_api"]
        assert url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=relay.ca_file)
        with urllib.request.urlopen(f"{url}/livez", context=context, timeout=PATIENCE) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError) as closed:
            urllib.request.urlopen(f"{url}/api/v1/messages", context=context, timeout=PATIENCE)
        closed.value.close()
        assert closed.value.code in (401, 404)
        assert "mail" in ssl_names(relay, context)


def ssl_names(relay: Emulator, context: ssl.SSLContext) -> set[str]:
    port = urlsplit(relay.ready["mailbox_api"]).port
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as sock,
        context.wrap_socket(sock, server_hostname="mail") as secure,
    ):
        certificate = secure.getpeercert()
        assert certificate is not None
        return {str(each[1]) for each in certificate["subjectAltName"]}


def test_a_relay_has_users(tmp_path: Path) -> None:
    text = f"""
[console]
address = "127.0.0.1:0"
[[console.user]]
name = "ann"
role = "viewer"
password_hash = "{scrypt_hash(b"correct horse")}"
"""
    with relaying(tmp_path, '[[listener]]\naddress = "127.0.0.1:0"\ntls = "none"\n' + text) as it:
        url = it.ready["console"]
        fields = {"name": "ann", "password": "wrong"}
        assert request(url, "/sign-in", "POST", urlencode(fields), **FORM)[0] == 401
        fields["password"] = "correct horse"
        status, headers, _ = request(url, "/sign-in", "POST", urlencode(fields), **FORM)
        assert status == 303
        assert "HttpOnly" in headers["set-cookie"]
        it.wait_event("console_refused")
        it.wait_event("console_signed_in", user="ann")
        assert it.ready["api_token"] not in str(it.events("ready"))


def test_a_renewed_certificate_is_served(tmp_path: Path) -> None:
    text = """
[console]
address = "0.0.0.0:0"
certificate = "cert.pem"
key = "key.pem"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
"""
    with relaying(tmp_path, text) as it:
        context = ssl.create_default_context(cafile=it.authority.ca_file)
        port = urlsplit(it.ready["console"]).port

        def presented() -> bytes | None:
            with (
                socket.create_connection(("127.0.0.1", port), PATIENCE) as sock,
                context.wrap_socket(sock, server_hostname="127.0.0.1") as secure,
            ):
                return secure.getpeercert(binary_form=True)

        before = presented()
        renewed = put_certificate(tmp_path, it.authority)
        it.reload()
        wait_for(lambda: presented() == renewed)
        assert before != renewed
