"""``gatepost doctor --watch-log``: a process that follows logs until a signal comes."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests import fork_server
from tests.commands import GATEPOST, PATIENCE, doctor

EXPIRED = "ssl.SSLCertVerificationError: certificate verify failed: certificate has expired\n"
REFUSED = "S: 250 AUTH LOGIN\nC: AUTH PLAIN AGFubgBTM2NyZXQ=\nS: 504 5.7.4 Unrecognized\n"


@contextmanager
def watching(*arguments: str) -> Iterator[Any]:
    """Yield a process that follows logs; it is killed if it hangs."""
    process = fork_server.Popen(
        [GATEPOST, "doctor", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    guard = Timer(PATIENCE, process.kill)
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_each_new_cause_comes_once_until_a_signal(number: int, tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    append(first, EXPIRED)
    arguments = ("--watch-log", str(first), "--watch-log", str(second), "--json")
    with watching(*arguments, "--server", "mail.example.com") as process:
        assert b"b.log: waiting for it (No such file or directory)" in process.stderr.readline()
        append(first, REFUSED)
        new = json.loads(process.stdout.readline())
        assert (new["event"], new["id"], new["log"]) == (
            "cause", "mechanism_not_offered", str(first),
        )  # fmt: skip
        assert new["report"]["findings"][0]["id"] == "mechanism_not_offered"
        assert "S3cret" not in json.dumps(new)
        assert "AGFubgBTM2NyZXQ=" not in json.dumps(new)
        first.rename(tmp_path / "a.log.1")
        append(first, REFUSED * 9 + EXPIRED)
        repeated, other = (json.loads(process.stdout.readline()) for _ in range(2))
        assert (repeated["event"], repeated["count"]) == ("repeated", 10)
        assert (other["event"], other["id"]) == ("cause", "cert_expired")
        append(second, EXPIRED)
        assert json.loads(process.stdout.readline())["log"] == str(second)
        process.send_signal(number)
        stopped = json.loads(process.stdout.readline())
        assert process.wait(PATIENCE) == 2
    assert stopped["event"] == "stopped"
    assert [(each["id"], each["count"]) for each in stopped["causes"]] == [
        ("mechanism_not_offered", 10), ("cert_expired", 1), ("cert_expired", 1),
    ]  # fmt: skip


def test_what_is_there_is_read_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, EXPIRED * 3)
    with watching("--watch-log", str(path), "--from-start") as process:
        assert f"== {path}".encode() in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        report = process.stdout.read().decode()
        assert process.wait(PATIENCE) == 2
    assert "Likely cause: cert_expired" in report
    assert "3      cert_expired" in report


@pytest.mark.parametrize(
    ("text", "code"),
    [(EXPIRED, 2), ("all is well\n", 0), ("", 0), ("ERROR: out of cheese\n", 1)],
)
def test_standard_input_has_an_end(text: str, code: int) -> None:
    done = fork_server.run(
        [GATEPOST, "doctor", "--watch-log", "-"],
        input=text.encode(), stdout=subprocess.PIPE, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == code


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from-start",), "--from-start needs --watch-log"),
        (("--watch-log", "x", "535"), "--watch-log and HOST or TEXT cannot be used together"),
        (("--watch-log", "x", "--log", "-"), "--watch-log and --log cannot"),
        (("--watch-log", "x", "--markdown"), "--watch-log and --markdown cannot"),
        (("--watch-log", "/"), "/ is not a file"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(*arguments) == 64
    assert reason in capsys.readouterr().err
