"""A check of the server of an HTTP API: as far as its certificate, and without a word."""

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.doctor_jobs import HTTPS, DoctorJobs
from tests.certificates import make_authority
from tests.tcp_server import TcpServer


def check(port: int, ca_file: str = "") -> Any:
    """Return the report about a server."""

    async def run() -> Any:
        jobs = DoctorJobs(lambda: datetime.now(UTC), time.monotonic)
        job = jobs.start(f"localhost:{port}", HTTPS, ca_file=ca_file)
        await asyncio.wait(jobs.running)
        return (await jobs.operate("job", {"id": job["id"]}))["report"]

    return asyncio.run(run())


@pytest.mark.parametrize("is_trusted", [True, False])
def test_nothing_is_said_and_the_certificate_is_read(tmp_path: Path, is_trusted: bool) -> None:
    authority = make_authority(tmp_path)
    pair = authority.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                heard.append(secured.recv(1_000))
        except OSError:
            heard.append(b"")  # no handshake, or cut off

    with TcpServer(serve) as server:
        report = check(server.port, str(authority.ca_file) if is_trusted else "")
    assert b"".join(heard) == b""
    assert report["verdict"] == ("healthy" if is_trusted else "finding")
    assert [each["id"] for each in report["findings"]] == ([] if is_trusted else ["cert_untrusted"])
    tls = report["evidence"]["tls"]["value"]
    assert tls["verified"] is is_trusted
    assert datetime.fromisoformat(tls["certificate"]["not_after"]) > datetime.now(UTC)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with TcpServer(lambda connection: connection.close()) as server:
        port = server.port
    assert check(port)["verdict"] == "unreachable"
