"""A relay with dozens of servers that hang, at each step, and domains that the DNS keeps silent
about. ``python -m bench.isolation`` does the same with thousands."""

import time

from bench.isolation import submit, world
from tests.shell.serve_process import wait_for

STAGES = ["mute", "ehlo", "mail", "content", "dark", "silent"]
HOPS = 15
"""At each stage."""
SOON = 20.0
"""Seconds, on a busy machine: servers that hang do so for minutes."""


def test_servers_that_hang_delay_no_other_and_why_says_so() -> None:
    with world(HOPS, "1s") as (servers, relay), relay.signed_in("submission") as peer:
        ids = {}
        for number in range(2 * HOPS):
            for stage in STAGES:
                domain = f"{stage}{number % HOPS}.test"
                ids[number, stage], _ = submit(peer, f"bob@{domain}")
        sent: dict[str, float] = {}
        for number in range(20):
            for domain in ("hub.test", "well0.test", f"well{number}.test"):
                to = f"new{number}-{len(sent)}@{domain}"
                sent[to] = time.monotonic()
                submit(peer, to)
        wait_for(lambda: sent.keys() <= servers.arrived.keys())
        assert max(servers.arrived[to] - at for to, at in sent.items()) < SOON

        def why(number: int, stage: str) -> str:
            [one] = relay.look_up("why", ids[number, stage])
            return str(one["sentence"])

        wait_for(lambda: "still connecting" in why(0, "dark"))
        wait_for(lambda: "waiting for its greeting" in why(0, "mute"))
        wait_for(lambda: "waiting for its reply to EHLO" in why(0, "ehlo"))
        wait_for(lambda: "has not answered for" in why(HOPS, "mute"))
        wait_for(lambda: "one connection until then" in why(HOPS, "mute"))
        wait_for(lambda: "the DNS did not answer for silent0.test" in why(HOPS, "silent"))
        assert max(servers.asked.values()) <= 8, "one look-up, with its repetitions"
        assert not relay.events("internal_error")
        relay.process.kill()  # a stop waits for replies to contents
