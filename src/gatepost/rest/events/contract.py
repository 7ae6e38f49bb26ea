"""What the Event Grid API needs of the relay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gatepost.rest.events.subscription import EventSubscription


class EventSubscriptions(Protocol):
    """The subscriptions, and the handshake before each."""

    @property
    def all(self) -> Sequence[EventSubscription]:
        """All of them, by name."""

    def get(self, key: str) -> EventSubscription | None:
        """Return the one with this id."""

    def now(self) -> datetime:
        """Return the time, UTC."""

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        """Validate the endpoint, then add the subscription or replace the one with its id; return
        it as saved.

        Its state is AwaitingManualAction while the endpoint may still confirm by opening the
        validation URL. Raises SubscriptionError if it refuses or does not answer.
        """

    async def change(self, subscription: EventSubscription) -> None:
        """Save a subscription whose endpoint has not changed."""

    async def unsubscribe(self, subscription: EventSubscription) -> None:
        """Delete a subscription, and its pending events."""

    async def try_confirm(self, key: str, token: str) -> bool:
        """Complete a manual validation; tell whether the token is right and in time."""
