"""``GET /emails/operations/{id}``: the status of a request to send."""

from datetime import datetime, timedelta
from typing import Any, Final

from gatepost.directory.azure.entries import CommunicationService
from gatepost.model.address import parse_address
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


def describe(operation: SendOperation, now: datetime, running: float) -> dict[str, Any]:
    """Return the document ``EmailSendResult``; an operation runs for some seconds.

    It succeeds when the message is out for delivery, whatever happens later (Microsoft Learn, "Get
    the status of the email delivery").
    """
    document: dict[str, Any] = {"id": operation.id, "status": "Running", "error": None}
    if now - operation.started_at < timedelta(seconds=running):
        return document
    if operation.error is None:
        return document | {"status": "Succeeded"}
    code, message = operation.error
    return document | {"status": "Failed", "error": {"code": code, "message": message}}


class Status:
    """Answers requests for operations of the caller."""

    def __init__(self, site: Site, operations: OperationStore) -> None:
        self._site, self._operations = site, operations
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
