"""Any rules, and clients that send anything: no unexpected error, and nothing is left behind."""

import asyncio
import base64
import random
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gatepost.failures.grammar import STAGES
from gatepost.failures.read_rule import RuleMistakes
from gatepost.failures.rule_in_one_line import read_line
from gatepost.relay.failure_rules import LocalFailureRules
from tests.shell.in_process_relay import InProcessRelay, Plan, serving

ACTIONS = (
    "reply 451 4.7.1 L", "reply 421 4.7.0 B", "close before", "close after", "close after_bytes=3",
    "reset", "delay 5ms", "delay 1ms-9ms", "stall 5ms", "stall forever", "pace 3/1ms",
    "rate in=200000 out=50000", "keep ; close before", "keep ; reply 451 4.0.0 x", "discard",
    "tls refuse", "tls garbage", "tls truncate=20", "tls alert:internal_error", "greylist 1s",
    "ehlo drop=AUTH add=X-Y", "quota 3/1s", "pass", "go_on ; delay 1ms", "pace 2/1ms ; close after",
    "reply 451 4.0.0 z ; reset", "reply 451 4.0.0 z ; pace 4/1ms ; close after_bytes=9",
)  # fmt: skip
CONDITIONS = ("", " attempt=1-2", " chance=0.5", " times=2", " per=connection attempt=2")

MORE = pytest.mark.compliance


def make_rule(chance: random.Random) -> str:
    """Return a rule that is possible."""
    while True:
        stages = ",".join(chance.sample(STAGES, chance.choice([1, 1, 2])))
        line = f"{stages}{chance.choice(CONDITIONS)} -> {chance.choice(ACTIONS)}"
        try:
            read_line(line)
        except RuleMistakes:
            continue
        return line


def say_anything(relay: InProcessRelay, seed: float) -> None:
    """Send commands in any order, some at once, and leave in one way or another."""
    chance = random.Random(seed)
    sender, encode = relay.sender.encode(), base64.b64encode
    content = b"From: <%s>\r\n\r\n%s\r\n.\r\n" % (sender, b"x" * chance.choice([5, 50_000]))
    login = (encode(relay.username.encode()), encode(relay.password.reveal().encode()))
    words = [
        b"EHLO x\r\n", b"NOOP\r\n", b"RSET\r\n", b"XYZ\r\n", b"DATA\r\n", content, b"QUIT\r\n",
        b"MAIL FROM:<%s>\r\n" % sender, b"RCPT TO:<451@fail.gatepost.test>\r\n",
        b"RCPT TO:<b@x.test>\r\n", b"BDAT 5\r\nabcde", b"BDAT 3 LAST\r\nabc", b"\x16\x03\x01",
        b"EHLO z\r\nAUTH LOGIN\r\n%s\r\n%s\r\n" % login,
    ]  # fmt: skip
    port = chance.choice([relay.port, relay.port, relay.tls_port])
    context = ssl.create_default_context(cafile=relay.ca_file)
    with socket.create_connection(("127.0.0.1", port), 3) as sock:
        sock.settimeout(0.1)
        peer: socket.socket = sock
        is_clear = port == relay.port
        if not is_clear or chance.random() < 0.6:
            if is_clear:
                sock.sendall(b"EHLO y\r\nSTARTTLS\r\n")
                sock.recv(4_000)
            peer = context.wrap_socket(sock, server_hostname="localhost")
        with peer:
            for _ in range(chance.randint(1, 10)):
                peer.sendall(b"".join(chance.choices(words, k=chance.randint(1, 4))))
                try:
                    peer.recv(5_000)
                except TimeoutError:
                    continue


def delayed(rules: LocalFailureRules, chance: random.Random) -> Callable[..., Any]:
    """Return a decision that comes later, as that of another process."""
    decide = rules.decide

    def decide_later(facts: Any) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        answer, decision = loop.create_future(), decide(facts)
        loop.call_later(chance.random() * 0.004, answer.set_result, decision)
        return answer

    return decide_later


@pytest.mark.parametrize("is_remote", [False, True], ids=["here", "elsewhere"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=MORE) for seed in range(1, 6))])
def test_no_rule_breaks_a_session(tmp_path: Path, seed: int, is_remote: bool) -> None:
    chance = random.Random(seed)
    (tmp_path / "other").mkdir()
    profile = chance.choice(["acs", "gatepost", "gmail"])
    plan = Plan(profile=profile, has_failures=True, limits={"idle": 2.0})

    def visit(seed: float) -> None:
        try:
            say_anything(relay, seed)
        except (OSError, ValueError):
            pass  # what a rule did to it

    with serving(tmp_path, plan) as relay:
        if is_remote:
            assert relay.failures is not None
            relay.failures.decide = delayed(relay.failures, chance)  # type: ignore[method-assign]
        end = time.monotonic() + (3 if seed else 1)
        while time.monotonic() < end:
            lines = [make_rule(chance) for _ in range(chance.randint(0, 5))]
            relay.script(*lines)
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(visit, [chance.random() for _ in range(16)]))
            assert relay.reported("internal_error") == [], lines
        deadline = time.monotonic() + 40
        while relay.supervisor.connections:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert relay.relay.budget.used == 0
