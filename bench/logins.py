"""Measures logins per second by mechanism.

SMTP permits one login per connection, so each includes a TLS handshake. Postfix is compared if it
supports the mechanism (Cyrus SASL, passwords in ``sasldb``; no XOAUTH2). Ours runs with a profile
that accepts the mechanism.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.load import Load
from bench.rest import WEB, get_token
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import Server, server_of
from compliance.postfix import running_postfix
from gatepost.testing import Emulator


def _logins(count: int, mechanism: str) -> Load:
    return Load(count, secure=True, mechanism=mechanism, only_sign_in=True)


# fmt: off
SCENARIOS: Final = (
    ("acs",      Scenario("login, LOGIN", _logins(600, "login"), floors(postfix=1.0))),
    ("acs",      Scenario("login, XOAUTH2", _logins(600, "xoauth2"), floors())),
    ("gatepost", Scenario("login, PLAIN", _logins(600, "plain"), floors(postfix=1.0))),
    ("gatepost", Scenario("login, SCRAM-SHA-256", _logins(200, "scram-sha-256"),
                          floors(postfix=1.0))),
)
"""With our profile. Cyrus derives SCRAM's keys at each login; ours are derived in advance."""
# fmt: on
PEER_SPEAKS: Final = "PLAIN LOGIN SCRAM-SHA-256"


Running = tuple[Server, Emulator | None]


def rates(home: Path, options: Namespace) -> Iterator[dict[str, Runs]]:
    """Yield the results of the scenarios that ``--only`` selects."""
    chosen = [each for each in SCENARIOS if options.only in each[1].name]
    if not chosen:
        return
    with running_postfix(home / "logins-postfix", PEER_SPEAKS) as peer:
        postfix = Server(
            "postfix", peer.pid, peer.port, peer.username, peer.password, "a@example.com"
        )
        for profile in dict.fromkeys(profile for profile, _ in chosen):
            with ExitStack() as stack:
                running: list[Running] = [(postfix, None)]
                if not options.peers_only:
                    running += _ours(stack, home / f"logins-{profile}", profile)
                for scenario in [each for name, each in chosen if name == profile]:
                    scaled = replace(scenario, load=scenario.load.scaled(options.scale))
                    able = _able(running, scenario.load.mechanism)
                    yield measure(scaled, able, options.rounds)


def _ours(stack: ExitStack, home: Path, profile: str) -> Iterator[Running]:
    for workers in (1, 2):
        data = home / str(workers)
        started = Emulator(profile, workers=workers if workers > 1 else 0, data=data, options=WEB)
        relay = stack.enter_context(started)
        yield server_of(relay, workers), relay


def _able(running: Sequence[Running], mechanism: str) -> list[Server]:
    """Return the servers that support the mechanism, with a suitable password."""
    if mechanism != "xoauth2":
        return [server for server, _ in running]
    ours = [(server, relay) for server, relay in running if relay is not None]
    return [replace(server, password=get_token(relay).reveal()) for server, relay in ours]
