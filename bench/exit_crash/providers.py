"""The providers behind the relay: two HTTP APIs that fail in every way, what they and a server
report later, and the subscriber of the events."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import re
import secrets
import smtplib
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from typing import Any, Final, Literal

from bench.exit_crash.http import HttpAnswer, HttpAsked, HttpEndpoint, post
from bench.exit_crash.relay import WEBHOOK_KEY, ExitRelay
from gatepost.testing.upstream import Taken

ApiFate = Literal[
    "accept", "slow", "stall", "throttle", "error", "quota", "refuse", "cut_before", "cut_after"
]
USUAL: Final[Mapping[ApiFate, float]] = {
    "accept": 60, "slow": 10, "stall": 2, "throttle": 4, "error": 6, "quota": 0.3, "refuse": 4,
    "cut_before": 3, "cut_after": 4,
}  # fmt: skip
"""What becomes of a request, by weight. ``cut_after`` takes the message and closes the connection
without an answer: these APIs have no key that would make a repetition harmless."""
WELL: Final[Mapping[ApiFate, float]] = {"accept": 1}
STALL: Final = 2.0
"""Seconds."""
BOUNCED: Final = 15
"""Of a hundred recipients, how many bounce after they were accepted."""
AGAIN: Final = 0.3
"""Seconds until a webhook or a bounce that was not taken is sent again."""
_MESSAGE_ID: Final = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_REFUSALS: Final[Mapping[ApiFate, tuple[int, str, str]]] = {
    "throttle": (429, "TooManyRequestsException", "slow down"),
    "error": (500, "InternalFailure", "something is wrong here"),
    "quota": (400, "ThrottlingException", "Daily message quota exceeded."),
    "refuse": (400, "MessageRejected", "Email address is not verified."),
}
_NOTICE: Final = (
    "From: MAILER-DAEMON@mx.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nIt bounced.\r\n"
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
    "Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n"
)


def will_bounce(recipient: str) -> bool:
    """Tell whether an address bounces later; always the same."""
    return zlib.crc32(recipient.encode()) % 100 < BOUNCED


@dataclass(slots=True)
class ApiProvider:
    """An HTTP API that takes messages; ``read`` returns recipients, message and mark."""

    read: Callable[[HttpAsked], tuple[Sequence[str], bytes, str]]
    taken: list[Taken]
    chance: random.Random
    on_taken: Callable[[Taken, str], None] = lambda _taken, _mark: None
    weights: Mapping[ApiFate, float] = field(default_factory=lambda: USUAL)
    fates: Counter[str] = field(default_factory=Counter)
    endpoint: HttpEndpoint = field(init=False)

    def __post_init__(self) -> None:
        self.endpoint = HttpEndpoint(self._handle)

    async def _handle(self, asked: HttpAsked) -> HttpAnswer | None:
        [fate] = self.chance.choices(list(self.weights), list(self.weights.values()))
        self.fates[f"api {fate}"] += 1
        if fate == "cut_before":
            return None
        if fate in _REFUSALS:
            status, code, text = _REFUSALS[fate]
            document = json.dumps({"message": text}).encode()
            return HttpAnswer(status, document, {"x-amzn-errortype": code})
        if fate == "slow":
            await asyncio.sleep(self.chance.random() * 0.2)
        if fate == "stall":
            await asyncio.sleep(STALL)
        recipients, content, mark = self.read(asked)
        found = _MESSAGE_ID.search(content)
        taken = Taken(
            found[1].decode() if found else "", "a", tuple(recipients), content,
            asyncio.get_running_loop().time(), silent=fate == "cut_after",
        )  # fmt: skip
        self.taken.append(taken)
        self.on_taken(taken, mark)
        if fate == "cut_after":
            return None
        return HttpAnswer(body=json.dumps({"MessageId": "1", "id": "<1@mg>"}).encode())


def read_ses(asked: HttpAsked) -> tuple[Sequence[str], bytes, str]:
    """Read a request of SES, API v2."""
    document = json.loads(asked.body)
    content = base64.b64decode(document["Content"]["Raw"]["Data"])
    return document["Destination"]["ToAddresses"], content, ""


def read_mailgun(asked: HttpAsked) -> tuple[Sequence[str], bytes, str]:
    """Read a form of Mailgun."""
    head = f"content-type: {asked.headers['content-type']}\r\n\r\n".encode()
    parts: Any = message_from_bytes(head + asked.body, policy=policy.HTTP).get_payload()
    boundary = asked.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    people, mark, content = [], "", b""
    for part in parts:
        name = _name_of(part)
        if name == "to":
            people.append(str(part.get_payload()))
        elif name == "v:gatepost":
            mark = str(part.get_payload())
        elif name == "message":  # byte by byte, as it was sent
            after = asked.body.partition(b'name="message"')[2].partition(b"\r\n\r\n")[2]
            content = after.rpartition(b"\r\n--" + boundary)[0].partition(b"\r\n--" + boundary)[0]
    return people, content, mark


def _name_of(part: Message) -> str:
    return str(part.get_param("name", header="content-disposition"))


@dataclass(slots=True)
class Feedback:
    """What is reported later: Mailgun's webhooks and bounces by mail, some of them twice."""

    relay: ExitRelay
    chance: random.Random
    bounced: set[str] = field(default_factory=set)
    """Recipients about whom a bounce by mail was taken."""
    counts: Counter[str] = field(default_factory=Counter)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    def tell_mailgun(self, taken: Taken, mark: str) -> None:
        """Let Mailgun report what it has taken."""
        for each in taken.recipients:
            self._start(self._post(each, mark))

    def tell_mx(self, taken: Taken) -> None:
        """Let the server return what it has taken, for some recipients."""
        for each in taken.recipients:
            if will_bounce(each):
                self._start(self._return(each, taken.sender))

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _post(self, recipient: str, mark: str) -> None:
        await asyncio.sleep(self.chance.random() * 2)
        event: dict[str, Any] = {
            "event": "delivered", "recipient": recipient, "user-variables": {"gatepost": mark},
        }  # fmt: skip
        if will_bounce(recipient):
            status = {"message": "550 5.1.1 User unknown"}
            event |= {"event": "failed", "severity": "permanent", "delivery-status": status}
        body = _signed(event)
        await self._until_taken(body)
        if self.chance.random() < 0.2:
            self.counts["webhooks again"] += 1
            await self._until_taken(body if self.chance.random() < 0.5 else _signed(event))

    async def _until_taken(self, body: bytes) -> None:
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                status = await post(self.relay.events_port, "/events/mailgun", body, {})
                self.counts[f"webhooks {status}"] += 1
                if status == 200:
                    return
            await asyncio.sleep(AGAIN)

    async def _return(self, recipient: str, mark: str) -> None:
        await asyncio.sleep(self.chance.random() * 2)
        for _ in range(2 if self.chance.random() < 0.3 else 1):
            while not await asyncio.to_thread(self._try_return, recipient, mark):  # noqa: ASYNC110
                await asyncio.sleep(AGAIN)
            self.bounced.add(recipient)
            self.counts["bounces by mail"] += 1

    def _try_return(self, recipient: str, mark: str) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.relay.mx, timeout=20) as client:
                client.sendmail("", [mark], _NOTICE.format(recipient=recipient))
        except (OSError, smtplib.SMTPException):
            return False
        return True


def _signed(event: dict[str, Any]) -> bytes:
    now, token = str(int(time.time())), secrets.token_hex(16)
    digest = hmac.new(WEBHOOK_KEY.encode(), f"{now}{token}".encode(), hashlib.sha256).hexdigest()
    proof = {"timestamp": now, "token": token, "signature": digest}
    return json.dumps({"signature": proof, "event-data": event}).encode()


@dataclass(slots=True)
class Subscriber:
    """A webhook of the application, which fails now and then, also after it has taken events."""

    chance: random.Random
    is_well: bool = False
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those that it has taken, by id."""
    repeated: int = 0
    endpoint: HttpEndpoint = field(init=False)

    def __post_init__(self) -> None:
        self.endpoint = HttpEndpoint(self._handle)

    @property
    def statuses(self) -> Counter[str]:
        """Number of events by status."""
        return Counter(each["status"] for each in self.events.values())

    async def _handle(self, asked: HttpAsked) -> HttpAnswer | None:
        events = json.loads(asked.body)
        if asked.headers["aeg-event-type"] == "SubscriptionValidation":
            code = events[0]["data"]["validationCode"]
            return HttpAnswer(body=json.dumps({"validationResponse": code}).encode())
        draw = 1.0 if self.is_well else self.chance.random()
        if draw < 0.02:
            return HttpAnswer(503)
        for each in events:
            self.repeated += each["id"] in self.events
            self.events[each["id"]] = each["data"]
        return None if draw < 0.04 else HttpAnswer()
