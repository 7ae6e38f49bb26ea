"""``gatepost watch`` as operators run it."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.main import main
from tests import fork_server
from tests.certificates import Authority, Pair
from tests.shell.scripted_server import Script, Server, serving

PATIENCE = 60.0


@pytest.fixture
def server(pair: Pair) -> Iterator[Server]:
    with serving(Script(in_clear=("STARTTLS",), over_tls=("AUTH LOGIN",), pair=pair)) as it:
        yield it


def configured(home: Path, authority: Authority, *servers: str, more: str = "") -> Path:
    upstreams = "".join(
        f'[[upstream]]\nname = "n{number}"\nserver = "{server}"\nca_file = "{authority.ca_file}"\n'
        for number, server in enumerate(servers)
    )
    path = home / "watch.toml"
    path.write_text(f'directory = "{home / "kept"}"\nmetrics = "127.0.0.1:0"\n{more}{upstreams}')
    return path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["watch", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def closed_port() -> str:
    with serving(Script()) as server:
        return server.address


def test_once_exits_as_the_doctor_does(
    server: Server, tmp_path: Path, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    path = configured(tmp_path, authority, server.address)
    assert run("--config", str(path), "--once", "--json") == 0
    events = lines(capfd.readouterr().out)
    assert [each["event"] for each in events] == [
        "watching",
        "probed",
        "upstream_certificate_expires",
    ]
    assert events[1]["verdict"] == "healthy"
    assert events[0]["metrics"] is None
    closed = closed_port()
    assert (
        run("--config", str(configured(tmp_path, authority, server.address, closed)), "--once") == 3
    )
    assert "CHANGED" not in capfd.readouterr().out
    with serving(
        Script(in_clear=("STARTTLS",), over_tls=("AUTH LOGIN",), replies={"STARTTLS": "454 no"})
    ) as bad:
        several = configured(tmp_path, authority, bad.address, closed)
        assert run("--config", str(several), "--once", "--json") == 2
    changed = [each for each in lines(capfd.readouterr().out) if each["event"] == "changed"]
    assert {"finding_appeared"} <= {each["what"] for each in changed}
    assert all(" on 20" in each["sentence"] for each in changed)


def test_mistakes_are_reported_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "watch.toml"
    path.write_text('intervall = "5m"\n[[upstream]]\nserver = "a b"\n')
    assert run("--config", str(path), "--once") == 1
    err = capsys.readouterr().err
    assert f"{path}:1: unknown key intervall (did you mean interval?)" in err
    assert f"{path}:3: " in err
    assert "2 mistakes" in err
    assert run("--config", str(path), "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 2


def test_it_runs_until_it_is_stopped(server: Server, tmp_path: Path, authority: Authority) -> None:
    path = configured(tmp_path, authority, server.address, more='interval = "1s"\njitter = 0\n')
    command = [sys.executable, "-m", "gatepost.cli.main", "watch", "--config", str(path), "--json"]
    running = fork_server.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        ready = json.loads(running.stdout.readline())
        assert ready["event"] == "watching"
        deadline, text = time.monotonic() + PATIENCE, ""
        while 'up{upstream="n0"' not in text and time.monotonic() < deadline:
            with urllib.request.urlopen(ready["metrics"], timeout=PATIENCE) as answer:
                text = answer.read().decode()
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            time.sleep(0.05)
        assert (
            'gatepost_watch_auth_mechanism{upstream="n0",mechanism="LOGIN",channel="tls"} 1' in text
        )
        other = fork_server.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert other.returncode == 1
        assert "is in use by process" in other.stdout
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert (running.returncode, err) == (0, "")
    assert lines(out)[-1]["event"] == "stopping"
    assert list((tmp_path / "kept" / "n0").glob("00000001-*.json"))
