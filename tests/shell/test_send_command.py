"""``gatepost send`` as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import EmulatorServer, LocalRelay
from tests import fork_server
from tests.certificates import Authority, Pair
from tests.shell.smtp_server import Client, SmtpServer, serving

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
PASSWORD = "correct horse"
MESSAGE = ("--from", "a@example.com", "--to", "b@example.net", "--subject", "hi", "--text", "Hello")


def run(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return fork_server.run(
        [GATEPOST, "send", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def accept(client: Client, *, mechanisms: str = "LOGIN", password: str = "235 ok") -> None:
    client.say("220 mail.example ESMTP")
    client.answer("250-mail.example\n250 STARTTLS", "220 go")
    client.start_tls()
    client.answer(f"250-mail.example\n250 AUTH {mechanisms}")
    line = client.hear()
    if line == b"AUTH LOGIN":
        client.say("334 VXNlcm5hbWU6")
        client.answer("334 UGFzc3dvcmQ6", password)
        line = client.hear()
    if line.startswith(b"MAIL"):
        client.say("250 ok")
        client.answer("250 ok", "354 go")
        client.hear_content()
        client.say("250 2.0.0 queued as 7")
        client.hear()
    client.say("221 bye")
    client.wait_for_end()


def deny(client: Client) -> None:
    accept(client, password="535 5.7.3 Authentication unsuccessful")


@pytest.fixture
def login(tmp_path: Path, authority: Authority) -> list[str]:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    return ["--ca-file", authority.ca_file, "--username", "me", "--password-file", str(secret)]


def send(
    server: SmtpServer, *arguments: str, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    return run("--server", server.address, *arguments, given=given)


def test_sent(pair: Pair, login: list[str]) -> None:
    with serving(accept, pair) as server:
        done = send(server, *login, *MESSAGE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TLSv1.3 LOGIN" in done.stdout
    assert "250 2.0.0 queued as 7" in done.stdout
    assert "for b@example.net" in done.stdout


def test_sent_as_json(pair: Pair, login: list[str]) -> None:
    with serving(accept, pair) as server:
        done = send(server, *login, *MESSAGE, "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["sent"] is True
    assert document["reply"] == {"code": 250, "status": "2.0.0", "text": "queued as 7"}
    assert (document["accepted"], document["refused"]) == (["b@example.net"], {})
    assert (document["tls"], document["mechanism"]) == ("TLSv1.3", "LOGIN")
    first = {"from": "S", "text": "220 mail.example ESMTP", "tls": False}
    assert document["transcript"][0] == first
    assert PASSWORD not in done.stdout


def test_the_password_may_come_from_standard_input(pair: Pair, authority: Authority) -> None:
    with serving(accept, pair) as server:
        done = send(
            server, "--ca-file", authority.ca_file, "--username", "me", "--password-file", "-",
            *MESSAGE, given=f"{PASSWORD}\r\n",
        )  # fmt: skip
    assert done.returncode == 0
    assert b"Y29ycmVjdCBob3JzZQ==" in server.clients[0].heard


def test_a_refused_password(pair: Pair, login: list[str]) -> None:
    with serving(deny, pair) as server:
        done = send(server, *login, *MESSAGE, "--verbose")
    assert (done.returncode, done.stdout) == (1, "")
    assert "failed at auth: 535 5.7.3 Authentication unsuccessful" in done.stderr
    assert "offered: LOGIN" in done.stderr
    assert "tried LOGIN: 535" in done.stderr
    assert "C* AUTH LOGIN" in done.stderr
    assert PASSWORD not in done.stderr
    assert "Y29ycmVjdCBob3JzZQ" not in done.stderr


def test_a_refused_password_as_json(pair: Pair, login: list[str]) -> None:
    with serving(deny, pair) as server:
        done = send(server, *login, *MESSAGE, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["sent"]) == (1, False)
    error = document["error"]
    assert (error["kind"], error["phase"]) == ("AuthenticationRefused", "auth")
    assert error["reply"]["code"] == 535
    assert error["tried"][0]["mechanism"] == "LOGIN"


def test_no_mechanism_in_common(pair: Pair, login: list[str]) -> None:
    with serving(lambda client: accept(client, mechanisms="NTLM"), pair) as server:
        done = send(server, *login, *MESSAGE)
    assert done.returncode == 1
    assert "failed at auth: server offers NTLM" in done.stderr
    assert "  LOGIN: " in done.stderr


def test_a_message_file(pair: Pair, login: list[str], tmp_path: Path) -> None:
    message = tmp_path / "message.eml"
    message.write_bytes(
        b"From: a@example.com\nTo: b@example.net\nBcc: c@example.net\nDate: x\n"
        b"Message-ID: <1@example.com>\n\n.dot\n"
    )
    with serving(accept, pair) as server:
        done = send(server, *login, "--eml", str(message), "--to", "d@example.net")
    assert done.returncode == 0, done.stderr
    heard = server.clients[0].heard
    assert b"RCPT TO:<d@example.net>" in heard
    content = heard[heard.index(b"DATA") + 1 : -2]
    assert content == [
        b"From: a@example.com", b"To: b@example.net", b"Date: x",
        b"Message-ID: <1@example.com>", b"", b"..dot",
    ]  # fmt: skip


def test_unreachable(tmp_path: Path) -> None:
    done = run("--server", "no-such-host.invalid", *MESSAGE)
    assert done.returncode == 3
    assert "failed at resolve" in done.stderr
    refused = run("--server", "localhost:1", *MESSAGE, "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["error"]["phase"] == "connect"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--server", "localhost:smtp", *MESSAGE],
        ["--server", "localhost"],
        ["--server", "localhost", "--from", "a@example.com"],
        ["--server", "localhost", "--from", "not an address", "--to", "b@example.net"],
        ["--server", "localhost", *MESSAGE, "--username", "me"],
        ["--server", "localhost", *MESSAGE, "--password-file", "-"],
        ["--server", "localhost", *MESSAGE, "--tls", "maybe"],
        ["--server", "localhost", *MESSAGE, "--subject", "a\nBcc: x@example.net"],
        ["--server", "localhost", *MESSAGE, "--eml", __file__],
        ["--server", "localhost", *MESSAGE, "--password", "secret"],
    ],
)
def test_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr


def test_help_has_an_example() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "gatepost send --server smtp.example.com:587" in done.stdout


# --local: what `gatepost up` has written.


@pytest.fixture(scope="module")
def local() -> "Iterator[LocalRelay]":
    with EmulatorServer() as server, server.open() as relay:
        yield relay


def send_local(relay: LocalRelay, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("--local", "--data", str(relay.data), *arguments)


def test_a_local_server_needs_no_options(local: LocalRelay) -> None:
    done = send_local(local, "--to", "b@example.net", "--text", "Hello", "--subject", "usual")
    assert (done.returncode, done.stderr) == (0, "")
    message = local.wait(subject="usual")
    assert (message.mail_from, message.principal) == (local.sender, local.username)


def test_each_option_replaces_what_is_local(local: LocalRelay, tmp_path: Path) -> None:
    wrong, other = tmp_path / "wrong", tmp_path / "other.pem"
    wrong.write_text("wrong")
    other.write_text((Path(local.ca_file).parent / "ca-bundle.pem").read_text())
    message = ("--to", "b@example.net", "--text", "Hello")
    for arguments, said in (
        (("--password-file", str(wrong)), "failed at auth: 535"),
        (("--username", "res.app.tenant"), "failed at auth: 535"),
        (("--from", "me@example.org"), "failed at mail: 501"),
        (("--server", "127.0.0.1:1"), "cannot connect to 127.0.0.1:1"),
        (("--tls", "implicit"), "failed at tls"),
        (("--auth", "PLAIN"), "PLAIN"),
    ):
        done = send_local(local, *message, *arguments)
        assert done.returncode in (1, 3), arguments
        assert said in done.stdout + done.stderr
    implicit = ("--server", str(local.smtps), "--tls", "implicit", "--ca-file", str(other))
    assert send_local(local, *message, *implicit).returncode == 0


def test_a_message_of_a_file_has_its_own_sender(local: LocalRelay, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_text(f"From: {local.sender}\nTo: eve@example.net\nSubject: eml\n\nHello\n")
    assert send_local(local, "--eml", str(letter)).returncode == 0
    assert local.wait(to="eve@example.net").subject == "eml"


def test_without_a_local_server(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text('{"pid": 1, "listeners": []}')
    for data, said in ((tmp_path / "nowhere", "no relay is up in"), (tmp_path, "gatepost serve")):
        done = run("--local", "--data", str(data), "--to", "b@example.net", "--text", "x")
        assert done.returncode == 1
        assert said in done.stderr


def test_a_server_is_needed() -> None:
    for arguments, said in (((), "--server HOST:PORT, or --local"), (("--data", "x"), "--local")):
        done = run(*arguments, *MESSAGE)
        assert done.returncode == 64
        assert said in done.stderr


def test_a_timeout_for_all_of_it(pair: Pair) -> None:
    def stall(client: Client) -> None:
        client.wait_for_end()

    with serving(stall, pair) as server:
        done = send(server, "--timeout", "0.3", *MESSAGE)
    assert done.returncode == 1
    assert "failed at greeting" in done.stdout + done.stderr
    assert run("--server", "a", "--timeout", "0", *MESSAGE).returncode == 64
