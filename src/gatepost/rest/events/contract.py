"""What the Event Grid face needs of the relay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gatepost.rest.events.subscription import EventSubscription


class EventSubscriptions(Protocol):
    """The subscriptions, and the handshake that stands before each."""

    @property
    def all(self) -> Sequence[EventSubscription]:
        """Every one, by name."""

    def get(self, key: str) -> EventSubscription | None:
        """Return the one with that id."""

    def now(self) -> datetime:
        """The time, UTC."""

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        """Ask the endpoint, then add it or replace the one with its id; return what was saved.

        Its state is AwaitingManualAction while the endpoint may still agree by opening the
        validation URL. Raises SubscriptionError when it refuses or does not answer.
        """

    async def change(self, subscription: EventSubscription) -> None:
        """Save one whose endpoint stays as it is."""

    async def unsubscribe(self, subscription: EventSubscription) -> None:
        """Delete one; what it was still to get is forgotten."""

    async def confirm(self, key: str, token: str) -> bool:
        """End a manual validation; tell whether the token is the right one and in time."""
