"""The benchmark's HTTP load generator, with each request that it sends."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.load import LoadFailed
from bench.rest import KINDS, WEB, Requests, get_token, https_port
from bench.servers import server_of
from gatepost.testing import Emulator


@pytest.fixture(scope="module")
def web() -> Iterator[Emulator]:
    with Emulator(options=WEB) as relay:
        yield relay


@pytest.mark.parametrize("kind", KINDS)
def test_every_request_is_answered(web: Emulator, kind: str) -> None:
    before = web.count()
    server = replace(server_of(web), port=https_port(web))
    outcome = Requests(KINDS[kind](web), count=30, connections=4).run(server)
    assert outcome.rate > 0
    assert 0 < outcome.p50 <= outcome.p99 <= outcome.worst
    assert web.count() == before + 30 * kind.startswith("REST send")


def test_a_refusal_fails_the_run(web: Emulator) -> None:
    call = KINDS["REST send, 4 KB, access key"](web)()
    altered = replace(call, body=call.body + b" ")
    server = replace(server_of(web), port=https_port(web))
    with pytest.raises(LoadFailed, match="401"):
        Requests(lambda: altered, count=5).run(server)


def test_a_token_for_the_logins(web: Emulator) -> None:
    assert get_token(web).reveal().count(".") == 2
