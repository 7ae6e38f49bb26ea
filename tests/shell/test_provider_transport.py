"""The transport of providers' HTTP APIs: several requests for a message, and what does not fit."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from gatepost.client.provider_sign_in import AwsSignIn, KeySignIn, ProviderCredential
from gatepost.config.http_provider_file import read_provider
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import ConfigError, Disconnected, TokenError
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.route import HttpApiTarget, ServerAddress
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.message_signing import MessageSigner
from gatepost.relay.transport.provider_api import LARGE, LARGE_AT_ONCE, ProviderApiTransport
from tests.leases import lease, outcomes
from tests.shell.http_server import Asked, HttpServer, Told

CONTENT = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: hi\r\n\r\nHello\r\n"
PEOPLE = ("b@x.example", "c@x.example", "d@x.example")
BUSY = Told(429, b'{"errors": [{"message": "busy"}]}', {"retry-after": "9"})
Answer = Callable[[Asked], Told]


def then_deferred(code: int) -> list[tuple[str, int]]:
    return [("delivered", 250), ("deferred", code), ("deferred", code)]


def key() -> ProviderCredential:
    return KeySignIn("API key x", lambda: Secret("k-0123456789"))


def hand_all(
    provider: str,
    answer: Answer,
    leases: Sequence[Lease],
    *,
    content: bytes = CONTENT,
    sign_in: Callable[[], ProviderCredential] = key,
    size: int | None = None,
    signer: MessageSigner | None = None,
) -> tuple[list[AttemptResult], list[Asked]]:
    async def run(url: str) -> list[AttemptResult]:
        http, read = HttpClient(), read_provider(provider)
        settings = tuple((each, "x") for each in read.placeholders)
        size_there = size or read.limits.message_size
        target = HttpApiTarget("t", read, f"{url}/send", "c", settings, size_there)
        transport = ProviderApiTransport(target, http, sign_in(), signer=signer)
        deadline = asyncio.get_running_loop().time() + 30
        try:
            return await asyncio.gather(*[
                transport.deliver(each, BytesBody(content), ServerAddress("hub"), deadline)
                for each in leases
            ])  # fmt: skip
        finally:
            await transport.close()
            await http.close()

    with HttpServer(answer) as server:
        return asyncio.run(run(server.url)), server.asked


def hand(
    provider: str, answer: Answer, given: Lease | None = None, **options: Any
) -> tuple[AttemptResult, list[Asked]]:
    [handed], asked = hand_all(provider, answer, [given or lease()], **options)
    return handed, asked


def sparkpost(*mishaps: Told | None) -> Answer:
    """Accept each request without a mishap, in order."""
    left = list(mishaps)
    done = {"results": {"id": "1", "total_rejected_recipients": 0}}
    accepted = Told(200, json.dumps(done).encode())
    return lambda _: (left.pop(0) if left else None) or accepted


def test_a_request_for_each_recipient_where_the_api_takes_one() -> None:
    handed, asked = hand("sparkpost", sparkpost(), lease(*PEOPLE))
    assert outcomes(handed) == [("delivered", 250)] * 3
    people = [json.loads(each.body)["recipients"] for each in asked]
    assert people == [[{"address": {"email": each}}] for each in PEOPLE]
    assert (handed.error, handed.error_replies, handed.attempt.is_remote) == (None, (), True)


def test_one_that_is_rejected_does_not_stop_the_others() -> None:
    rejected = Told(200, b'{"results": {"id": "1", "total_rejected_recipients": 1}}')
    handed, asked = hand("sparkpost", sparkpost(None, rejected), lease(*PEOPLE))
    assert outcomes(handed) == [("delivered", 250), ("failed", 550), ("delivered", 250)]
    assert (len(asked), handed.error) == (3, None)


def test_a_deferral_stops_the_others() -> None:
    handed, asked = hand("sparkpost", sparkpost(None, BUSY), lease(*PEOPLE))
    assert outcomes(handed) == then_deferred(454)
    assert (len(asked), handed.retry_after) == (2, 9.0)


def test_a_lost_response_keeps_what_was_accepted_before() -> None:
    handed, asked = hand("sparkpost", sparkpost(None, Told(200, None)), lease(*PEOPLE))
    assert outcomes(handed) == then_deferred(451)
    assert len(asked) == 2
    assert isinstance(handed.error, Disconnected)
    assert (handed.attempt.phase, handed.attempt.is_remote) == ("content", False)
    assert "the message may have been accepted, and then arrives twice" in str(handed.error)


def test_a_response_that_broke_off_after_its_status_is_not_lost() -> None:
    broken = Told(200, b"", {"content-length": "99"})
    handed, _ = hand("mailgun", lambda _: broken)
    assert outcomes(handed) == [("delivered", 250)]
    handed, _ = hand("infobip", lambda _: broken)
    assert outcomes(handed) == [("deferred", 451)]
    assert "the message may have been accepted" in str(handed.error)


def test_what_is_too_large_is_not_sent() -> None:
    handed, asked = hand("mailgun", sparkpost(), size=40)
    assert outcomes(handed) == [("failed", 552)]
    assert not asked
    assert (handed.attempt.is_remote, handed.error_replies) == (False, ())
    assert "the server accepts 40" in handed.verdicts[0].reply.reason


def test_a_domain_is_written_in_ascii_and_a_local_part_cannot_be() -> None:
    done = Told(200, b'{"MessageId": "1"}')
    handed, asked = hand("ses", lambda _: done, lease("b@bücher.example"))
    assert outcomes(handed) == [("delivered", 250)]
    [to] = json.loads(asked[0].body)["Destination"]["ToAddresses"]
    assert to == "b@xn--bcher-kva.example"
    handed, asked = hand("ses", lambda _: done, lease("bü@x.example", smtputf8=True))
    assert outcomes(handed) == [("failed", 553)]
    assert not asked


def test_infobip_gets_no_8_bit_content() -> None:
    content = CONTENT.replace(b"Subject", b"MIME-Version: 1.0\r\nContent-Type: text/plain; "
        b"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSubject")  # fmt: skip
    status = {"groupName": "PENDING"}
    done = {"messages": [{"to": "b@example.net", "messageId": "1", "status": status}]}
    handed, asked = hand(
        "infobip", lambda _: Told(200, json.dumps(done).encode()),
        content=content + "é\r\n".encode(),
    )  # fmt: skip
    assert outcomes(handed) == [("delivered", 250)]
    sent = base64.b64decode(json.loads(asked[0].body)["mimeMessage"])
    assert sent.isascii()
    parsed: Any = message_from_bytes(sent, policy=policy.SMTP)
    assert parsed.get_content() == "Hello\r\né\r\n"


def nowhere() -> Secret:
    raise ConfigError("the file key cannot be read")


@pytest.mark.parametrize(
    "sign_in",
    [KeySignIn("x", nowhere), AwsSignIn("x", "AKID", nowhere, None, "eu-west-1", "ses")],
)
def test_without_a_key_nothing_is_sent(sign_in: ProviderCredential) -> None:
    handed, asked = hand("ses", sparkpost(), sign_in=lambda: sign_in)
    assert outcomes(handed) == [("deferred", 535)]
    assert isinstance(handed.error, TokenError)
    assert finding_of(handed.error) == "credentials_missing"
    assert not asked


@pytest.mark.parametrize("text", ["two\nlines", "", "ключ"])
def test_a_key_that_fits_in_no_header_is_not_sent(text: str) -> None:
    sign_in = KeySignIn("x", lambda: Secret(text))
    handed, asked = hand("mailgun", sparkpost(), sign_in=lambda: sign_in)
    assert outcomes(handed) == [("deferred", 535)]
    assert not asked
    assert not text or text not in str(handed)


def test_few_large_messages_are_in_memory_at_the_same_time() -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(LARGE_AT_ONCE)

    def answer(_: Asked) -> Told:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        together.wait(10)
        with lock:
            at_once -= 1
        return Told(200, b'{"id": "1"}')

    content = CONTENT + (b"x" * 998 + b"\r\n") * (LARGE // 1000 + 1)
    many = [lease(id=f"m{number}") for number in range(3 * LARGE_AT_ONCE)]
    handed, _ = hand_all("mailgun", answer, many, content=content)
    assert [outcomes(each) for each in handed] == [[("delivered", 250)]] * len(many)
    assert most <= LARGE_AT_ONCE


def test_a_message_has_its_own_request_id_for_each_part() -> None:
    read = read_provider("sparkpost")
    target = replace(read, idempotency_header="Idempotency-Key")

    async def run(url: str) -> None:
        http = HttpClient()
        made = HttpApiTarget("t", target, f"{url}/send", "c", (("region", "x"),))
        transport = ProviderApiTransport(made, http, key())
        for _ in range(2):
            deadline = asyncio.get_running_loop().time() + 30
            await transport.deliver(
                lease(*PEOPLE), BytesBody(CONTENT), ServerAddress("hub"), deadline
            )
        await http.close()

    with HttpServer(sparkpost()) as server:
        asyncio.run(run(server.url))
        ids = [each.headers["idempotency-key"] for each in server.asked]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3
