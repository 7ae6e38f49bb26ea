"""Calls the e-mail data plane in this process, without sockets: signed, with a token, or not."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, cast

from starlette.applications import Starlette

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    VERIFIED,
    CommunicationService,
    Domain,
    Entry,
    SenderUsername,
    ServicePrincipal,
)
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.resource_ids import child_path, resource_path
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.model.address import Address
from gatepost.model.profile import ApiRules, Profile
from gatepost.policy.quotas import LocalQuotas, SubscriptionQuotas
from gatepost.rest.application import clear_application, secure_application
from gatepost.rest.request_bodies import Intake
from gatepost.rest.site import Site
from gatepost.testing.memory import MemoryStore
from gatepost.wire.server.replies import replies_with
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import (
    DOMAIN,
    DOMAIN_NAME,
    EMAIL,
    GROUP,
    KEY,
    NOW,
    SERVICE,
    TENANT,
    entries,
)
from tests.unit.directory.memory import MemoryRecords
from tests.unit.rest.arm.asking import PlainKeys
from tests.unit.rest.in_process import Answered, Question, ask

HOST = "localhost:2443"
VERSION = "2025-09-01"
SENDER = f"DoNotReply@{DOMAIN_NAME}"
PRIMARY, SECONDARY, OTHER_KEY = (base64.b64encode(bytes((n,)) * 64).decode() for n in (1, 2, 3))
CUSTOM = child_path(EMAIL, "domains", "contoso.com")
OTHER_SERVICE = resource_path(GROUP, "communicationServices", "acs-other")

ADDED: tuple[Entry, ...] = (
    Domain(CUSTOM, "CustomerManaged", "contoso.com", "contoso.com", verification=VERIFIED),
    SenderUsername(child_path(CUSTOM, "senderUsernames", "sales"), "sales", "Contoso, Sales"),
    CommunicationService(
        SERVICE,
        linked_domains=(DOMAIN,),
        primary_key=PRIMARY.encode(),
        secondary_key=SECONDARY.encode(),
    ),
    CommunicationService(OTHER_SERVICE, linked_domains=(CUSTOM,), primary_key=OTHER_KEY.encode()),
)


def document(**changes: Any) -> dict[str, Any]:
    """Return a document that may be sent; ``changes`` replace its properties."""
    usual = {
        "senderAddress": SENDER,
        "content": {"subject": "hello", "plainText": "a text"},
        "recipients": {"to": [{"address": "ann@example.net"}]},
    }
    return usual | changes


@dataclass
class Suppressing:
    """Suppresses some addresses."""

    addresses: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    """Addresses that mail suppresses that is not processed yet."""

    async def catch_up_on(self, recipients: Iterable[Address]) -> None:
        if {str(each) for each in recipients} & self.pending:
            self.addresses |= self.pending

    def suppressed(
        self,
        service: CommunicationService,  # noqa: ARG002
        sender: Address,  # noqa: ARG002
        recipients: Iterable[Address],
        now: datetime,  # noqa: ARG002
    ) -> frozenset[Address]:
        return frozenset(each for each in recipients if str(each) in self.addresses)


class DataPlane:
    """The data plane over the directory of ``world``, with keys and a second resource."""

    def __init__(self, profile: Profile | None = None, *, clear: bool = False, **site: Any) -> None:
        """``site`` has further options of the relay."""
        self.profile = profile or Profile("acs", api=ApiRules(running=1.0))
        self.now, self.seconds = NOW, 0.0
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.directory = AzureDirectory(
            MemoryRecords(), digest_key=KEY, clock=self._clock, rules=rules_of(self.profile)
        )
        self.tokens = AccessTokens(rsa_key(), self._clock)
        self.store = MemoryStore()
        self.suppression = Suppressing()
        counts = SubscriptionQuotas(
            self.profile.strict, replies_with({}), lambda name: name == DOMAIN_NAME,
            lambda: self.seconds,
        )  # fmt: skip
        self.site = Site(
            self.profile,
            self.directory,
            self.store,
            PlainKeys(),
            self._report,
            self._clock,
            self.tokens,
            Intake(),
            quotas=LocalQuotas(counts, owner="rest", face="rest"),
            suppression=self.suppression,
            seconds=lambda: self.seconds,
            clients_time=self._clock,
            **site,
        )
        self.save(*entries().values(), *ADDED)
        self.scheme = "http" if clear else "https"
        self.application: Starlette = (clear_application if clear else secure_application)(
            self.site
        )

    def _clock(self) -> datetime:
        return self.now

    def _report(self, event: str, **facts: Any) -> None:
        self.reports.append((event, facts))

    def save(self, *put: Entry) -> None:
        """Write entries into the directory."""
        asyncio.run(self.directory.save(put))

    def change(self, id: str, **fields: object) -> None:
        """Change fields of a resource."""
        service = self.directory.get(CommunicationService, id)
        assert service is not None
        self.save(replace(service, **fields))  # type: ignore[arg-type]  # any field

    def token(self, audience: str = "https://communication.azure.com") -> str:
        """Return a token of the application that has the role."""
        there = entries()
        principal = cast("ServicePrincipal", there["service_principal"])
        issued = self.tokens.issue(principal, audience, f"https://{HOST}/{TENANT}/")
        return issued.token.reveal()

    # Calls.

    def send(
        self,
        body: object = None,
        *,
        key: str = PRIMARY,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        query: str = f"api-version={VERSION}",
    ) -> Answered:
        """``POST /emails:send``: with a token, else signed with ``key``; if both are empty, with
        neither."""
        raw = body if isinstance(body, bytes) else json.dumps(body or document()).encode()
        sent = {"content-type": "application/json", "content-length": str(len(raw))}
        return self.call("POST", "/emails:send", raw, key=key, token=token, query=query,
                         headers=sent | dict(headers or {}))  # fmt: skip

    def status(self, id: str, *, key: str = PRIMARY, token: str = "", **more: Any) -> Answered:
        """``GET /emails/operations/{id}``."""
        return self.call("GET", f"/emails/operations/{id}", key=key, token=token, **more)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str = "",
        token: str = "",
        query: str = f"api-version={VERSION}",
        headers: Mapping[str, str] | None = None,
        pieces: int = 0,
    ) -> Answered:
        """Send one request; the body comes in ``pieces``."""
        sent = {"host": HOST, **(headers or {})}
        target = f"{path}?{query}" if query else path
        if token:
            sent["authorization"] = f"Bearer {token}"
        elif key:
            sent = signed(key, method, target, body, self.now, sent) | sent
        return asyncio.run(self._call(method, path, query, sent, split(body, pieces)))

    def call_at_once(self, times: int, body: bytes, headers: Mapping[str, str]) -> list[Answered]:
        """``POST /emails:send`` so many times, all before the first answer."""
        path, query = "/emails:send", f"api-version={VERSION}"
        sent = {"host": HOST, "content-type": "application/json", **headers}
        sent = signed(PRIMARY, "POST", f"{path}?{query}", body, self.now, sent)

        async def all_of_them() -> list[Answered]:
            calls = [self._call("POST", path, query, sent, [body]) for _ in range(times)]
            return await asyncio.gather(*calls)

        return asyncio.run(all_of_them())

    async def _call(
        self, method: str, path: str, query: str, headers: Mapping[str, str], pieces: list[bytes]
    ) -> Answered:
        question = Question(method, path, query, headers, pieces, self.scheme)
        answered = await ask(self.application, question)
        known = answered.status != HTTPStatus.METHOD_NOT_ALLOWED
        assert not (known and answered.unread), "a client that is refused must be able to finish"
        return answered

    # The mailbox.

    def count(self) -> int:
        return asyncio.run(self.store.count())

    def content(self, id: str = "last") -> bytes:
        async def read() -> bytes:
            return b"".join((await self.store.body(id)).chunks())

        return asyncio.run(read())

    def message(self, id: str = "last") -> EmailMessage:
        """Return a stored message as the standard library reads it."""
        parsed: EmailMessage = message_from_bytes(self.content(id), policy=policy.default)
        return parsed


def split(body: bytes, pieces: int) -> list[bytes]:
    """Return the body in so many pieces, 0 for one."""
    if pieces <= 1:
        return [body]
    size = max(1, len(body) // pieces)
    return [body[start : start + size] for start in range(0, len(body), size)]


def signed(
    key: str,
    method: str,
    target: str,
    body: bytes,
    date: datetime,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """Return the headers of a signature; those in ``headers`` are signed as they are."""
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    given = {
        "x-ms-date": format_datetime(date, usegmt=True),
        "x-ms-content-sha256": content_hash,
    } | dict(headers)
    text = (
        f"{method}\n{target}\n{given['x-ms-date']};{given['host']};{given['x-ms-content-sha256']}"
    )
    signature = hmac.digest(base64.b64decode(key), text.encode(), "sha256")
    return given | {
        "authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        + base64.b64encode(signature).decode()
    }
