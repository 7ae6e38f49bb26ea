"""Mail that loops is refused (RFC 5321 6.3)."""

from pathlib import Path

import pytest

from gatepost.model.route import MxTarget, Route
from gatepost.routing.route import Router
from tests.shell.in_process_relay import Plan, serving

HOP = "Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"


@pytest.mark.parametrize(("hops", "code"), [(100, "250"), (101, "554")])
def test_too_many_hops(tmp_path: Path, hops: int, code: str) -> None:
    with serving(tmp_path, Plan()) as served, served.signed_in() as peer:
        content = (HOP * hops + f"From: <{served.sender}>\r\n\r\nhello\r\n").encode()
        served.relay.router = Router([Route("out", (MxTarget("direct"),))])
        assert peer.deliver(served.sender, content)[:3] == code
        served.relay.router = None
        assert peer.deliver(served.sender, content)[:3] == "250"
