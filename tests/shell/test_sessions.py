"""Sessions of whole relays: recorded in one process and in front processes, listed by the command
and by the API, and never with a secret."""

import base64
import json
import os
import signal
import smtplib
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.loopback import eventually
from tests.shell.peer import letter
from tests.shell.processes import children
from tests.shell.test_up import signed_in

PLANTED = "Plant3d~Secret.of.forty-characters-0123"
FORMS = (PLANTED, base64.b64encode(PLANTED.encode()).decode(), PLANTED.encode().hex())


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "front processes"])
def relay(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    options = ("--https", "off", "--http", "off", "--console", "127.0.0.1:0")
    with Emulator(workers=request.param, options=options) as relay:
        yield relay


def sessions(relay: Emulator, *arguments: str) -> Any:
    """Return the document of ``gatepost sessions``."""
    command = [GATEPOST, "sessions", *arguments, "--data", str(relay.data), "--json"]
    done = fork_server.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return json.loads(done.stdout)


def ask(relay: Emulator, path: str) -> Any:
    """Return the document of Gatepost's own API."""
    ready = json.loads((relay.data / "ready.json").read_bytes())
    request = urllib.request.Request(
        f"{ready['console']}/api/gatepost/v1/{path}",
        headers={"Authorization": f"Bearer {ready['api_token']}"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


def refuse_login(relay: Emulator, password: str) -> None:
    """Sign in with a wrong password, which is repeated where no password should be."""
    smtp, context = relay.ready["smtp"], ssl.create_default_context(cafile=relay.ready["ca_file"])
    with smtplib.SMTP(smtp["host"], smtp["port"], local_hostname="client.example") as client:
        client.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(relay.ready["username"], password)
        client.docmd("NOOP", password)
        client.docmd("PASS", password)
        for form in FORMS:
            client.docmd("MAIL", f"FROM:<{form}@example.com>")


def test_a_refused_login_is_listed_with_its_cause_and_never_with_its_password(
    relay: Emulator,
) -> None:
    refuse_login(relay, PLANTED)
    eventually(lambda: bool(sessions(relay, "list", "--refused")["sessions"]))
    [refused, *_] = sessions(relay, "list", "--refused", "--peer", "127.0.0.1")["sessions"]
    assert refused["result"] == "refused"
    assert refused["cause"] == "bad_credentials"
    assert refused["username"] == relay.ready["username"]
    assert refused["reason"].startswith("secret_wrong: ")
    assert refused["application"] == "Email sender"
    assert (refused["listener"], refused["tls"], refused["ehlo"]) == (
        "smtp", "TLSv1.3", "client.example",
    )  # fmt: skip
    whole = sessions(relay, "show", refused["id"])
    assert whole["fix"]
    assert {"from": "C", "text": "STARTTLS"}.items() <= whole["lines"][6].items()
    assert ask(relay, f"sessions/{refused['id']}") == whole
    groups = ask(relay, "refusals")["refusals"]
    assert groups[0]["username"] == relay.ready["username"]
    assert groups[0]["count"] >= 1
    everything = json.dumps([whole, groups, ask(relay, "sessions"), *relay.events()])
    for form in FORMS:
        assert form not in everything


@pytest.mark.parametrize("password", ["wrong", "secret"])
def test_the_cause_is_known_if_the_password_is_a_word_of_ours(
    relay: Emulator, password: str
) -> None:
    def listed() -> dict[str, Any]:
        return {each["id"]: each for each in sessions(relay, "list", "--refused")["sessions"]}

    before = listed()
    refuse_login(relay, password)
    eventually(lambda: len(listed()) > len(before))
    [refused] = [each for id_, each in listed().items() if id_ not in before]
    assert refused["cause"] == "bad_credentials"
    assert refused["reason"].startswith("secret_wrong: ")
    assert password not in refused["reason"].partition(": ")[2]


def test_a_session_is_found_by_its_message_and_by_its_application(relay: Emulator) -> None:
    with signed_in(relay.ready) as peer:
        reply = peer.deliver(relay.sender, letter(relay.sender))
        message = reply.split()[-1]
        peer.ask("QUIT")
    eventually(lambda: bool(sessions(relay, "list", "--message", message)["sessions"]))
    [session] = sessions(relay, "list", "--message", message)["sessions"]
    assert session["result"] == "accepted"
    assert session["messages"] == [message]
    assert session["application"] == "Email sender"
    listed = sessions(relay, "list", "--app", "email sender", "--limit", "500")["sessions"]
    assert session["id"] in [each["id"] for each in listed]
    lines = sessions(relay, "show", session["id"])["lines"]
    assert "Subject" not in json.dumps(lines)
    assert any(each["text"].endswith("octets of content]") for each in lines if "text" in each)


def test_open_sessions_are_listed_wherever_they_are(relay: Emulator) -> None:
    with signed_in(relay.ready) as one, signed_in(relay.ready) as two, signed_in(relay.ready):
        one.ask("HELP open")
        two.ask("HELP open")
        listed = sessions(relay, "list", "--limit", "500")["sessions"]
        opened = [each for each in listed if each["seconds"] is None]
        assert len(opened) == 3
        assert {each["username"] for each in opened} == {relay.ready["username"]}
        shown = [sessions(relay, "show", each["id"]) for each in opened]
        assert sum("HELP" in json.dumps(each["lines"]) for each in shown) == 2
        assert ask(relay, f"sessions/{opened[0]['id']}")["seconds"] is None
        assert opened[0]["id"] in [each["id"] for each in ask(relay, "sessions")["sessions"]]
    ids = {each["id"] for each in opened}

    def have_ended() -> bool:
        listed = sessions(relay, "list", "--limit", "500")["sessions"]
        ended = [each for each in listed if each["id"] in ids and each["seconds"] is not None]
        return len(ended) == 3

    eventually(have_ended)


def test_a_front_process_that_hangs_hides_only_its_own_sessions() -> None:
    with Emulator(workers=2) as relay, ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(signed_in(relay.ready))
        stopped = min(children(relay.pid))
        os.kill(stopped, signal.SIGSTOP)
        try:
            listed = sessions(relay, "list")["sessions"]
        finally:
            os.kill(stopped, signal.SIGCONT)
        everybody = sessions(relay, "list")["sessions"]
        assert len(everybody) == 4
        assert {each["id"] for each in listed} <= {each["id"] for each in everybody}


def test_new_sessions_are_followed(relay: Emulator) -> None:
    command = [GATEPOST, "sessions", "follow", "--data", str(relay.data), "--json"]
    with fork_server.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        has_read = threading.Event()

        def keep_trying() -> None:
            while not has_read.is_set():
                refuse_login(relay, "another wrong one")
                has_read.wait(0.2)

        trying = threading.Thread(target=keep_trying)
        trying.start()
        try:
            assert json.loads(following.stdout.readline())["result"] == "refused"
        finally:
            has_read.set()
            following.terminate()
            trying.join()


def test_rules_of_scripted_failures_are_marked(relay: Emulator) -> None:
    line = "rcpt recipient=*@slow.test -> reply 451 4.7.1 Try later"
    add = [GATEPOST, "failure", "add", line, "--data", str(relay.data)]
    fork_server.run([*add, "--id", "slow"], check=True, timeout=PATIENCE, capture_output=True)
    with signed_in(relay.ready) as peer:
        peer.ask(f"MAIL FROM:<{relay.sender}>")
        assert peer.ask("RCPT TO:<a@slow.test>").startswith("451 4.7.1 ")
        peer.ask("QUIT")
    eventually(lambda: "slow" in json.dumps(sessions(relay, "show", "last")))
    whole = sessions(relay, "show", "last")
    [marked] = [each for each in whole["lines"] if "injected" in each]
    assert marked["injected"] == {"rule": "slow", "action": "reply"}
    assert marked["text"] == "451 4.7.1 Try later"
    assert marked["instead_of"].startswith("250 2.1.5")
    assert (whole["result"], whole["reason"]) == ("refused", "rule slow")


def test_a_relay_may_record_nothing() -> None:
    with Emulator(options=("--https", "off", "--http", "off", "--sessions", "off")) as relay:
        command = [GATEPOST, "sessions", "list", "--data", str(relay.data)]
        done = fork_server.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 1
        assert "sessions are not recorded" in done.stderr
