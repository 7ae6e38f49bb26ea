"""Amazon SQS: requests about the messages of a queue, and what is in the responses. Pure.

docs.aws.amazon.com, "Amazon SQS API Reference" (the AWS JSON protocol), as botocore 1.44 speaks it,
2026-11; "Enabling raw message delivery for Amazon SNS" for the two forms of a message.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.feedback.event_lists import NoList
from gatepost.feedback.provider_events import read_body
from gatepost.net.http_client import HttpRequest, HttpResponse

BATCH: Final = 10
"""Messages in one response, and in one request to delete them."""
WAIT: Final = 20
"""Seconds for which the queue may wait for the first message."""
_PATIENCE: Final = 10.0
"""Seconds for an answer, besides."""
_LONGEST_HANDLE: Final = 4_096
_LONGEST_TEXT: Final = 300
"""Characters of an error that are shown."""
_TEST: Final = "Successfully validated SNS topic"
"""The beginning of what SES sends when publishing is set up."""


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message that was received, and is hidden from others for a while."""

    id: str
    handle: str
    """By this it is deleted."""
    body: str


def receive(url: str, most: int) -> HttpRequest:
    """Return the request for up to so many messages of the queue at ``url``."""
    members = {"QueueUrl": url, "MaxNumberOfMessages": most, "WaitTimeSeconds": WAIT}
    return _request("ReceiveMessage", url, members, WAIT + _PATIENCE)


def delete(url: str, messages: Sequence[SqsMessage]) -> HttpRequest:
    """Return the request to delete up to ``BATCH`` messages."""
    entries = [
        {"Id": str(number), "ReceiptHandle": each.handle} for number, each in enumerate(messages)
    ]
    members = {"QueueUrl": url, "Entries": entries}
    return _request("DeleteMessageBatch", url, members, _PATIENCE)


def _request(action: str, url: str, members: Mapping[str, Any], timeout: float) -> HttpRequest:
    parts = urlsplit(url)
    fields = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"AmazonSQS.{action}",
    }
    body = json.dumps(members).encode()
    return HttpRequest("POST", f"{parts.scheme}://{parts.netloc}/", fields, body, timeout)


def read_messages(response: HttpResponse) -> Sequence[SqsMessage]:
    """Return the messages in a response. Raises NoList."""
    found = _document(response).get("Messages") or []
    if not isinstance(found, list):
        raise NoList("the response has no list Messages")
    return list(islice(_messages(found), BATCH))


def _messages(members: Sequence[Any]) -> Iterator[SqsMessage]:
    for each in members:
        if isinstance(each, dict):
            id_, handle, body = (each.get(name) for name in ("MessageId", "ReceiptHandle", "Body"))
            if isinstance(handle, str) and len(handle) <= _LONGEST_HANDLE:
                yield SqsMessage(str(id_)[:100], handle, body if isinstance(body, str) else "")


def check_deleted(response: HttpResponse) -> None:
    """Raise NoList if not everything was deleted."""
    failed = _document(response).get("Failed")
    if isinstance(failed, list) and failed:
        first = failed[0] if isinstance(failed[0], dict) else {}
        raise NoList(f"{len(failed)} messages were not deleted{_explained(first, 'Code')}")


def _document(response: HttpResponse) -> Mapping[str, Any]:
    """Return the object in a success. Raises NoList for anything else."""
    try:
        document = read_body(response.body)
    except ValueError:
        document = None
    if response.status != 200:
        members = document if isinstance(document, dict) else {}
        raise NoList(f"the queue answered HTTP {response.status}{_explained(members, '__type')}")
    if not isinstance(document, dict):
        raise NoList("the response is no JSON object")
    return document


def _explained(members: Mapping[str, Any], code: str) -> str:
    """Return the code and the text of an error, if it has any."""
    name = str(members.get(code, "")).rpartition("#")[2]
    text = members.get("message", members.get("Message", ""))
    told = ": ".join(each for each in (name, str(text)) if each)
    shown = "".join(each if each.isprintable() else " " for each in told[:_LONGEST_TEXT])
    return f", {shown}" if shown else ""


def read_notification(body: str) -> Any:
    """Return the value in a message, which may be in the envelope of Amazon SNS; of a test, the
    text. Raises ValueError for what is no JSON."""
    value = _read_text(body)
    if isinstance(value, dict) and value.get("Type") == "Notification":
        text = value.get("Message")
        if not isinstance(text, str):
            raise ValueError("the notification has no text")
        return _read_text(text)
    return value


def is_test(value: Any) -> bool:
    """Tell whether this is what SES sends when publishing is set up."""
    return isinstance(value, str) and value.startswith(_TEST)


def _read_text(text: str) -> Any:
    return text if is_test(text) else read_body(text.encode("utf-8", "surrogatepass"))
