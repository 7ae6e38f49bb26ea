"""A store on a bad disk: damaged while mail waited, or unwritable."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import fork_server
from tests.shell.peer import letter
from tests.shell.serve_process import ServeProcess, relaying, wait_for
from tests.shell.test_serve_faults import small_disk
from tests.shell.upstreams import upstream

LISTENER = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[target.hub]
kind = "smarthost"
servers = ["127.0.0.1:{port}"]
tls = "none"
[[route]]
name = "hub"
recipients = ["hub.test"]
to = "hub"
"""
PAGE = 4096
SENDER = "app@example.com"


def queue(relay: ServeProcess, number: int) -> None:
    with relay.signed_in("submission") as peer:
        for each in range(number):
            peer.begin(SENDER, f"{each}@hub.test")
            peer.send(letter(SENDER) + b".\r\n")
            assert peer.reply().startswith("250 ")


def damage(file: Path, word: bytes) -> None:
    """Overwrite the page with the first occurrence of the word."""
    octets = bytearray(file.read_bytes())
    page = octets.index(word) // PAGE * PAGE
    octets[page : page + PAGE] = b"\xa5" * PAGE
    file.write_bytes(octets)


def all_held(relay: ServeProcess) -> list[dict[str, Any]]:
    """Return the queue if all of it is held, otherwise an empty list."""
    there: list[dict[str, Any]] = relay.ask("queue", "list")["deliveries"]
    return there if all(each["state"] == "held" for each in there) else []


def test_a_damaged_store_is_mended_and_drains(tmp_path: Path) -> None:
    number = 200
    with relaying(tmp_path, LISTENER.format(port=1)) as relay:
        queue(relay, number)
        assert relay.stop() == 0
    damage(tmp_path / "data/store.db", b"90@hub.test")
    with upstream() as (hub, port), relaying(tmp_path, LISTENER.format(port=port)) as relay:
        mended = relay.wait_event("store_recovered")
        assert "messages wait to be sent" in mended["reason"]
        relay.ask("queue", "retry", "--all")
        held = wait_for(lambda: all_held(relay))
        command = ["-m", "gatepost.cli.main", "queue", "list", "--config", str(relay.config)]
        listed = fork_server.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, check=True
        )
        came = {each.recipients for each in list(hub.taken)}
    assert len(came) + len(held) == number
    assert 0 < len(held) < number // 2, "nobody knows whom these are for"
    assert held[-1]["message"] in mended["reason"]
    assert held[-1]["id"].encode() in listed.stdout
    assert {("0@hub.test",), (f"{number - 1}@hub.test",)} <= came
    assert (tmp_path / "data/store.db.damaged").exists()


def test_an_unwritable_disk_is_reported_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data"):
        with relaying(tmp_path, LISTENER.format(port=1)) as relay:
            queue(relay, 1)
            assert relay.stop() == 0
        mount = ["mount", "-o", "remount,{}", str(tmp_path / "data")]
        subprocess.run([each.format("ro") for each in mount], check=True)
        with (
            pytest.raises(AssertionError, match=r"cannot be used: .*Read-only file system"),
            relaying(tmp_path, LISTENER.format(port=1)),
        ):
            pass
        subprocess.run([each.format("rw") for each in mount], check=True)
        with relaying(tmp_path, LISTENER.format(port=1)) as relay:
            assert len(relay.ask("queue", "list")["deliveries"]) == 1
            assert relay.stop() == 0
