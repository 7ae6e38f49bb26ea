"""Rules of scripted failures of whole relays: commands, files, front processes, the clock."""

import json
import os
import signal
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.failures.grammar import STAGES
from gatepost.testing import Emulator
from gatepost.testing.local_relay import LocalRelay
from tests import fork_server
from tests.commands import GATEPOST
from tests.loopback import eventually
from tests.shell.peer import Peer, letter
from tests.shell.serve_process import BASE, relaying
from tests.shell.test_up import signed_in

GOOD = """\
[[rule]]
id = "one"
when = { stage = "rcpt", recipient = "*@slow.test" }
do = { reply = "451 4.7.1 One" }

[[rule]]
id = "two"
when = { stage = "mail", times = 1 }
do = { delay = "1ms" }
"""
BAD = """\
[[rule]]
id = "one"
when = { stage = "rcptt", recipient = "*@slow.test" }
do = { reply = "250 2.1.5 One" }

[[rule]]
when = { stage = "mail", recipent = "x" }
do = { relpy = "451 x", delay = "soon" }

[rules]
"""
STAGES_LISTED = ", ".join(STAGES)


@pytest.fixture(scope="module")
def rules_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rules") / "failures.toml"
    file.write_text(GOOD)
    return file


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "front processes"])
def relay(request: pytest.FixtureRequest, rules_file: Path) -> Iterator[Emulator]:
    rules_file.write_text(GOOD)
    options = ("--https", "off", "--http", "off", "--failures", str(rules_file))
    with Emulator(workers=request.param, options=options) as relay:
        yield relay


def command(relay: LocalRelay, *arguments: str) -> Any:
    """Run a command; return its JSON."""
    run = fork_server.run(
        [GATEPOST, "failure", *arguments, "--data", str(relay.data), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(run.stdout)


def rcpt(relay: LocalRelay, *recipients: str) -> list[str]:
    with signed_in(relay.ready) as peer:
        assert peer.ask(f"MAIL FROM:<{relay.sender}>").startswith("250 ")
        return [peer.ask(f"RCPT TO:<{each}>")[:9] for each in recipients]


def ids(relay: LocalRelay) -> list[str]:
    return [each["id"] for each in command(relay, "list")["rules"]]


def test_rules_of_a_file_and_of_commands(relay: Emulator) -> None:
    assert ids(relay) == ["one", "two"]
    assert rcpt(relay, "a@slow.test", "a@fast.test") == ["451 4.7.1", "250 2.1.5"]
    added = command(relay, "add", "rcpt order=1 recipient=b@* -> reply 452 4.5.3 B", "--id", "b")
    assert (added["id"], added["origin"]) == ("b", "")
    eventually(lambda: rcpt(relay, "b@slow.test", "a@slow.test") == ["452 4.5.3", "451 4.7.1"])
    fired = command(relay, "fired", "--rule", "b")["fired"]
    assert fired[-1]["stage"] == "rcpt"
    assert relay.wait_event("injected")["rule"] in ("one", "two", "b")
    assert command(relay, "show", "two")["left"] == 0
    assert command(relay, "reset", "two")["rules"][0]["seen"] == 0
    assert command(relay, "delete", "b")["deleted"][0]["fired"] > 0
    eventually(lambda: rcpt(relay, "b@slow.test") == ["451 4.7.1"])
    mistake = command(relay, "add", "auth -> reply 235 2.7.0 Welcome")
    assert "do.reply: the code is 235" in mistake["error"]["message"]


def test_counters_are_those_of_all_processes(relay: Emulator) -> None:
    with relay.fail("rcpt recipient=*@many.test attempt=1-2 per=recipient -> reply 451 4.7.1 No"):
        eventually(lambda: rcpt(relay, "probe@many.test") == ["451 4.7.1"])

        def attempts(recipient: str) -> list[str]:
            return [rcpt(relay, recipient)[0] for _ in range(3)]

        with ThreadPoolExecutor(5) as threads:
            replies = list(threads.map(attempts, [f"u{n}@many.test" for n in range(20)]))
    assert replies == [["451 4.7.1", "451 4.7.1", "250 2.1.5"]] * 20


def test_a_file_with_mistakes_changes_nothing(relay: Emulator, rules_file: Path) -> None:
    rules_file.write_text(BAD)
    eventually(lambda: len(relay.events("failure_rules_refused")) >= 6)
    reasons = [each["reason"] for each in relay.events("failure_rules_refused")]
    assert [each.removeprefix(str(rules_file)) for each in reasons[:6]] == [
        f":3: when.stage: 'rcptt' is not possible; there are {STAGES_LISTED} (did you mean rcpt?)",
        ":4: do.reply: the code is 250, but a rule only refuses: 400 to 599",
        ":7: when.recipent: unknown key (did you mean recipient?)",
        ":8: do.relpy: unknown key (did you mean reply?)",
        ":8: do.delay: 'soon' is not a duration such as 5s, 200ms or 2m",
        ":10: unknown key rules: rules are [[rule]] (did you mean rule?)",
    ]
    assert ids(relay) == ["one", "two"]
    rules_file.write_text(GOOD.replace("4.7.1 One", "4.7.2 Other"))
    relay.wait_event("failure_rules_loaded")
    eventually(lambda: rcpt(relay, "a@slow.test") == ["451 4.7.2"])
    assert ids(relay) == ["one", "two"]
    rules_file.write_text(GOOD)
    eventually(lambda: rcpt(relay, "a@slow.test") == ["451 4.7.1"])


def test_a_message_is_lost_after_it_was_stored(relay: Emulator) -> None:
    with relay.fail("message times=1 -> keep ; close before") as rule:
        eventually(lambda: bool(command(relay, "show", rule.id)))
        before = relay.count()
        with signed_in(relay.ready) as peer:
            assert peer.deliver(relay.sender, letter(relay.sender)) == ""
        eventually(lambda: relay.count() == before + 1)
        assert rule.fired == 1


def test_greylists_and_quotas_follow_the_clock() -> None:
    with Emulator() as relay:
        relay.fail("rcpt recipient=*@grey.test -> greylist 60s per=recipient")
        relay.fail("rcpt recipient=*@quota.test -> quota 30/60s")
        assert rcpt(relay, "a@grey.test") == ["450 4.2.0"]
        sent = rcpt(relay, *[f"u{n}@quota.test" for n in range(31)])
        assert sent == ["250 2.1.5"] * 30 + ["450 4.7.1"]
        relay.advance(timedelta(seconds=61))
        assert rcpt(relay, "a@grey.test", "b@grey.test") == ["250 2.1.5", "450 4.2.0"]
        assert rcpt(relay, "z@quota.test") == ["250 2.1.5"]


_OTHER_LISTENERS = ("smtps", "https", "http", "console")


def test_a_start_with_a_wrong_file_fails(tmp_path: Path) -> None:
    file = tmp_path / "failures.toml"
    file.write_text(BAD)
    nowhere = ("--smtp", "127.0.0.1:0", *(f"--{each}=off" for each in _OTHER_LISTENERS))
    run = fork_server.run(
        [GATEPOST, "up", "--data", str(tmp_path / "data"), "--failures", str(file), *nowhere],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert ":3: when.stage: 'rcptt'" in run.stderr
    assert ":10: " in run.stderr


WITH_HEALTH = f'health = "127.0.0.1:0"\n{BASE}'
LISTENER = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""
ALLOWED = """
[failures]
allow = true
file = "failures.toml"
"""


def test_serve_ignores_rules(tmp_path: Path) -> None:
    with relaying(tmp_path, f'{LISTENER}[console]\naddress = "127.0.0.1:0"\n') as relay:
        token = {"authorization": f"Bearer {relay.ready['api_token']}"}
        url = f"{relay.ready['console']}/api/gatepost/v1/rules"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, headers=token))
        with refused.value as refusal:
            assert refusal.code == 403
        assert relay.ready["failures"] is None
        answer = relay.ask("failure", "add", "rcpt -> reply 451 4.7.1 Later")
        assert "this relay ignores rules" in answer["error"]["message"]
        with relay.signed_in("submission") as peer:
            assert peer.ask("MAIL FROM:<app@example.com>").startswith("250 ")
            assert peer.ask("RCPT TO:<451@fail.gatepost.test>").startswith("550 ")


def test_serve_follows_rules_if_it_may(tmp_path: Path) -> None:
    (tmp_path / "failures.toml").write_text(GOOD)
    with relaying(tmp_path, LISTENER + ALLOWED, base=WITH_HEALTH) as relay:
        assert relay.ready["failures"]["seed"]
        with urllib.request.urlopen(relay.ready["health"]) as response:
            document = json.load(response)
            assert (document["status"], document["failures"]) == ("ok", "allowed")
        assert "failures.allow = true" in relay.events("config_warning")[-1]["reason"]
        added = relay.ask("failure", "add", "rcpt recipient=b@* -> reply 452 4.5.3 B")
        assert added["id"] == "rcpt-1"
        with relay.signed_in("submission") as peer:
            assert peer.ask("MAIL FROM:<app@example.com>").startswith("250 ")
            assert peer.ask("RCPT TO:<a@slow.test>") == "451 4.7.1 One"
            assert peer.ask("RCPT TO:<b@example.net>") == "452 4.5.3 B"
        lost = relay.ask("failure", "add", "message -> discard")
        assert lost["error"]["message"] == "do.discard: only gatepost up may lose mail"
        relay.reload(LISTENER)
        reason = relay.wait_event("reload_refused")["reason"]
        assert reason == "failures.allow cannot change without a restart"
        relay.reload(LISTENER + ALLOWED.replace('file = "failures.toml"', ""))
        relay.wait_event("reloaded")
        assert [each["id"] for each in relay.ask("failure", "list")["rules"]] == ["rcpt-1"]


def test_what_the_mailbox_says_of_failures() -> None:
    with Emulator(options=("--https", "off", "--http", "off", "--console", "127.0.0.1:0")) as relay:
        url = relay.ready["mailbox_api"]

        def ask(path: str, body: Any = None) -> Any:
            octets = None if body is None else json.dumps(body).encode()
            method, headers = "GET" if body is None else "PUT", {"content-type": "application/json"}
            request = urllib.request.Request(url + path, octets, headers, method=method)
            with urllib.request.urlopen(request) as response:
                return json.load(response)

        relay.fail("rcpt -> delay 1ms ; go_on", id="slow")
        relay.fail("message recipient=bob@* -> outcome Bounced", id="bounce")
        with signed_in(relay.ready) as peer:
            assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")
        (message,) = ask("/api/v1/messages")["messages"]
        assert ask(f"/api/v1/message/{message['ID']}")["Injected"] == ["slow", "bounce"]
        assert ask("/api/v1/search?query=injected:slow")["messages_count"] == 1
        (event,) = relay_events(relay)
        assert (event["recipient"], event["status"]) == ("bob@example.net", "Bounced")

        assert ask("/api/v1/chaos")["Recipient"] == {"ErrorCode": 451, "Probability": 0}
        wanted = {"Recipient": {"ErrorCode": 452, "Probability": 100}}
        assert ask("/api/v1/chaos", wanted)["Recipient"] == wanted["Recipient"]
        assert rcpt(relay, "bob@example.net") == ["452 Chaos"]
        assert ask("/api/v1/chaos", {})["Recipient"]["Probability"] == 0
        assert rcpt(relay, "bob@example.net") == ["250 2.1.5"]


def relay_events(relay: LocalRelay) -> list[dict[str, Any]]:
    run = fork_server.run(
        [GATEPOST, "events", "list", "--data", str(relay.data), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    events: list[dict[str, Any]] = json.loads(run.stdout)["events"]
    return events


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("expired", "certificate has expired"),
        ("other-name", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
        ("incomplete", "unable to get local issuer certificate"),
    ],
)
def test_certificates_of_rules(relay: Emulator, flaw: str, reason: str) -> None:
    context = ssl.create_default_context(cafile=relay.ca_file)

    def shake() -> str:
        with (
            socket.create_connection((relay.smtps.host, relay.smtps.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as under_tls,
        ):
            return str(under_tls.version())

    with relay.fail(f"tls listener=smtps -> tls certificate={flaw}") as rule:
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            shake()
        assert rule.fired == 1
    eventually(lambda: shake() == "TLSv1.3")


def test_lanes_do_not_cross() -> None:
    with Emulator(options=("--https", "off", "--http", "off", "--console", "127.0.0.1:0")) as relay:
        bearer = {"authorization": f"Bearer {relay.ready['api_token']}"}

        def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
            url = f"{relay.ready['console']}/api/gatepost/v1/{path}"
            octets = None if body is None else json.dumps(body).encode()
            named = {"content-type": "application/json", **bearer, **headers}
            request = urllib.request.Request(url, octets, named, method=method)
            with urllib.request.urlopen(request) as response:
                return json.load(response)

        ports, replies = {}, {"a": "421 4.3.2 A", "b": "554 5.3.2 B"}
        for name, reply in replies.items():
            ports[name] = ask("POST", "lanes", {"name": name})["smtp"]["port"]
            when = {"stage": "connect"}
            ask("POST", "rules", {"id": "same", "lane": name, "when": when, "do": {"reply": reply}})

        def visit(number: int) -> bool:
            name = "ab"[number % 2]
            with Peer.connect(ports[name], relay.ca_file) as peer:
                return peer.reply() == replies[name]

        with ThreadPoolExecutor(20) as threads:
            assert all(threads.map(visit, range(200)))
        with signed_in(relay.ready):
            pass  # rules of lanes do not see other sessions
        counts = {each["lane"]: each["fired"] for each in ask("GET", "rules")["rules"]}
        assert counts == {"a": 100, "b": 100}

        revision = ask("GET", "rules/same?lane=b")["revision"]
        changed = {"id": "same", "lane": "b", "when": {"stage": "connect"}, "do": {"delay": 0.01}}
        with pytest.raises(urllib.error.HTTPError) as stale:
            ask("PUT", "rules/same?lane=b", changed, **{"if-match": str(revision + 1)})
        with stale.value as refusal:
            assert refusal.code == 412
        ask("DELETE", "lanes/a")
        assert [each["lane"] for each in ask("GET", "rules")["rules"]] == ["b"]
        assert ask("GET", "rules/same?lane=b")["fired"] == 100
        with pytest.raises(urllib.error.HTTPError) as wrong:
            ask("POST", "rules", {"when": {"stage": "rcpt"}, "do": {"reply": "250 OK"}})
        with wrong.value as refusal:
            assert refusal.code == 400
            assert "do.reply: the code is 250" in refusal.read().decode()


def test_a_stop_does_not_wait_for_clients_that_are_held_up() -> None:
    relay = Emulator(workers=1)
    relay.fail("mail -> stall forever")
    relay.fail("rcpt -> delay 1h")
    relay.fail("ehlo ehlo=slow -> pace 1/60")
    peers = [signed_in(relay.ready) for _ in range(3)]
    eventually(lambda: peers[0].ask("NOOP").startswith("250 "))
    for peer, command in zip(peers, (f"MAIL FROM:<{relay.sender}>", "EHLO slow"), strict=False):
        peer.send(f"{command}\r\n".encode())
    eventually(lambda: len(relay.events("injected")) >= 2)
    start = time.monotonic()
    relay.stop()
    assert time.monotonic() - start < 8
    for peer in peers:
        assert peer.is_closed()
        peer.sock.close()


def test_rules_outlive_a_reload() -> None:
    with Emulator(workers=1) as relay:
        rule = relay.fail("rcpt attempt=2- -> reply 451 4.7.1 Later")
        eventually(lambda: bool(rcpt(relay, "a@slow.test")) and rule.seen > 0)
        seen = rule.seen
        os.kill(relay.pid, signal.SIGHUP)
        relay.wait_event("reloaded")
        assert (rule.seen, rcpt(relay, "a@slow.test")) == (seen, ["451 4.7.1"])
