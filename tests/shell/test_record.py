"""``gatepost record`` between real sockets: TLS on both sides, and the end of a session."""

import asyncio
import contextlib
import json
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.app.record_session import RecordOptions, certificates_in, record
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.evidence_document import from_json, to_document
from gatepost.doctor.recording.recorder import NobodyCame
from gatepost.doctor.terminal_report import render
from gatepost.errors import ConfigError
from gatepost.net.dial import Server as Place
from gatepost.store.lock import DirectoryLock
from tests import fork_server
from tests.certificates import Authority, Pair
from tests.recorded_client import ids, recorded
from tests.shell.scripted_server import Script, Server, serving

PASSWORD = "correct-horse-battery"
MESSAGE = "From: ann@example.org\r\nSubject: x\r\n\r\n.a dot\r\nhello\r\n"
PLAIN_FIRST = ("AUTH PLAIN", "SIZE 100000")
TAKEN = {"AUTH PLAIN": "235 ok"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of our authority, which is made once."""
    made = tmp_path_factory.mktemp("record") / "data"
    certificates_in(made, "localhost")
    return made


@pytest.fixture
def server(pair: Pair) -> Iterator[Server]:
    with serving(
        Script(in_clear=("STARTTLS",), over_tls=PLAIN_FIRST, replies=TAKEN, pair=pair)
    ) as it:
        yield it


def sending(
    data: Path | None = None, *, tls: str = "starttls", password: str = PASSWORD
) -> Callable[[int], None]:
    """Return a client that signs in and sends; it trusts the authority in ``data``."""

    def send(port: int) -> None:
        context = ssl.create_default_context(cafile=str(data / "ca.pem") if data else None)
        if tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, timeout=20, context=context)
        else:
            client = smtplib.SMTP("127.0.0.1", port, timeout=20)
        with client:
            if tls == "starttls":
                client.starttls(context=context)
            client.login("ann@example.org", password)
            client.sendmail("ann@example.org", ["bob@example.net"], MESSAGE)

    return send


WAYS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    # the client's TLS, the server's, what the server is like
    "STARTTLS on both sides": ("starttls", "starttls", {}),
    "TLS first on both sides": ("implicit", "implicit", {"implicit": True}),
    "STARTTLS, and the server begins with TLS": ("starttls", "implicit", {"implicit": True}),
    "STARTTLS, and the server has none": ("starttls", "none", {"in_clear": PLAIN_FIRST}),
    "TLS first, and the server wants STARTTLS": ("implicit", "starttls", {}),
    "TLS first, and the server has none": ("implicit", "none", {"in_clear": PLAIN_FIRST}),
    "no TLS, and the server wants STARTTLS": ("none", "starttls", {}),
    "no TLS, and the server begins with it": ("none", "implicit", {"implicit": True}),
    "no TLS at all": ("none", "none", {"in_clear": PLAIN_FIRST}),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_message_goes_its_way(name: str, data: Path, pair: Pair, authority: Authority) -> None:
    client_tls, server_tls, like = WAYS[name]
    script: dict[str, Any] = {"in_clear": ("STARTTLS",), "over_tls": PLAIN_FIRST} | like
    with serving(Script(replies=TAKEN, pair=pair, **script)) as server:
        diagnosis = recorded(
            server.address, data, sending(data, tls=client_tls), client_tls=client_tls,
            server_tls=server_tls, ca_file=authority.ca_file,
        )  # fmt: skip
    assert (diagnosis.verdict, ids(diagnosis)) == ("healthy", [])
    assert server.count("<bob@example.net>") == 1
    assert diagnosis.evidence.is_signed_in
    assert diagnosis.evidence.client.library == "python-smtplib"
    conduct = diagnosis.evidence.conduct.value
    assert conduct is not None
    assert conduct.content is not None
    assert conduct.content.octets == len(MESSAGE.replace("\r\n.a", "\r\n..a"))
    assert PASSWORD not in json.dumps([line.text for line in diagnosis.evidence.transcript])


def test_passing_tls_through_is_noted(server: Server, data: Path) -> None:
    def client(port: int) -> None:
        context = ssl._create_unverified_context()
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as it:
            it.starttls(context=context)
            it.login("ann@example.org", PASSWORD)

    diagnosis = recorded(server.address, data, client)
    assert server.count("AUTH PLAIN") == 1
    assert diagnosis.verdict == "unknown"
    assert any("--tls starttls" in note for note in diagnosis.notes)


@pytest.mark.parametrize("client_tls", ["none", "implicit"])
def test_a_starttls_that_is_not_expected_passes(
    client_tls: Any, server: Server, data: Path
) -> None:
    def client(port: int) -> None:
        context = ssl._create_unverified_context()
        opened = (
            smtplib.SMTP("127.0.0.1", port, timeout=20)
            if client_tls == "none"
            else smtplib.SMTP_SSL("127.0.0.1", port, timeout=20, context=context)
        )
        with opened as it:
            it.ehlo()
            assert it.docmd("STARTTLS")[0] == 220
            it.close()

    diagnosis = recorded(
        server.address, data, client, client_tls=client_tls, server_tls="none"
    )  # fmt: skip
    assert diagnosis.evidence.conduct.value is not None
    assert diagnosis.evidence.conduct.value.is_opaque


def test_a_client_that_does_not_trust_us(server: Server, data: Path, authority: Authority) -> None:
    diagnosis = recorded(
        server.address, data, sending(), client_tls="starttls", server_tls="starttls",
        ca_file=authority.ca_file,
    )  # fmt: skip
    assert ids(diagnosis)[0] == "cert_untrusted"
    assert diagnosis.findings[0].confidence == "certain"
    assert str(data / "ca.pem") in diagnosis.findings[0].fix
    assert server.count("AUTH") == 0


def test_a_client_that_does_not_trust_the_server(server: Server, data: Path) -> None:
    """Without opening TLS: TLS 1.3 encrypts the alert, but its length shows it."""
    diagnosis = recorded(server.address, data, sending())
    assert ids(diagnosis)[0] == "cert_untrusted"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("tls", ["pass", "starttls"])
def test_tls_of_the_past(tls: Any, server: Server, data: Path, authority: Authority) -> None:
    def client(port: int) -> None:
        context = ssl._create_unverified_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as it:
            it.starttls(context=context)

    diagnosis = recorded(
        server.address, data, client, client_tls=tls, server_tls=tls, ca_file=authority.ca_file
    )
    assert ids(diagnosis) == ["client_tls_disabled"]


def test_no_secret_goes_to_a_server_with_an_untrusted_certificate(
    server: Server, data: Path
) -> None:
    diagnosis = recorded(
        server.address, data, sending(data), client_tls="starttls", server_tls="starttls"
    )
    assert diagnosis.findings[0].id == "cert_untrusted"
    assert "Throw-away CA" in " ".join(diagnosis.findings[0].proof)
    assert server.count("AUTH PLAIN") == 0


def test_a_client_that_waits_where_tls_comes_first(pair: Pair, data: Path) -> None:
    def client(port: int) -> None:
        with contextlib.suppress(OSError):
            smtplib.SMTP("127.0.0.1", port, timeout=1.2)

    with serving(Script(implicit=True, pair=pair)) as server:
        diagnosis = recorded(server.address, data, client)
    assert ids(diagnosis)[0] == "starttls_on_implicit_tls_port"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"", "starttls_on_implicit_tls_port"),
        (b"EHLO app\r\n", "starttls_on_implicit_tls_port"),
        (b"GET / HTTP/1.1\r\n\r\n", "client_speaks_http"),
    ],
)
def test_clear_text_on_an_implicit_tls_port_is_diagnosed(
    said: bytes, cause: str, pair: Pair, data: Path, authority: Authority
) -> None:
    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 1.2) as it:
            it.sendall(said)
            it.recv(4096)

    with serving(Script(implicit=True, pair=pair)) as server:
        diagnosis = recorded(
            server.address, data, client, client_tls="implicit", server_tls="implicit",
            ca_file=authority.ca_file,
        )  # fmt: skip
    assert ids(diagnosis)[0] == cause


def test_tls_where_the_port_begins_in_clear(server: Server, data: Path) -> None:
    diagnosis = recorded(
        server.address, data, sending(data, tls="implicit"), client_tls="starttls",
        server_tls="starttls",
    )  # fmt: skip
    assert ids(diagnosis)[0] == "implicit_tls_on_starttls_port"


def test_tls_at_both_ends_where_the_port_begins_in_clear(
    server: Server, data: Path, authority: Authority
) -> None:
    """The server refuses us as it would the client: a refusal is not a lack of trust."""
    diagnosis = recorded(
        server.address, data, sending(data, tls="implicit"), client_tls="implicit",
        server_tls="implicit", ca_file=authority.ca_file,
    )  # fmt: skip
    assert ids(diagnosis) == ["implicit_tls_on_starttls_port"]
    assert "--server-tls starttls" in diagnosis.evidence.failure


def test_http(server: Server, data: Path) -> None:
    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 20) as it:
            it.sendall(b"GET /?token=abcdefgh HTTP/1.1\r\nHost: localhost\r\n\r\n")
            it.recv(4096)

    diagnosis = recorded(server.address, data, client)
    assert ids(diagnosis)[0] == "client_speaks_http"
    assert "abcdefgh" not in repr(diagnosis)


def test_port_checks_are_not_recorded(server: Server, data: Path) -> None:
    def client(port: int) -> None:
        for _ in range(3):
            socket.create_connection(("127.0.0.1", port), 20).close()
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as it:
            it.ehlo()

    diagnosis = recorded(server.address, data, client)
    assert [line.text for line in diagnosis.evidence.transcript if line.speaker == "C"]


def test_a_look_at_a_port_that_begins_with_tls_does_not_count(pair: Pair, data: Path) -> None:
    def client(port: int) -> None:
        socket.create_connection(("127.0.0.1", port), 20).close()
        with contextlib.suppress(OSError):
            sending(tls="implicit")(port)

    with serving(Script(implicit=True, pair=pair)) as server:
        diagnosis = recorded(
            server.address, data, client, client_tls="implicit", server_tls="implicit"
        )
    assert ids(diagnosis)[:1] == ["cert_untrusted"]
    assert diagnosis.evidence.conduct.value is not None
    assert diagnosis.evidence.conduct.value.tls_version == "TLSv1.3"


def test_a_silent_connection_is_closed_at_the_end(server: Server, data: Path) -> None:
    """A client that came first and said nothing does not count, and does not delay the end."""
    others = []

    def client(port: int) -> None:
        others.append(socket.create_connection(("127.0.0.1", port), 20))
        assert others[0].recv(4096).startswith(b"220 ")
        sending(tls="none")(port)

    began = time.monotonic()
    recorded(server.address, data, client)
    assert time.monotonic() - began < 10
    with others[0] as other, contextlib.suppress(ConnectionResetError):
        other.settimeout(5)
        assert other.recv(4096) == b""


def test_an_unreachable_server(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    heard = []

    def client(at: int) -> None:
        with socket.create_connection(("127.0.0.1", at), 20) as it:
            heard.append(it.recv(4096))

    diagnosis = recorded(f"127.0.0.1:{port}", data, client)
    assert diagnosis.verdict == "unreachable"
    assert heard[0].startswith(b"421 ")


def test_a_server_that_sends_everybody_away(data: Path) -> None:
    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 20) as it:
            while it.recv(4096):
                pass

    with serving(Script(greeting="554 5.7.1 not you", replies={"?": "421 bye"})) as server:
        diagnosis = recorded(server.address, data, client, idle=0.5)
    greeting = diagnosis.evidence.greeting.value
    assert greeting is not None
    assert greeting.reply is not None
    assert greeting.reply.code == 554
    assert "client_left_after_greeting" not in ids(diagnosis)


def test_silence_ends_a_session(server: Server, data: Path) -> None:
    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 20) as it:
            it.sendall(b"EHLO app\r\nAUTH PL")
            while it.recv(4096):
                pass

    diagnosis = recorded(server.address, data, client, idle=0.5)
    assert "nothing was said" in diagnosis.evidence.failure
    conduct = diagnosis.evidence.conduct.value
    assert conduct is not None
    assert conduct.ended_by == "time"


def test_a_session_takes_so_long_and_no_longer(server: Server, data: Path) -> None:
    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 20) as it:
            while it.recv(4096):
                pass

    diagnosis = recorded(server.address, data, client, total=0.7)
    assert "longer than" in diagnosis.evidence.failure


def test_other_machines_are_let_in_by_choice_only(data: Path) -> None:
    options = RecordOptions(("0.0.0.0", 0), Place("127.0.0.1", 25), data=data)
    with pytest.raises(ConfigError, match="--beyond-loopback"):
        asyncio.run(record(options, lambda _: None))


def test_recording_the_own_address_is_refused(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = RecordOptions(("127.0.0.1", port), Place("localhost", port), data=data)
    with pytest.raises(ConfigError, match="own address"):
        asyncio.run(record(options, lambda _: None))


def test_saved_evidence_is_diagnosed_again(
    server: Server, data: Path, tmp_path: Path, authority: Authority
) -> None:
    diagnosis = recorded(
        server.address, data, sending(data), client_tls="starttls", server_tls="starttls",
        ca_file=authority.ca_file, client="Django",
    )  # fmt: skip
    assert "client: Django (as given)" in render(diagnosis)
    kept = from_json(json.dumps(to_document(diagnosis.evidence)).encode())
    assert kept == diagnosis.evidence
    assert diagnose_evidence(kept).verdict == "healthy"


def test_the_authority_of_a_relay_that_runs(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(ConfigError, match="no certificates there yet"):
        certificates_in(tmp_path, "localhost")
    lock.release()
    made = certificates_in(tmp_path, "localhost")
    lock = DirectoryLock(tmp_path)
    assert certificates_in(tmp_path, "localhost") == made
    lock.release()


def test_recording_without_a_client_ends_after_the_wait(data: Path) -> None:
    with pytest.raises(NobodyCame):
        recorded("127.0.0.1:9", data, lambda _: None, wait=0.2)


COMMAND = (sys.executable, "-m", "gatepost.cli.main", "record", "--listen", "127.0.0.1:0")


def start(*arguments: str) -> "tuple[subprocess.Popen[str], int]":
    """Return the command, and the port that it prints on standard error."""
    running = fork_server.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    told = running.stderr.readline()
    return running, int(told.partition(", to ")[0].rpartition(":")[2])


def test_the_command_ends_cleanly_on_a_signal(server: Server, tmp_path: Path) -> None:
    saved = tmp_path / "seen.json"
    running, port = start("--to", server.address, "--json", "--save", str(saved))
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        heard = client.recv(4096)
        client.sendall(b"EHLO app\r\n")
        while b"STARTTLS" not in heard:
            heard += client.recv(4096)
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=30)
    document = json.loads(out)
    assert document["evidence"]["failure"] == "the recording was stopped"
    assert document["evidence"]["source"] == "record"
    assert running.returncode == 1
    assert json.loads(saved.read_text())["source"] == "record"


def test_the_command_reports_that_no_client_came(server: Server) -> None:
    running, _ = start("--to", server.address, "--json")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert json.loads(out)["error"]["code"] == "NobodyCame"
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "host:99999"),
        ("--to", "host", "--tls", "perhaps"),
        ("--to", "host", "--server-tls", "implicit"),
        ("--to", "host", "--json", "--markdown"),
        ("--to", "host", "--idle", "0"),
        (),
    ],
)
def test_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    from gatepost.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["record", "--listen", "localhost:0", *arguments])
    assert ended.value.code == 64
    assert capsys.readouterr().err
