"""``gatepost serve`` with a Communication Services resource, for SDKs and subscribers."""

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import CommunicationService
from gatepost.keys.store_key import DIGESTS, SealedAccessKeys, open_key
from gatepost.model.secret import Secret
from gatepost.store.sqlite import open_store
from tests.shell.serve_process import ServeProcess, relaying
from tests.unit.directory.azure.world import DOMAIN_NAME, SERVICE, USERNAME, entries, sender

SENDER = f"DoNotReply@{DOMAIN_NAME}"
TOPIC = SERVICE.lower()
KEY = "bm90IGEgc2VjcmV0LCBidXQgYSBrZXkgZm9yIHRlc3Rz"
BASE = """
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
[directory]
kind = "azure"
[api]
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""
ROUTE = """
[[route]]
to = "out"
retry = "quick"
"""


@dataclass
class ReportingRelay:
    """A running relay, and the credentials of its resource."""

    serve: ServeProcess
    secret: str

    @property
    def ca_file(self) -> str:
        return self.serve.authority.ca_file

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{urlsplit(self.serve.ready['api']).port}"

    def client(self, **options: Any) -> EmailClient:
        """Return Microsoft's client, unchanged."""
        key = AzureKeyCredential(KEY)
        return EmailClient(self.endpoint, key, connection_verify=self.ca_file, **options)

    def begin(self, *to: str, operation: str | None = None) -> Any:
        """Send a message; return the SDK's poller."""
        options: dict[str, Any] = {} if operation is None else {"operation_id": operation}
        return self.client().begin_send(message(*to), polling_interval=0, **options)

    def send(self, *to: str, message_id: str = "<1@example.org>") -> str:
        """Send a message over SMTP; return its id."""
        text = f"From: <{SENDER}>\r\nMessage-ID: {message_id}\r\nSubject: hi\r\n\r\nhello\r\n"
        place = self.serve.listener("submission")
        context = ssl.create_default_context(cafile=self.ca_file)
        with smtplib.SMTP(place["host"], place["port"]) as client:
            client.starttls(context=context)
            client.login(USERNAME, self.secret)
            client.mail(SENDER)
            for each in to:
                client.rcpt(each)
            return client.data(text)[1].decode().rpartition(" ")[2]


def message(*to: str) -> dict[str, Any]:
    """Return what the SDK sends to some recipients."""
    return {
        "senderAddress": SENDER,
        "content": {"subject": "hi", "plainText": "hello"},
        "recipients": {"to": [{"address": each} for each in to]},
    }


async def furnish(data: Path) -> str:
    """Put the directory into a store that no relay has yet; return the application's secret."""
    with closing(open_store(data)) as store:
        key = open_key(data)
        directory = AzureDirectory(
            store, digest_key=key.subkey(DIGESTS), clock=lambda: datetime.now(UTC)
        )
        there = entries()
        for name, each in there.items():
            if isinstance(each, CommunicationService):
                sealed = SealedAccessKeys(key).seal(Secret(KEY))
                there[name] = replace(each, primary_key=sealed)
        kept, secret = directory.make_secret(sender())
        await directory.save([*there.values(), kept])
    return secret.reveal()


@contextmanager
def reporting(home: Path, text: str, *, top: str = "") -> Iterator[ReportingRelay]:
    """Run a relay with the resource during the ``with``; again with the same ``home``, if it was
    there."""
    written = home / "secret"
    if not written.exists():
        written.write_text(asyncio.run(furnish(home / "data")))
    with relaying(home, text, base=top + BASE) as serve:
        yield ReportingRelay(serve, written.read_text())
