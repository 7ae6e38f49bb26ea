"""The HTTP APIs of four providers, as far as their documents describe them.

They check the proof and the form of each request, keep the messages, and fail as the test says.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any, ClassVar, Literal

from tests.shell.http_server import Asked, Told

KEY = "key-0123456789abcdef0123456789abcdef"
AWS_ID = "AKIDEXAMPLE"
REGION = "eu-west-1"
Mood = Literal["ok", "throttle", "quota", "refused", "large", "cut", "denied", "slow"]
Failure = tuple[int, Any, dict[str, str]]
PATIENCE = 60.0


@dataclass
class Fake:
    """One account at a provider: what it was asked, and how it behaves."""

    mood: Mood = "ok"
    messages: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    """Recipients and content of each accepted message."""
    faults: list[str] = field(default_factory=list)
    """What was wrong with requests."""
    count: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    """Ends the wait of a slow one."""

    path: ClassVar[str]
    failures: ClassVar[dict[Mood, Failure]]

    def __call__(self, asked: Asked) -> Told:
        self.count += 1
        if not self.is_signed(asked):
            self.faults.append("a wrong proof")
        if asked.method != "POST" or asked.target != self.path:
            self.faults.append(f"{asked.method} {asked.target}")
        if self.mood == "cut":
            return Told(200, None)
        if self.mood == "slow":
            self.released.wait(PATIENCE)
        if self.mood == "throttle" and self.count > 1:
            self.mood = "ok"
        if self.mood in self.failures:
            status, document, headers = self.failures[self.mood]
            return Told(status, json.dumps(document).encode(), headers)
        people, content = self.read(asked)
        self.messages.append((tuple(people), content))
        return Told(200, json.dumps(self.success(people)).encode())

    def is_signed(self, asked: Asked) -> bool:
        raise NotImplementedError

    def read(self, asked: Asked) -> tuple[Sequence[str], bytes]:
        raise NotImplementedError

    def success(self, people: Sequence[str]) -> Any:
        raise NotImplementedError


class Ses(Fake):
    path = "/v2/email/outbound-emails"
    failures: ClassVar[dict[Mood, Failure]] = {
        "throttle": (400, {"message": "Maximum sending rate exceeded."},
                     {"x-amzn-errortype": "ThrottlingException"}),
        "quota": (400, {"message": "Daily message quota exceeded."},
                  {"x-amzn-errortype": "ThrottlingException"}),
        "refused": (400, {"message": "Email address is not verified. The following identities "
                          "failed the check in region EU-WEST-1: a@example.com"},
                    {"x-amzn-errortype": "MessageRejected"}),
        "large": (413, {"message": "Request Too Long"}, {}),
        "denied": (403, {"message": f"The signature of {KEY} does not match"},
                   {"x-amzn-errortype": "SignatureDoesNotMatch"}),
    }  # fmt: skip

    def is_signed(self, asked: Asked) -> bool:
        """Compute the signature of the fields that the request names."""
        scheme, _, rest = asked.headers["authorization"].partition(" ")
        named = dict(part.split("=", 1) for part in rest.split(", "))
        id_, date, region, service, _ = named["Credential"].split("/")
        names = named["SignedHeaders"].split(";")
        fields = "".join(f"{name}:{asked.headers[name]}\n" for name in names)
        digest = hashlib.sha256(asked.body).hexdigest()
        canonical = f"POST\n{self.path}\n\n{fields}\n{';'.join(names)}\n{digest}"
        scope = f"{date}/{region}/{service}/aws4_request"
        summary = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{scheme}\n{asked.headers['x-amz-date']}\n{scope}\n{summary}"
        key = f"AWS4{KEY}".encode()
        for part in (date, region, service, "aws4_request", text):
            key = hmac.digest(key, part.encode(), "sha256")
        return (named["Signature"], id_, region, service) == (key.hex(), AWS_ID, REGION, "ses")

    def read(self, asked: Asked) -> tuple[Sequence[str], bytes]:
        document = json.loads(asked.body)
        if document["FromEmailAddress"] != "a@example.com":
            self.faults.append("a wrong sender")
        content = base64.b64decode(document["Content"]["Raw"]["Data"], validate=True)
        return document["Destination"]["ToAddresses"], content

    def success(self, people: Sequence[str]) -> Any:
        return {"MessageId": f"ses-{len(people)}"}


class Mailgun(Fake):
    path = "/v3/mg.example.com/messages.mime"
    failures: ClassVar[dict[Mood, Failure]] = {
        "throttle": (429, {"message": "slow down"}, {"retry-after": "1"}),
        "quota": (429, {"message": "the limit of the month"}, {"retry-after": "3600"}),
        "refused": (400, {"message": "from parameter is not a valid address"}, {}),
        "large": (413, {"message": "too large"}, {}),
        "denied": (401, {"message": f"Invalid private key {KEY}"}, {}),
    }

    def is_signed(self, asked: Asked) -> bool:
        return asked.headers["authorization"] == (
            "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()
        )

    def read(self, asked: Asked) -> tuple[Sequence[str], bytes]:
        head = f"content-type: {asked.headers['content-type']}\r\n\r\n".encode()
        whole: Any = message_from_bytes(head + asked.body, policy=policy.HTTP)
        people, content = [], b""
        for part in whole.iter_parts():
            if part.get_param("name", header="content-disposition") == "to":
                people.append(part.get_payload())
            else:
                content = part.get_payload(0).as_bytes()
        return people, content

    def success(self, people: Sequence[str]) -> Any:
        return {"id": f"<mailgun-{len(people)}@mg>", "message": "Queued. Thank you."}


class SparkPost(Fake):
    path = "/api/v1/transmissions"
    failures: ClassVar[dict[Mood, Failure]] = {
        "throttle": (429, {"errors": [{"message": "Too many requests"}]}, {"retry-after": "1"}),
        "quota": (420, {"errors": [{"message": "Exceed Sending Limit (daily)"}]}, {}),
        "refused": (400, {"errors": [{"message": "Unconfigured Sending Domain", "code": "7001"}]},
                    {}),
        "large": (413, {"errors": [{"message": "Request Entity Too Large"}]}, {}),
        "denied": (401, {"errors": [{"message": f"Unauthorized: {KEY}"}]}, {}),
    }  # fmt: skip

    def is_signed(self, asked: Asked) -> bool:
        return asked.headers["authorization"] == KEY

    def read(self, asked: Asked) -> tuple[Sequence[str], bytes]:
        document = json.loads(asked.body)
        people = [each["address"]["email"] for each in document["recipients"]]
        return people, document["content"]["email_rfc822"].encode()

    def success(self, people: Sequence[str]) -> Any:
        rejected = sum(each.startswith("rejected") for each in people)
        counts = {"total_rejected_recipients": rejected,
                  "total_accepted_recipients": len(people) - rejected}  # fmt: skip
        return {"results": {"id": "sparkpost-1", **counts}}


class Infobip(Fake):
    path = "/email/4/mime"
    failures: ClassVar[dict[Mood, Failure]] = {
        "throttle": (429, {"errorCode": "E429", "description": "slow down"}, {"retry-after": "1"}),
        "quota": (429, {"errorCode": "E429", "description": "used up"}, {"retry-after": "3600"}),
        "refused": (400, {"errorCode": "E400", "description": "[from] not registered"}, {}),
        "large": (413, {"errorCode": "E413", "description": "too large"}, {}),
        "denied": (401, {"errorCode": "E401", "description": f"Invalid key {KEY}"}, {}),
    }

    def is_signed(self, asked: Asked) -> bool:
        return asked.headers["authorization"] == f"App {KEY}"

    def read(self, asked: Asked) -> tuple[Sequence[str], bytes]:
        document = json.loads(asked.body)
        return document["destinations"], base64.b64decode(document["mimeMessage"], validate=True)

    def success(self, people: Sequence[str]) -> Any:
        return {"bulkId": "1", "messages": [
            {"to": each, "messageId": "infobip-1", "status": self._status(each)} for each in people
        ]}  # fmt: skip

    @staticmethod
    def _status(address: str) -> dict[str, str]:
        if address.startswith("rejected"):
            name = "REJECTED_DESTINATION_BLOCKLISTED"
            return {"groupName": "REJECTED", "name": name, "description": "on the blocklist"}
        return {"groupName": "PENDING", "name": "PENDING_ACCEPTED", "description": ""}


FAKES: dict[str, tuple[Callable[[Mood], Fake], str]] = {
    "ses": (Ses, f'region = "{REGION}"\ncredential = "aws"'),
    "mailgun": (Mailgun, 'domain = "mg.example.com"\ncredential = "key"'),
    "sparkpost": (SparkPost, 'credential = "key"'),
    "infobip": (Infobip, 'account = "x"\ncredential = "key"'),
}
"""By provider: what makes a fake, and the keys of a target besides."""
