"""Command line clients against the relay: curl, swaks, msmtp, and OpenSSL's s_client by hand."""

import base64
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from gatepost.testing import Emulator
from tests.commands import RECIPIENT

pytestmark = pytest.mark.compliance


def run(command: Sequence[str | Path], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done


def curl(relay: Emulator, url: str) -> list[str]:
    return [
        *("curl", "--silent", "--show-error", "--url", url, "--cacert", relay.ca_file),
        *("--ssl-reqd", "--user", f"{relay.username}:{relay.password}"),
        *("--mail-from", relay.sender, "--mail-rcpt", RECIPIENT, "--upload-file", "-"),
    ]


def test_curl(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    run(curl(relay, f"smtp://localhost:{relay.smtp.port}"), message)
    delivered()


def test_curl_over_implicit_tls(
    relay: Emulator, message: bytes, delivered: Callable[[], None]
) -> None:
    run(curl(relay, f"smtps://localhost:{relay.smtps.port}"), message)
    delivered()


def test_swaks(
    relay: Emulator, message: bytes, tmp_path: Path, delivered: Callable[[], None]
) -> None:
    content = tmp_path / "message"
    content.write_bytes(message.removesuffix(b"\r\n"))  # swaks ends the last line itself
    command = [
        *("swaks", "--server", "localhost", "--port", str(relay.smtp.port)),
        *("--tls", "--tls-verify-ca", "--tls-ca-path", relay.ca_file),
        *("--auth", "LOGIN", "--auth-user", relay.username, "--auth-password", relay.password),
        *("--from", relay.sender, "--to", RECIPIENT, "--data", f"@{content}"),
    ]
    run(command)
    delivered()


def test_msmtp(
    relay: Emulator,
    message: bytes,
    password_file: Path,
    tmp_path: Path,
    delivered: Callable[[], None],
) -> None:
    settings = {
        "account": "default",
        "host": "localhost",
        "port": relay.smtp.port,
        "auth": "login",
        "user": relay.username,
        "passwordeval": f"cat {shlex.quote(str(password_file))}",
        "from": relay.sender,
        "tls": "on",
        "tls_trust_file": relay.ca_file,
    }
    configuration = tmp_path / "msmtprc"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    configuration.chmod(0o600)
    text = message.replace(b"\r\n", b"\n")  # a mail user agent hands over Unix lines
    run(["msmtp", f"--file={configuration}", "--", RECIPIENT], text)
    delivered()


class ByHand:
    """A person at ``openssl s_client``: a line out, a reply back."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self.stdin: IO[bytes] = process.stdin
        self.stdout: IO[bytes] = process.stdout

    def reply(self, code: str) -> str:
        """The lines up to the last one of the reply with `code`; fails at the end of output."""
        lines = []
        for line in self.stdout:
            lines.append(line.decode())
            if lines[-1].startswith(f"{code} "):
                return "".join(lines)
        raise AssertionError(f"no {code} in {lines}")

    def say(self, line: str, code: str) -> str:
        self.stdin.write(line.encode() + b"\n")
        self.stdin.flush()
        return self.reply(code)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_openssl_by_hand(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    command = [
        *("openssl", "s_client", "-quiet", "-crlf", "-connect", f"localhost:{relay.smtp.port}"),
        *("-starttls", "smtp", "-CAfile", relay.ca_file, "-verify_return_error"),
        *("-verify_hostname", "localhost"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            hand = ByHand(process)
            hello = hand.say("EHLO by.hand.example", "250")
            assert hello.endswith("250 AUTH LOGIN\r\n")
            hand.say("AUTH PLAIN", "504")
            assert hand.say("AUTH LOGIN", "334") == "334 VXNlcm5hbWU6\r\n"
            assert hand.say(encoded(relay.username), "334") == "334 UGFzc3dvcmQ6\r\n"
            hand.say(encoded(relay.password), "235")
            hand.say(f"MAIL FROM:<{relay.sender}>", "250")
            hand.say(f"RCPT TO:<{RECIPIENT}>", "250")
            hand.say("DATA", "354")
            lines = message.decode().removesuffix("\r\n").split("\r\n")
            stuffed = [f".{line}" if line.startswith(".") else line for line in lines]
            hand.say("\n".join([*stuffed, "."]), "250")
            hand.say("QUIT", "221")
        finally:
            process.kill()
    delivered()
