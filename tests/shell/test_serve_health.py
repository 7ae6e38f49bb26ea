"""The health checks of ``gatepost serve``, while mail waits for a target that does not take it."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.shell.peer import letter
from tests.shell.serve_process import BASE, SENDER, ServeProcess, relaying, wait_for
from tests.shell.upstreams import upstream

LISTENER = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[retry.soon]
table = ["1s"]
jitter = 0
"""


def sending_to(port: int, after: str) -> str:
    """Return the beginning of a configuration with this next hop."""
    target = f'kind = "smarthost"\nservers = ["127.0.0.1:{port}"]\ntls = "none"'
    base = BASE.replace('kind = "capture"', target).replace(
        'to = "keep"', 'to = "keep"\nretry = "soon"'
    )
    return f'health = "127.0.0.1:0"\ndegraded_after = "{after}"\n{base}'


def ask(relay: ServeProcess, path: str = "") -> tuple[int, dict[str, Any]]:
    """Return the status and the document of a health check."""
    try:
        with urllib.request.urlopen(relay.ready["health"] + path, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def is_degraded(relay: ServeProcess) -> bool:
    return ask(relay, "/delivering")[0] == 503


@pytest.mark.parametrize("workers", [0, 1])
def test_a_target_that_takes_no_mail_is_degraded_until_it_does(
    tmp_path: Path, workers: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # where nobody answers soon
    text = sending_to(port, "1s")
    with relaying(tmp_path, LISTENER, "--workers", str(workers), base=text) as relay:
        assert ask(relay, "/delivering") == (200, {"delivering": True})
        with relay.signed_in("submission") as peer:
            assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
        wait_for(lambda: is_degraded(relay))
        status, document = ask(relay)
        assert status == 200, "another relay would not deliver it either"
        assert (document["live"], document["ready"], document["delivering"]) == (True, True, False)
        [listed] = document["degraded"]
        assert listed["target"] == "keep"
        assert "refused" in listed["sentence"]
        assert "@" not in json.dumps(document)
        assert ask(relay, "/ready")[0] == ask(relay, "/live")[0] == 200

        with upstream() as (_, there):
            relay.base = sending_to(there, "1s")
            relay.reloaded(LISTENER)
            wait_for(lambda: relay.events("message_delivered"))
            wait_for(lambda: not is_degraded(relay))
        assert ask(relay)[1]["delivering"] is True


def test_a_reload_can_switch_it_off(tmp_path: Path) -> None:
    with relaying(tmp_path, LISTENER, base=sending_to(9, "30m")) as relay:
        assert ask(relay, "/delivering") == (200, {"delivering": True})
        relay.base = sending_to(9, "0s")
        relay.reloaded(LISTENER)
        assert ask(relay, "/delivering") == (200, {"delivering": None})
