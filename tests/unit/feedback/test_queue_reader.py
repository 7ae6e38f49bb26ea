"""A queue with a provider's events: each is recorded once, deleted last, and nothing else is."""

import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from gatepost.client.aws_signature import AwsKey, sign
from gatepost.client.provider_sign_in import AwsSignIn
from gatepost.config.provider_events_file import read_event_provider
from gatepost.errors import ConfigError, QueueError, RemoteProtocolError, TimedOut
from gatepost.feedback.amazon_sqs import BATCH, WAIT, receive
from gatepost.feedback.poll_failures import LONGEST
from gatepost.feedback.provider_events import EventBatch
from gatepost.feedback.queue_reader import AGAIN, PAUSE, EventQueueReader, PolledQueue
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest, HttpResponse
from gatepost.testing.memory import MemoryStore

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/mail"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SES = read_event_provider("ses")
SECRET = "wJalrXUtnFEMI/K7MDENG"


def event(recipient: str, kind: str = "Delivery") -> str:
    return json.dumps({"eventType": kind, "mail": {"messageId": "0102018f-1"},
                       "delivery": {"recipients": [recipient]}})  # fmt: skip


def enveloped(text: Any) -> str:
    """Return what SNS puts into a queue without raw delivery."""
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:x",
                       "Message": text, "SignatureVersion": "1"})  # fmt: skip


class Queue:
    """Plays SQS: what was received and not deleted is received again."""

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.requests: list[HttpRequest] = []
        self.failures: list[HttpResponse | Exception] = []
        self.deletes = True
        self.longest = 1_000_000

    def add(self, *bodies: str) -> None:
        for each in bodies:
            self.bodies[f"m{len(self.bodies)}"] = each

    async def ask(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        asked = json.loads(request.body)
        self.asked.append(asked)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        assert asked["QueueUrl"] == URL
        if request.headers["x-amz-target"] == "AmazonSQS.DeleteMessageBatch":
            handles = [each["ReceiptHandle"] for each in asked["Entries"]]
            assert len(handles) <= BATCH
            if not self.deletes:
                return told(
                    {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
                )
            for each in handles:
                self.bodies.pop(each.removeprefix("handle-"), None)
            return told({"Successful": [{"Id": each["Id"]} for each in asked["Entries"]]})
        assert request.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage"
        some = list(self.bodies.items())[: asked["MaxNumberOfMessages"]]
        messages = [
            {"MessageId": id_, "ReceiptHandle": f"handle-{id_}", "Body": body} for id_, body in some
        ]
        if sum(len(each["Body"]) for each in messages) > self.longest:
            raise RemoteProtocolError("the queue answered with more than 1 octets")
        return told({"Messages": messages} if messages else {})

    async def close(self) -> None:
        """There is nothing to close."""


def told(document: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps(document).encode())


class World:
    """The queue, and what records; it fails as often as it is told."""

    def __init__(self) -> None:
        self.queue, self.store = Queue(), MemoryStore()
        self.recorded: list[str] = []
        self.told: list[tuple[str, Any]] = []
        self.failures = 0
        self.may_ask = True
        self.secret: Secret | ConfigError = Secret(SECRET)

    def report(self, event: str, **facts: Any) -> None:
        self.told.append((event, facts.get("reason", facts.get("count"))))

    def now(self) -> datetime:
        return NOON

    async def record(self, source: str, targets: Collection[str], batch: EventBatch) -> int:
        assert (source, targets) == ("ses", ("out",))
        if self.failures:
            self.failures -= 1
            raise QueueError("the disk is full")
        self.recorded += [recipient for each in batch.events for recipient, _ in each.recipients]
        return len(batch.events)

    def reader(self) -> EventQueueReader:
        """Return one that begins anew, as after a restart."""
        sign_in = AwsSignIn("key", "AKID", self._key, None, "eu-west-1", "sqs", lambda: NOON)
        source = PolledQueue("ses", SES, URL, ("out",), sign_in)
        recorder = cast("FeedbackRecorder", self)
        return EventQueueReader(source, recorder, self.store.notes, self.queue, self._take_turn)

    def _key(self) -> Secret:
        if isinstance(self.secret, ConfigError):
            raise self.secret
        return self.secret

    async def _take_turn(self, key: str) -> bool:
        assert key == "queue ses"
        return self.may_ask


@pytest.fixture
def world() -> World:
    return World()


def read(reader: EventQueueReader, times: int = 1) -> float:
    async def steps() -> float:
        return [await reader.read_once() for _ in range(times)][-1]

    return asyncio.run(asyncio.wait_for(steps(), 30))


def test_both_forms_are_recorded_and_deleted(world: World) -> None:
    world.queue.add(event("raw@x.test"), enveloped(event("sns@x.test")))
    world.queue.add("Successfully validated SNS topic for Amazon SES event publishing.")
    world.queue.add(enveloped("Successfully validated SNS topic for Amazon SES event publishing."))
    assert read(world.reader()) == 0.0
    assert world.recorded == ["raw@x.test", "sns@x.test"]
    assert (world.queue.bodies, world.told) == ({}, [])


def test_the_queue_waits_and_requests_are_signed(world: World) -> None:
    assert read(world.reader()) == PAUSE
    [asked], [request] = world.queue.asked, world.queue.requests
    assert asked == {"QueueUrl": URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": WAIT}
    assert (request.method, request.url) == ("POST", "https://sqs.eu-west-1.amazonaws.com/")
    assert request.timeout > WAIT
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    assert "AKID/20261124/eu-west-1/sqs/aws4_request" in request.headers["authorization"]


def test_a_request_is_signed_as_botocore_1_44_18_signs_it() -> None:
    key = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "TOKEN")
    signed = sign(receive(URL, 10), key, "eu-west-1", "sqs", NOON)
    assert signed.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/sqs/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
        "Signature=e8a23e370e1a93624c887d702c420d7c3241cb5999607421233a1a75643c8271"
    )


def test_all_messages_are_read(world: World) -> None:
    world.queue.add(*[event(f"a{number}@x.test") for number in range(25)])
    assert read(world.reader(), 3) == 0.0
    assert sorted(set(world.recorded)) == sorted(world.recorded)
    assert len(world.recorded) == 25


def test_what_could_not_be_recorded_is_not_deleted(world: World) -> None:
    world.queue.add(event("a@x.test"))
    world.failures = 1
    assert read(world.reader()) > 0
    assert world.told == [("polling_failed", "the disk is full")]
    assert len(world.queue.bodies) == 1
    read(world.reader())
    assert (world.recorded, world.queue.bodies) == (["a@x.test"], {})


def test_what_could_not_be_deleted_is_recorded_once(world: World) -> None:
    """Also after a kill; the queue then sends it again."""
    world.queue.add(event("a@x.test"), enveloped(event("a@x.test")))
    world.queue.deletes = False
    assert read(world.reader()) > 0
    reader = world.reader()
    waits = [read(reader) for _ in range(3)]
    assert waits == sorted(waits)
    assert waits[0] >= AGAIN
    assert world.recorded == ["a@x.test"]
    assert {name for name, _ in world.told} == {"polling_failed"}
    assert "1 messages were not deleted, InternalError" in world.told[0][1]
    world.queue.deletes = True
    assert read(reader) == PAUSE, "nothing new"
    assert (world.recorded, world.queue.bodies) == (["a@x.test"], {})
    assert world.told[-1][0] == "polling_works"


JUNK = [
    "", "text", "7", "[]", "[7]", "{}", "null", '"x"', "[" * 50_000, "\ud800", '{"eventType": 7',
    '{"order": 17}', '{"eventType": ""}', enveloped("text"), enveloped(7), enveloped("[7]"),
    enveloped('{"order": 17}'), json.dumps({"Type": "SubscriptionConfirmation", "Token": "t"}),
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_event_stays_and_costs_nothing_around_it(world: World, junk: str) -> None:
    world.queue.add(event("a@x.test"), junk, event("b@x.test"))
    reader = world.reader()
    assert read(reader) == 0.0
    assert read(reader) == PAUSE
    assert world.recorded == ["a@x.test", "b@x.test"]
    assert list(world.queue.bodies.values()) == [junk]
    assert world.told == [("feedback_malformed", 1)], "once"


def test_an_unknown_event_is_left_to_the_recorder(world: World) -> None:
    world.queue.add(event("a@x.test", "Teleported"))
    read(world.reader())
    assert world.queue.bodies == {}


@pytest.mark.parametrize(
    "messages",
    [7, "x", {}, [7], [None], [{}], [{"MessageId": 1}], [{"ReceiptHandle": "h" * 5_000}],
     [{"ReceiptHandle": 7, "Body": event("a@x.test")}]],
)  # fmt: skip
def test_strange_lists_are_refused_or_empty(world: World, messages: Any) -> None:
    world.queue.failures = [told({"Messages": messages})]
    assert read(world.reader()) >= PAUSE
    assert world.recorded == []
    assert [name for name, _ in world.told] in ([], ["polling_failed"])


def refused(status: int, type_: str, message: str) -> HttpResponse:
    return HttpResponse(status, {}, json.dumps({"__type": type_, "message": message}).encode())


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (refused(400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist."),
         "the queue answered HTTP 400, QueueDoesNotExist: The specified queue does not exist."),
        (refused(403, "AccessDeniedException", f"no sqs:receivemessage\r\n{SECRET}"),
         "the queue answered HTTP 403, AccessDeniedException: no sqs:receivemessage"),
        (HttpResponse(503), "the queue answered HTTP 503"),
        (HttpResponse(302, {"location": "https://evil.test"}), "the queue answered HTTP 302"),
        (HttpResponse(200, {}, b"<html>"), "the response is no JSON object"),
        (HttpResponse(200, {}, b"[]"), "the response is no JSON object"),
        (HttpResponse(200, {}, b"[" * 100_000), "the response is no JSON object"),
        (HttpResponse(400, {}, b'{"message": ["x"]}'), "the queue answered HTTP 400, ['x']"),
        (TimedOut("no answer"), "no answer"),
    ],
)  # fmt: skip
def test_failures_are_told_once_and_waited_for(
    world: World, failure: HttpResponse | Exception, reason: str
) -> None:
    reader, waits = world.reader(), []
    for _ in range(12):
        world.queue.failures = [failure]
        waits.append(read(reader))
    [(name, said)] = world.told
    assert name == "polling_failed"
    assert said.startswith(reason)
    assert SECRET not in said
    assert said.isprintable()
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST
    assert read(reader) == PAUSE
    assert world.told[-1][0] == "polling_works"


def test_a_secret_that_cannot_be_read_is_told(world: World) -> None:
    world.secret = ConfigError("the file aws-secret cannot be read")
    assert read(world.reader()) > 0
    [(name, reason)] = world.told
    assert (name, world.queue.requests) == ("polling_failed", [])
    assert "the file aws-secret cannot be read" in reason


def test_messages_that_are_too_long_together_are_read_one_by_one(world: World) -> None:
    world.queue.add(*[event(f"a{number}@x.test") for number in range(4)])
    world.queue.longest = 2 * len(event("a0@x.test"))
    reader = world.reader()
    while world.queue.bodies:
        read(reader)
    assert len(world.recorded) == 4


def test_a_node_without_the_turn_asks_nothing(world: World) -> None:
    world.may_ask = False
    assert read(world.reader()) == AGAIN
    assert world.queue.requests == []
