"""Our SMTP transport against other SMTP servers: it signs in with the mechanisms that they
offer."""

import asyncio
import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from compliance.dovecot import running_dovecot
from compliance.exim import running_exim
from compliance.opensmtpd import running_opensmtpd
from compliance.postfix import Postfix, running_postfix
from gatepost.client.smtp_sign_in import PasswordSignIn
from gatepost.model.body import BytesBody
from gatepost.model.route import HopLimits, ServerAddress, Smarthost, SmarthostTarget
from gatepost.model.secret import Secret
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.smtp import SmtpTransport
from tests.clients.node import packages
from tests.clients.servers import AIOSMTPD, PASSWORD, SMTP_SERVER, USERNAME, running
from tests.leases import TRACE, lease
from tests.shell.serve_process import wait_for

CONTENT = (
    "From: a@example.com\r\nTo: b@example.net\r\nSubject: hi\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n"
    ".a dot\r\n..two dots\r\nGrüße an alle, die das lesen und verstehen\r\n"
).encode()
PROGRAMS = [
    pytest.param(AIOSMTPD, id="aiosmtpd"),
    pytest.param(SMTP_SERVER, id="smtp-server", marks=packages.needs_node),
]


def hand(port: int, ca_file: str, sign_in: PasswordSignIn, times: int = 1) -> list[AttemptResult]:
    async def run() -> list[AttemptResult]:
        target = SmarthostTarget(
            "hub", (Smarthost("localhost", port),), ca_file=ca_file, credential="c"
        )
        transport = SmtpTransport(target, sign_in)
        server, loop = ServerAddress("localhost", port, "127.0.0.1"), asyncio.get_running_loop()
        try:
            return [
                await transport.deliver(lease(), BytesBody(CONTENT), server, loop.time() + 15)
                for _ in range(times)
            ]
        finally:
            await transport.close()

    return asyncio.run(run())


BURST = 24
"""More at once than connections."""


def hand_a_burst(port: int, ca_file: str, sign_in: PasswordSignIn) -> list[AttemptResult]:
    """Hand over BURST messages, by twelve at a time, and return their results."""

    async def run() -> list[AttemptResult]:
        target = SmarthostTarget(
            "hub", (Smarthost("localhost", port),), ca_file=ca_file, credential="c",
            limits=HopLimits(connections=6),
        )  # fmt: skip
        transport = SmtpTransport(target, sign_in)
        server, loop = ServerAddress("localhost", port, "127.0.0.1"), asyncio.get_running_loop()

        async def some() -> list[AttemptResult]:
            body = BytesBody(CONTENT)
            return [
                await transport.deliver(lease(), body, server, loop.time() + 30)
                for _ in range(BURST // 12)
            ]

        try:
            results = await asyncio.gather(*(some() for _ in range(12)))
            return [each for part in results for each in part]
        finally:
            await transport.close()

    return asyncio.run(run())


@pytest.mark.parametrize("mechanisms", [["LOGIN"], ["PLAIN"], ["PLAIN", "LOGIN"]], ids="-".join)
@pytest.mark.parametrize("program", PROGRAMS)
def test_three_messages_over_one_sign_in(
    program: list[str], mechanisms: list[str], tmp_path: Path
) -> None:
    sign_in = PasswordSignIn(USERNAME, lambda: Secret(PASSWORD))
    with running(program, tmp_path, mechanisms) as server:
        handed = hand(server.port, server.ca_file, sign_in, 3)
        accepted = [server.next_message() for _ in handed]
    assert [each.verdicts[0].kind for each in handed] == ["delivered"] * 3
    assert {each.attempt.contact.mechanism for each in handed} == {mechanisms[0]}
    for each in accepted:
        assert each["mechanism"] in mechanisms
        content = base64.b64decode(each["content"])
        assert content == TRACE + CONTENT


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_burst(program: list[str], tmp_path: Path) -> None:
    sign_in = PasswordSignIn(USERNAME, lambda: Secret(PASSWORD))
    with running(program, tmp_path, ["PLAIN"]) as server:
        handed = hand_a_burst(server.port, server.ca_file, sign_in)
        accepted = [server.next_message() for _ in handed]
    assert [each.verdicts[0].kind for each in handed] == ["delivered"] * BURST
    assert {base64.b64decode(each["content"]) for each in accepted} == {TRACE + CONTENT}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_password(program: list[str], tmp_path: Path) -> None:
    sign_in = PasswordSignIn(USERNAME, lambda: Secret("wr0ng"))
    with running(program, tmp_path, ["PLAIN", "LOGIN"]) as server:
        [handed] = hand(server.port, server.ca_file, sign_in)
    assert handed.verdicts[0].kind == "deferred"
    assert (handed.attempt.phase, handed.attempt.reply.code) == ("auth", 535)
    assert handed.evidence is not None


@pytest.mark.compliance
@pytest.mark.parametrize("offers", ["LOGIN", "PLAIN LOGIN"])
def test_postfix(offers: str) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        Path(parent).chmod(0o755)
        with running_postfix(Path(parent) / "postfix", offers) as server:
            sign_in = PasswordSignIn(server.username, lambda: Secret(server.password))
            handed = hand(server.port, server.ca_file, sign_in, 2)
            assert [each.verdicts[0].kind for each in handed] == ["delivered"] * 2
            contents = server.held()
            wait_for(lambda: "auth=1 mail=2 rcpt=2 bdat=2 quit=1" in server.log())
    assert len(contents) == 2
    message = message_from_bytes(contents[0], policy=default)
    body = message.get_body()
    assert body is not None
    assert "Grüße" in body.get_content()


@contextmanager
def postfix_with_dovecot(home: Path) -> Iterator[Postfix]:
    with (
        running_dovecot(home.with_name("dovecot"), ["PLAIN", "SCRAM-SHA-256"]) as dovecot,
        running_postfix(home, dovecot=dovecot) as server,
    ):
        yield server


@pytest.mark.compliance
@pytest.mark.parametrize(
    ("start", "mechanism"),
    [
        pytest.param(postfix_with_dovecot, "SCRAM-SHA-256", id="postfix-dovecot"),
        pytest.param(running_exim, "PLAIN", id="exim"),
        pytest.param(running_opensmtpd, "PLAIN", id="opensmtpd"),
    ],
)
def test_real_servers(start: Any, mechanism: str) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        Path(parent).chmod(0o755)
        with start(Path(parent) / "server") as server:
            sign_in = PasswordSignIn(server.username, lambda: Secret(server.password))
            handed = hand(server.port, server.ca_file, sign_in, 2)
            contents = server.held()
    assert [each.verdicts[0].kind for each in handed] == ["delivered"] * 2
    assert {each.attempt.contact.mechanism for each in handed} == {mechanism}
    assert len(contents) == 2
    assert b"Subject: hi" in contents[0]


@pytest.mark.compliance
@pytest.mark.parametrize("start", [running_postfix, running_exim, running_opensmtpd])
def test_real_servers_take_a_burst(start: Any) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        Path(parent).chmod(0o755)
        with start(Path(parent) / "server") as server:
            sign_in = PasswordSignIn(server.username, lambda: Secret(server.password))
            handed = hand_a_burst(server.port, server.ca_file, sign_in)
            contents = server.held()
    assert [each.verdicts[0].kind for each in handed] == ["delivered"] * BURST
    assert len(contents) == BURST
