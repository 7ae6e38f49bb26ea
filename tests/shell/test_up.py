"""``gatepost up`` as scripts use it: files, exit codes, signals, restarts."""

import fcntl
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import gatepost
from gatepost.keys.store_key import open_key
from gatepost.net.interfaces import list_addresses
from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE, count
from tests.shell.peer import Peer, letter
from tests.shell.test_listen import needs_ipv6

OFF = ("--smtp", "off", "--smtps", "off", "--https", "off", "--http", "off")
FREE = ("--https", "localhost:0", "--http", "127.0.0.1:0")

GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    """Yield a relay with all four listeners, SMTP on both families, and events as JSON lines."""
    with Emulator(options=(*FREE, "--smtp", "localhost:0")) as relay:
        yield relay


def refused(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``gatepost up`` that must end by itself."""
    command = [GATEPOST, "up", *map(str, arguments)]
    return fork_server.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def signed_in(ready: Mapping[str, Any]) -> Peer:
    """Return a client of the relay of this ready.json that has signed in."""
    peer = Peer.connect(ready["smtp"]["port"], ready["ca_file"])
    try:
        peer.greet().secure()
        assert peer.login(ready["username"], ready["password"]).startswith("235 ")
    except BaseException:
        peer.sock.close()  # the relay may have been killed meanwhile
        raise
    return peer


def refused_login(ready: Mapping[str, Any], password: str) -> Peer:
    """Return a client whose sign-in was refused."""
    peer = Peer.connect(ready["smtp"]["port"], ready["ca_file"])
    peer.reply()
    peer.ask("EHLO client.example")
    peer.start_tls()
    peer.ask("EHLO client.example")
    assert peer.login(ready["username"], password).startswith("535 ")
    return peer


def wait_for_line(log: Path, text: str) -> str:
    deadline = time.monotonic() + 30
    while True:
        for line in log.read_text().splitlines():
            if text in line:
                return line
        assert time.monotonic() < deadline, f"no line says {text!r}"
        time.sleep(0.05)


# ready.json


def test_ready_json_is_the_documented_contract(relay: Emulator) -> None:
    ready = relay.ready
    tls_port, http_port = (ready[name]["url"].rpartition(":")[2] for name in ("https", "http"))
    url = f"https://localhost:{tls_port}"
    patterns: dict[str, Any] = {
        "pid": relay.pid,
        "data": str(relay.data),
        "smtp": {"host": "127.0.0.1", "port": relay.smtp.port, "tls": "starttls"},
        "smtps": {"host": "127.0.0.1", "port": relay.smtps.port, "tls": "implicit"},
        "https": {"url": url},
        "http": {"url": f"http://127.0.0.1:{http_port}"},
        "ca_file": str(relay.data / "ca.pem"),
        "ca_bundle": str(relay.data / "ca-bundle.pem"),
        "username": rf"[a-z0-9-]+\.{GUID}\.{GUID}",
        "password": r"\S{30,}",
        "from": rf"DoNotReply@{GUID}\.azurecomm\.net",
        "access_token": None,
        "connection_string": rf"endpoint={url}/;accesskey=\S+",
        "tenant_id": GUID,
        "client_id": GUID,
        "client_secret": re.escape(relay.password),
        "subscription_id": GUID,
        "resource": r"[a-z0-9-]+",
        "resource_id": rf"/subscriptions/{GUID}/resourceGroups/[^/]+/providers/"
        r"Microsoft\.Communication/CommunicationServices/[^/]+",
        "admin": ready["admin"],
        "authority": url,
        "arm_url": url,
        "env": {
            "AZURE_AUTHORITY_HOST": url,
            "AZURE_TENANT_ID": ready["tenant_id"],
            "AZURE_CLIENT_ID": ready["client_id"],
            "AZURE_CLIENT_SECRET": ready["client_secret"],
            "AZURE_SUBSCRIPTION_ID": ready["subscription_id"],
            "COMMUNICATION_SERVICES_CONNECTION_STRING": ready["connection_string"],
            "SENDER_ADDRESS": ready["from"],
            "REQUESTS_CA_BUNDLE": ready["ca_bundle"],
            "SSL_CERT_FILE": ready["ca_bundle"],
            "NODE_EXTRA_CA_CERTS": ready["ca_file"],
        },
        "console": r"http://127\.0\.0\.1:\d+",
        "mailbox_api": re.escape(ready["console"]),
        "api_token": r"\S{43}",
        "failures": {"seed": ready["failures"]["seed"]},
    }
    assert list(ready) == list(patterns)
    for key, expected in patterns.items():
        if isinstance(expected, str):
            assert re.fullmatch(expected, ready[key], re.IGNORECASE), (key, ready[key])
        else:
            assert ready[key] == expected, key
    admin = ready["admin"]
    assert sorted(admin) == ["client_id", "client_secret"]
    assert re.fullmatch(GUID, admin["client_id"])
    assert admin["client_id"] != ready["client_id"]
    assert admin["client_secret"] != ready["client_secret"]
    name, client, tenant = ready["username"].split(".")
    assert (name, client, tenant) == (ready["resource"], ready["client_id"], ready["tenant_id"])
    assert ready["resource_id"].endswith(f"/{ready['resource']}")
    assert f"/subscriptions/{ready['subscription_id']}/" in ready["resource_id"]


def test_files_in_the_data_directory_are_private(relay: Emulator) -> None:
    with signed_in(relay.ready) as peer:
        large = letter(relay.sender, (b"x" * 98 + b"\r\n") * 400)
        assert peer.deliver(relay.sender, large).startswith("250 ")
    names = {path.name for path in relay.data.iterdir()}
    assert names >= {"lock", "key", "ca.pem", "control.sock", "store.db", "segments", "ready.json"}
    assert stat.S_IMODE((relay.data / "ready.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((relay.data / "control.sock").stat().st_mode) == 0o600
    for path in relay.data.rglob("*"):
        if path.name not in ("ca.pem", "ca-bundle.pem"):  # which are there to be trusted
            assert not path.lstat().st_mode & 0o077, f"{path.name} is open to others"


def test_everything_accepts_once_ready_json_is_there(tmp_path: Path) -> None:
    """Connect as soon as the file exists; the relay must be ready by then."""
    data = tmp_path / "data"
    data.mkdir()
    with (tmp_path / "log").open("wb") as log:
        process = fork_server.Popen(
            [GATEPOST, "up", "--data", data, "--smtp", "127.0.0.1:0", "--smtps", "127.0.0.1:0",
             *FREE, "--workers", "1"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        ready = data / "ready.json"
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert ready.stat().st_mode & 0o777 == 0o600
        document = json.loads(ready.read_text())
        with Peer.connect(document["smtp"]["port"], document["ca_file"]) as peer:
            assert peer.reply().startswith("220 ")
        with Peer.connect(document["smtps"]["port"], document["ca_file"]) as peer:
            peer.shake()
        for name in ("https", "http"):
            assert get(document[name]["url"] + "/health", document["ca_file"])[0] == 200
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert not ready.exists()
    assert not (data / "control.sock").exists()


def test_disabled_services_are_null() -> None:
    with Emulator(options=OFF) as relay:
        for name in ("smtp", "smtps", "https", "http", "connection_string", "authority", "arm_url"):
            assert relay.ready[name] is None, name
        assert relay.ready["env"] == {}
        assert relay.count() == 0


# HTTP


def get(url: str, ca_file: str) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with urllib.request.urlopen(url, context=context, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("name", ["https", "http"])
def test_health_answers_and_unknown_paths_are_a_json_error(relay: Emulator, name: str) -> None:
    url = relay.ready[name]["url"]
    assert get(f"{url}/health", relay.ca_file) == (200, {"status": "ok"})
    code, document = get(f"{url}/nothing", relay.ca_file)
    assert (code, document["error"]["code"]) == (404, "NotFound")


def test_strict_verifiers_take_the_certificate(relay: Emulator) -> None:
    context = ssl.create_default_context(cafile=relay.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("localhost", "127.0.0.1", "acs.communication.localhost"):
        with socket.create_connection(("127.0.0.1", relay.smtps.port), PATIENCE) as sock:
            context.wrap_socket(sock, server_hostname=host).close()


def test_the_certificate_covers_where_it_listens_and_further_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Emulator, "_start_process", fork_server.Popen)  # with no authority yet
    data, more = tmp_path / "data", ("--name", "mail", "--name", "10.9.8.7")
    for host, options, names in (
        ("127.0.0.2", (), ("127.0.0.2", "localhost")),
        ("0.0.0.0", more, (*list_addresses(), "mail", "10.9.8.7")),
    ):
        place = ("--smtps", f"{host}:0", "--https", "127.0.0.3:0", "--http", "off", *options)
        with Emulator(data=data, options=place) as relay:
            for name in (*names, "127.0.0.3", relay.smtps.host):
                context = ssl.create_default_context(cafile=relay.ca_file)
                with socket.create_connection(("127.0.0.2", relay.smtps.port), PATIENCE) as sock:
                    context.wrap_socket(sock, server_hostname=name).close()
    said = [json.loads(line)["event"] for line in (data / "up.jsonl").read_text().splitlines()]
    assert said.count("authority_replaced") == 1, "the first one permitted no other name"


def test_a_name_that_no_certificate_can_have_is_refused(tmp_path: Path) -> None:
    listeners = ("--smtp", "127.0.0.1:0", "--smtps", "off", "--https", "off", "--http", "off")
    said = refused("--data", tmp_path / "data", "--name", "a b", *listeners).stderr
    assert "'a b' is neither a host name nor an IP address" in said


def test_git_ignores_the_data_directory(relay: Emulator) -> None:
    """It has keys and mail in it, and lies in the project that is tested."""
    assert (relay.data / ".gitignore").read_text() == "*\n"


# Listeners


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_localhost_is_both_families(relay: Emulator, host: str) -> None:
    with Peer.connect(relay.smtp.port, relay.ca_file, host=host) as peer:
        assert peer.reply().startswith("220 ")
        assert f"Hello [{host}]" in peer.ask("EHLO client.example")


def test_several_run_side_by_side(relay: Emulator) -> None:
    with Emulator() as one, Emulator() as two:
        ports = {each.smtp.port for each in (relay, one, two)}
        assert len(ports) == 3
        assert len({each.password for each in (relay, one, two)}) == 3
        with signed_in(one.ready) as peer:
            assert peer.deliver(one.sender, letter(one.sender)).startswith("250 ")
        assert (one.count(), two.count()) == (1, 0)


def test_the_directory_may_lie_deep(tmp_path: Path) -> None:
    """A Unix socket's path has at most 108 octets; a directory has no such limit."""
    data = tmp_path / ("d" * 100) / ("e" * 100) / "data"
    with Emulator(data=data, workers=1) as relay:
        with signed_in(relay.ready) as peer:
            assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")
        assert relay.count() == 1


# What cannot start


def test_a_second_one_names_the_first(relay: Emulator) -> None:
    result = refused("--data", relay.data, *OFF)
    assert result.returncode == 1
    assert str(relay.pid) in result.stderr
    assert "Traceback" not in result.stderr
    assert (relay.data / "ready.json").exists(), "the first one's is not touched"
    assert relay.count() >= 0


def test_a_busy_port_is_named_and_nothing_stays(relay: Emulator, tmp_path: Path) -> None:
    data = tmp_path / "data"
    result = refused("--data", data, *OFF, "--smtps", f"127.0.0.1:{relay.smtp.port}")
    assert result.returncode == 1
    assert f"127.0.0.1:{relay.smtp.port} is in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (data / "ready.json").exists()
    assert not (data / "control.sock").exists()
    Emulator(data=data).stop()


@pytest.mark.parametrize("where", ["file", "file/below", "unresolvable"])
def test_an_unusable_setting_is_one_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    arguments: tuple[object, ...] = ("--data", tmp_path / where)
    if where == "unresolvable":
        arguments = ("--data", tmp_path / "data", "--smtp", "name.invalid:0")
    result = refused(*OFF, *arguments)
    assert result.returncode in {1, 64}
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()


# What it says


def test_each_line_of_json_is_an_event_and_none_holds_a_secret(relay: Emulator) -> None:
    with signed_in(relay.ready) as peer:
        assert peer.ask("MAIL FROM:<x@elsewhere.example>").startswith("501 5.1.7 ")
        assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")
    with Peer.connect(relay.smtps.port, relay.ca_file) as peer:
        peer.shake()
        peer.reply()
        peer.ask("EHLO client.example")
        said = peer.login(relay.username, "not-the-password")
        assert said == "535 5.7.3 Authentication unsuccessful"
        assert peer.login("nobody", relay.password) == said
    log = relay.data / "up.jsonl"
    wait_for_line(log, '"username":"nobody"')
    events = [json.loads(line) for line in log.read_text().splitlines()]
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
        assert isinstance(event["event"], str)
    assert events[0]["event"] == "ready"
    names = {event["event"] for event in events}
    assert names >= {"ready", "signed_in", "refused", "accepted", "auth_refused"}
    reasons = {event["reason"] for event in events if event["event"] == "auth_refused"}
    assert len(reasons) == 2, "one answer on the wire, the true reasons here"
    key = relay.ready["connection_string"].partition("accesskey=")[2]
    for secret in (relay.password, key, "not-the-password"):
        assert secret not in log.read_text()


def test_a_person_reads_reasons_and_sees_the_secret_only_in_the_paste(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    with log.open("wb") as output:
        process = fork_server.Popen(environment(data), stdout=output, stderr=output)
    ready = wait_ready(data, process)
    with signed_in(ready) as peer:
        assert peer.deliver(ready["from"], letter(ready["from"])).startswith("250 ")
        wait_for_line(log, "accepted ")
    with refused_login(ready, "not-the-password"):
        pass
    line = wait_for_line(log, "AUTH LOGIN refused")
    assert re.search(r"from 127\.0\.0\.1: [a-z_]+: \S+", line)
    assert stop(process) == 0
    said = log.read_text()
    assert said.count(ready["password"]) == 1
    assert said.index(ready["password"]) < said.index("as JSON")
    assert "not-the-password" not in said


def environment(data: Path) -> list[str | Path]:
    return [GATEPOST, "up", "--data", data, *OFF, "--smtp", "127.0.0.1:0"]


def wait_ready(data: Path, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while not (data / "ready.json").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    ready: dict[str, Any] = json.loads((data / "ready.json").read_text())
    return ready


def stop(process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> int:
    try:
        process.send_signal(number)
        return process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pipe that is quickly full")
def test_a_reader_that_stops_reading_stops_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
    process = fork_server.Popen([*environment(data), "--json"], stdout=writing)
    os.close(writing)
    ready = wait_ready(data, process)
    with signed_in(ready) as peer:
        for _ in range(60):
            assert peer.deliver(ready["from"], letter(ready["from"])).startswith("250 ")
    assert count(data) == 60
    assert stop(process) == 0
    os.close(reading)


@pytest.mark.parametrize("how", ["reader gone", "closed"])
def test_without_a_reader_it_works_as_well(tmp_path: Path, how: str) -> None:
    data = tmp_path / "data"
    if how == "closed":
        command = ["sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", *environment(data)]
        process = fork_server.Popen(command)
    else:
        process = fork_server.Popen(environment(data), stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.close()
    ready = wait_ready(data, process)
    with signed_in(ready) as peer:
        assert peer.deliver(ready["from"], letter(ready["from"])).startswith("250 ")
    assert count(data) == 1
    assert stop(process) == 0
    with Emulator(data=data) as again:
        assert again.count() == 1, "no line was written into a file of the store"


@pytest.mark.parametrize("workers", [0, 1])
def test_it_needs_no_uvloop(tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Emulator(workers=workers, options=FREE) as relay:
        with signed_in(relay.ready) as peer:
            assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")
            large = letter(relay.sender, (b"x" * 98 + b"\r\n") * 10_000)
            assert peer.deliver(relay.sender, large).startswith("250 ")
            assert get(relay.ready["https"]["url"] + "/health", relay.ca_file)[0] == 200
        assert relay.messages()[0].content == large


# Stop and start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_signal_stops_it_with_clients_in_every_state(
    tmp_path: Path, number: int, workers: int
) -> None:
    data = tmp_path / "data"
    relay = Emulator(data=data, workers=workers, options=FREE)
    idle, content = signed_in(relay.ready), signed_in(relay.ready)
    content.begin(relay.sender)
    content.send(b"Subject: half a mess")
    deaf = signed_in(relay.ready)
    deaf.send_until_it_stalls(b"HELP\r\n" * 10_000)
    shaking = Peer.connect(relay.smtps.port, relay.ca_file)
    shaking.send(b"\x16\x03\x01\x02\x00")
    web = [
        socket.create_connection(("127.0.0.1", int(relay.ready[name]["url"].rpartition(":")[2])))
        for name in ("https", "http")
    ]
    with idle, content, deaf, shaking, web[0], web[1]:
        began = time.monotonic()
        os.kill(relay.pid, number)
        for peer in (idle, content):
            assert peer.rest() == b"421 4.3.2 Service shutting down\r\n"
            peer.sock.close()
        relay.stop()  # which says when the status is another than 0
        assert time.monotonic() - began < 10
    assert not (data / "ready.json").exists()
    assert not (data / "control.sock").exists()


def test_a_restart_keeps_mail_and_credentials(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Emulator(data=data) as first:
        with signed_in(first.ready) as peer:
            assert peer.deliver(first.sender, letter(first.sender)).startswith("250 ")
        before = first.ready
    with Emulator(data=data, workers=1) as second:
        changes = {"pid", "smtp", "smtps", "console", "mailbox_api"}
        assert {k: v for k, v in before.items() if k not in changes} == {
            k: v for k, v in second.ready.items() if k not in changes
        }
        assert second.count() == 1
        with signed_in(second.ready) as peer:
            assert peer.deliver(second.sender, letter(second.sender)).startswith("250 ")
        assert second.count() == 2


def test_it_starts_again_after_sigkill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    killed = Emulator(data=data)
    with signed_in(killed.ready) as peer:
        assert peer.deliver(killed.sender, letter(killed.sender)).startswith("250 ")
    killed.kill()
    assert (data / "ready.json").exists()
    assert (data / "control.sock").exists()
    with Emulator(data=data) as again:
        assert again.ready["pid"] == again.pid
        assert again.ready["password"] == killed.ready["password"]
        assert again.count() == 1


def test_a_stale_ready_json_goes_before_anything_is_done(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Emulator(data=data).stop()
    (data / "ready.json").write_text('{"pid": 1}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert refused("--data", data, *OFF, "--smtp", place).returncode == 1
    assert not (data / "ready.json").exists()


def test_a_provider_with_accounts_gives_one_that_stays(tmp_path: Path) -> None:
    """It is the same in front processes and after a restart; nothing of Azure is printed."""
    told = ("username", "password", "access_token", "from")
    with Emulator("gmail", workers=1, data=tmp_path) as first:
        before = {key: first.ready[key] for key in told}
        assert first.ready["tenant_id"] is first.ready["admin"] is None
        assert first.ready["env"] == {}
        tls = gatepost.Tls(ca_file=first.ca_file)
        for secret in (first.password, gatepost.Token(first.token)):
            message = f"From: {first.sender}\r\nTo: a@example.net\r\n\r\nhi\r\n"
            gatepost.send(message, str(first.smtp), first.username, secret, tls=tls)
        assert first.count() == 2
    with Emulator("gmail", data=tmp_path) as second:
        assert {key: second.ready[key] for key in told} == before
        with smtplib.SMTP(second.smtp.host, second.smtp.port) as client:
            client.starttls(context=ssl.create_default_context(cafile=second.ca_file))
            with pytest.raises(smtplib.SMTPAuthenticationError, match="BadCredentials"):
                client.login(second.username, "the-accounts-own")
            assert client.login(second.username, second.password)[0] == 235


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    open_key(data)
    (data / "key").chmod(0o644)
    for command in (("up", *OFF), ("app", "list")):
        done = fork_server.run(
            [GATEPOST, *command, "--data", str(data)],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert (
            f"the key can be used by everybody on this machine: `chmod 600 {data}/key`"
            in done.stderr
        )
