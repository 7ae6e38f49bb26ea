"""``GET /emails/operations/{id}``: the status of a request to send."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from gatepost.directory.azure.entries import CommunicationService
from gatepost.model.address import parse_address
from gatepost.model.delivery import Delivery
from gatepost.model.profile import StrictLimits
from gatepost.model.send_operation import SendOperation
from gatepost.policy.rate_windows import Rate, RateWindows
from gatepost.queue.send_operations_contract import OperationStore
from gatepost.rest.email.access import Caller
from gatepost.rest.email.refusals import operation_not_found, too_many_requests
from gatepost.rest.site import Site
from gatepost.wire.server.replies import replies_with

RETRY_AFTER: Final = 1
"""Seconds until a client should ask again."""
LONGEST_WAIT: Final = 30
"""The same at most, while a message waits for its next attempt: what the SDKs wait by default."""
REFUSED: Final = "EmailDeliveryFailed"
DROPPED: Final = "EmailDeliveryCanceled"
"""Codes of ours: what Azure says of a message that no server took is not known."""

OperationStatus = Literal["Running", "Succeeded", "Failed", "Canceled"]


@dataclass(frozen=True, slots=True)
class OperationState:
    """What became of a request to send until now."""

    status: OperationStatus
    error: tuple[str, str] | None = None
    """Code and message."""
    retry_after: int = RETRY_AFTER
    """Seconds until a client should ask again, while it is running."""


RUNNING: Final = OperationState("Running")


def captured_state(operation: SendOperation, now: datetime, running: float) -> OperationState:
    """Return the state of an operation whose message is not queued; it runs for some seconds.

    It succeeds when the message is out for delivery, whatever happens later (Microsoft Learn, "Get
    the status of the email delivery").
    """
    if now - operation.started_at < timedelta(seconds=running):
        return RUNNING
    if operation.error is None:
        return OperationState("Succeeded")
    return OperationState("Failed", operation.error)


def queued_state(deliveries: Sequence[Delivery], now: datetime) -> OperationState:
    """Return the state of an operation by the deliveries of its message.

    It runs while a recipient waits, and succeeds if a next hop has taken the message for at least
    one of them.
    """
    addressees = [each for delivery in deliveries for each in delivery.addressees]
    fates = {each.fate for each in addressees}
    if "waiting" in fates:
        return OperationState("Running", retry_after=_wait(deliveries, now))
    if "delivered" in fates:
        return OperationState("Succeeded")
    if "failed" in fates:
        reply = next(each.reply for each in addressees if each.fate == "failed")
        return OperationState("Failed", (REFUSED, f"The message was not accepted: {reply}"))
    return OperationState("Canceled", (DROPPED, "The message was dropped by an operator"))


def _wait(deliveries: Sequence[Delivery], now: datetime) -> int:
    """Return the seconds until something may have changed."""
    if any(each.state == "leased" for each in deliveries):
        return RETRY_AFTER
    waits = [(each.due - now).total_seconds() for each in deliveries if each.due is not None]
    return min(max(RETRY_AFTER, math.ceil(min(waits, default=LONGEST_WAIT))), LONGEST_WAIT)


def describe(operation: SendOperation, state: OperationState) -> dict[str, Any]:
    """Return the document ``EmailSendResult``."""
    error = None
    if state.error is not None:
        code, message = state.error
        error = {"code": code, "message": message}
    return {"id": operation.id, "status": state.status, "error": error}


class Status:
    """Answers requests for operations of the caller."""

    def __init__(self, site: Site, operations: OperationStore) -> None:
        self._site, self._operations = site, operations
        self._running = site.profile.api.running
        self._windows = RateWindows()
        self._replies = replies_with(site.profile.replies)

    async def find(self, caller: Caller, id_: str) -> SendOperation:
        """Return an operation of the caller's resources. Raises ApiError 404 or 429."""
        try:
            operation = await self._operations.get(id_.lower())
        except KeyError:
            raise operation_not_found(id_) from None
        if not caller.may_use(operation.resource):
            raise operation_not_found(id_)
        self._count(operation)
        return operation

    async def state_of(self, operation: SendOperation) -> OperationState:
        """Return what became of an operation until now."""
        if self._site.deliveries is not None and operation.error is None:
            deliveries = await self._site.deliveries.find(operation.id)
            if deliveries:
                return queued_state(deliveries, self._site.now())
        return captured_state(operation, self._site.now(), self._running)

    def _count(self, operation: SendOperation) -> None:
        """Count one more request of the subscription, if the profile counts them."""
        service = self._site.directory.get(CommunicationService, operation.resource)
        if service is None:
            return
        sender = parse_address(operation.sender)
        principal = Caller("", "", (service,)).principal(service)
        managed = self._site.directory.is_managed(principal, sender)
        rate = _rate_of(self._site.profile.strict, managed=managed)
        key = f"{service.subscription_id.lower()} {'managed' if managed else 'custom'}"
        now = self._site.seconds()
        refusal = self._windows.admit(key, rate, now, self._replies)
        if refusal is not None:
            raise too_many_requests(self._windows.wait(key, rate, now), refusal.reason)


def _rate_of(strict: StrictLimits, *, managed: bool) -> Rate:
    if managed:
        limits = strict.managed_status_per_minute, strict.managed_status_per_hour
    else:
        limits = strict.custom_status_per_minute, strict.custom_status_per_hour
    return Rate(*limits, count_refused=strict.count_refused)
