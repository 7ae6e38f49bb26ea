"""Measures how many messages ``gatepost serve`` accepts by SMTP and by the e-mail API.

Both are durable, of one size, over TLS on kept connections, and kept in the store, so that no next
hop plays a part. Rounds of one and of the other alternate, so that other work affects both.
"""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from bench.load import Load
from bench.relaying import served
from bench.report import Promise, ratio
from bench.requests import signed_send
from bench.rest import Requests
from bench.scenarios import WARM_UP, Runs, Scenario, floors
from bench.servers import OURS, Server
from gatepost.model.secret import Secret
from tests.certificates import make_authority
from tests.shell.reporting_relay import KEY, SENDER, furnish
from tests.unit.directory.azure.world import USERNAME

SMTP: Final = "intake by serve, 4 KB, SMTP"
REST: Final = "intake by serve, 4 KB, REST, access key"
SHARE: Final = 0.5
"""Our minimum rate by REST, as a fraction of that by SMTP."""
COUNT: Final = 2_000
CONFIG: Final = """\
hostname = "relay.example.com"

[[listener]]
address = "127.0.0.1:0"
certificate = "{certificate}"
key = "{key}"

[api]
address = "127.0.0.1:0"
certificate = "{certificate}"
key = "{key}"

[directory]
kind = "azure"

[storage]
directory = "{data}"

[target.keep]
kind = "capture"

[[route]]
to = "keep"
"""


def measurements(home: Path, options: Namespace) -> Iterator[tuple[dict[str, Runs], list[Promise]]]:
    """Yield the results by SMTP and by REST, unless ``--only`` selects neither."""
    if options.peers_only or not (options.only in SMTP or options.only in REST):
        return
    print("intake by serve ...", file=sys.stderr)
    with serving(home / "rest-intake") as (by_smtp, by_rest):
        host = f"localhost:{by_rest.port}"
        call = partial(signed_send, host, SENDER, Secret(KEY))
        load, requests = Load(COUNT, COUNT // 20, secure=True), Requests(call, COUNT)
        smtp = Runs(Scenario(SMTP, load.scaled(options.scale), floors()), OURS)
        rest = Runs(Scenario(REST, requests.scaled(options.scale), floors()), OURS)
        load.scaled(WARM_UP).run(by_smtp)
        requests.scaled(WARM_UP).run(by_rest)
        for _ in range(options.rounds):
            smtp.outcomes.append(smtp.scenario.load.run(by_smtp))
            rest.outcomes.append(rest.scenario.load.run(by_rest))
    yield {OURS: smtp}, []
    yield (
        {OURS: rest},
        [Promise("intake by serve: REST / SMTP", ratio(rest, smtp), SHARE, "x", True)],
    )


@contextmanager
def serving(home: Path) -> Iterator[tuple[Server, Server]]:
    """Yield a relay with a Communication Services resource: its SMTP, and its e-mail API."""
    home.mkdir()
    secret = asyncio.run(furnish(home / "data"))
    pair = make_authority(home).issue("localhost", "127.0.0.1")
    text = CONFIG.format(certificate=pair.certificate, key=pair.key, data=home / "data")
    with served(home, text) as ready:
        [listener] = ready["listeners"]
        server = Server(OURS, ready["pid"], listener["port"], USERNAME, secret, SENDER)
        yield server, replace(server, port=int(str(ready["api"]).rpartition(":")[2]))
