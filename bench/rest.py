"""Measures requests per second at the token endpoint and the e-mail API, over HTTPS on kept
connections.

No other server answers these requests, so compare them with our own logins and messages, measured
in the same run. 202 is sent after the message is committed, like 250.
"""

import os
import ssl
import sys
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bench.load import Outcome, outcome_of
from bench.requests import Call, bearer_send, signed_send, token_request
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import Server, server_of
from gatepost.model.secret import Secret
from gatepost.testing import Emulator

WEB: Final = ("--https", "127.0.0.1:0", "--http", "off")
"""The options of a relay that serves HTTPS."""
COUNT = 1_000


@dataclass(frozen=True, slots=True)
class Requests:
    """`count` repetitions of a request on `connections` kept connections."""

    make: Callable[[], Call]
    """Called for each run, because a signature contains the date."""
    count: int = COUNT
    connections: int = 20

    def scaled(self, scale: float) -> "Requests":
        """Return the same with more or fewer requests."""
        return replace(self, count=max(self.connections, round(self.count * scale)))

    def run(self, server: Server) -> Outcome:
        """See ``Work.run``."""
        numbers = map(str, (server.port, self.count, self.connections))
        generator = [sys.executable, "-m", "bench.httpload", *numbers]
        return outcome_of(server, generator, os.environ, self.make().raw())


def rates(home: Path, options: Namespace) -> Iterator[dict[str, Runs]]:
    """Yield the results of the scenarios that ``--only`` selects."""
    chosen = [name for name in KINDS if options.only in name]
    if options.peers_only or not chosen:
        return
    with Emulator("acs", data=home / "rest", options=WEB) as relay:
        server = replace(server_of(relay), port=https_port(relay))
        for name in chosen:
            work = Requests(KINDS[name](relay)).scaled(options.scale)
            yield measure(Scenario(name, work, floors()), [server], options.rounds)


def https_port(relay: Emulator) -> int:
    """Return the port of its APIs."""
    return urlsplit(str(relay.ready["https"]["url"])).port or 443


def get_token(relay: Emulator) -> Secret:
    """Return a new access token for the relay's own application."""
    call = _token_call(relay)()
    url = f"https://{call.headers['host']}{call.target}"
    request = urllib.request.Request(url, call.body, dict(call.headers))
    context = ssl.create_default_context(cafile=relay.ca_file)
    with urllib.request.urlopen(request, context=context) as answer:
        return Secret(msgspec.json.decode(answer.read())["access_token"])


def _host(relay: Emulator) -> str:
    return f"localhost:{https_port(relay)}"


def _token_call(relay: Emulator) -> Callable[[], Call]:
    ready = relay.ready
    secret = Secret(ready["client_secret"])
    return lambda: token_request(_host(relay), ready["tenant_id"], ready["client_id"], secret)


def _signed_call(relay: Emulator) -> Callable[[], Call]:
    key = Secret(relay.ready["connection_string"].partition("accesskey=")[2])
    return lambda: signed_send(_host(relay), relay.sender, key)


def _bearer_call(relay: Emulator) -> Callable[[], Call]:
    token = get_token(relay)
    return lambda: bearer_send(_host(relay), relay.sender, token)


KINDS: Final[dict[str, Callable[[Emulator], Callable[[], Call]]]] = {
    "token endpoint, client secret": _token_call,
    "REST send, 4 KB, access key": _signed_call,
    "REST send, 4 KB, bearer token": _bearer_call,
}
