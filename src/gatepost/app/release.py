"""Releases captured messages: sends them to other addresses, by a route of the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.app.console_parts import ConsoleParts
from gatepost.mailbox.message_documents import ReleasedMessage
from gatepost.mime.dates import format_date
from gatepost.mime.received import Hop, received
from gatepost.model.address import parse_typed_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.relay.routed_store import RoutedStore


@dataclass(frozen=True, slots=True)
class Release:
    """Sends captured messages by one route."""

    parts: ConsoleParts
    store: RoutedStore
    route: str

    async def __call__(self, id_: str, to: Sequence[str]) -> ReleasedMessage:
        """Queue a message for these addresses. Raises ValueError, KeyError and QueueError."""
        recipients = list(dict.fromkeys(map(parse_typed_address, to)))
        if not recipients:
            raise ValueError("there are no recipients")
        try:
            message, body = await self.store.get(id_), await self.store.body(id_)
        except KeyError:
            raise KeyError(f"message {id_[:80]}") from None
        relay, now = self.parts.relay, self.parts.relay.now()
        new_id = relay.next_id()
        hop = Hop("", "", "HTTP", self.parts.host)
        sender = parse_typed_address(message.mail_from) if message.mail_from else None
        submission = Submission(
            id=new_id,
            envelope=Envelope(sender, tuple(map(Recipient, recipients))),
            body=body,
            trace=received(hop, new_id, format_date(now.replace(microsecond=0))),
            received_at=now,
            principal=message.principal,
            subject=message.subject,
            message_id=message.message_id,
        )
        await self.store.put_on_route(self.route, submission)
        return ReleasedMessage(id_, tuple(map(str, recipients)), new_id)


def make_release(parts: ConsoleParts, route: str) -> Release | None:
    """Return what releases messages by a route; None if this relay sends nothing on."""
    store = parts.relay.store
    return Release(parts, store, route) if route and isinstance(store, RoutedStore) else None
