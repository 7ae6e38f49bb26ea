"""Domains of an Email service, and their verification."""

from datetime import datetime
from typing import Final, Literal

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import Changes, domains, verification
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.changes.verification import (
    PROOFS,
    Proof,
    prove,
    records_of,
    status_of,
)
from gatepost.directory.azure.entries import Domain, DomainManagement, EmailService
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.rest.arm.background import BackgroundOperation
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import Document, TrackedBody, check_global, tracked
from gatepost.rest.errors import ApiError

Tracking = Literal["Enabled", "Disabled"]
RETRY_AFTER: Final = "1"
"""Seconds between two requests for the status; 0 means no value, and so 30."""


class _DomainProperties(msgspec.Struct, rename="camel"):
    domain_management: DomainManagement
    user_engagement_tracking: Tracking | None = None


class _TrackingChange(msgspec.Struct, rename="camel"):
    user_engagement_tracking: Tracking | None = None


class _Patch(msgspec.Struct):
    properties: _TrackingChange = msgspec.field(default_factory=_TrackingChange)
    tags: dict[str, str] | None = None


class _Verify(msgspec.Struct, rename="camel"):
    verification_type: str


def document(entry: Domain) -> Document:
    """Return a domain as Resource Manager shows it."""
    records = records_of(entry)
    properties: Document = {
        "provisioningState": "Succeeded",
        "dataLocation": entry.data_location,
        "fromSenderDomain": entry.from_domain,
        "mailFromSenderDomain": entry.mail_from_domain,
        "domainManagement": entry.management,
        "userEngagementTracking": "Enabled" if entry.engagement_tracking else "Disabled",
        "verificationStates": {each: _state(entry, each) for each in PROOFS},
        "verificationRecords": {
            name: {"type": each.type, "name": each.name, "value": each.value, "ttl": each.ttl}
            for name, each in records.items()
        },
    }
    return tracked(entry, entry.stamp, entry.tags, properties)


def _state(entry: Domain, proof: Proof) -> Document:
    error = entry.verification.errors.get(proof.lower(), "")
    return {
        "status": status_of(entry, proof), "errorCode": error.partition(":")[0] or "None",
    }  # fmt: skip


async def put(call: ArmCall) -> Response:
    """``PUT .../domains/{name}``: 201 for a new one, 200 for an existing one."""
    spec = call.read(TrackedBody[_DomainProperties])
    check_global(spec.location, Domain.resource_type)
    entry, status = await call.put(
        lambda snapshot: domains.put(
            snapshot,
            call.scope,
            spec.properties.domain_management,
            engagement_tracking=spec.properties.user_engagement_tracking == "Enabled",
            tags=spec.tags,
        )
    )
    return JSONResponse(document(entry), status)


async def patch(call: ArmCall) -> Response:
    """``PATCH .../domains/{name}``: change tags or tracking."""
    spec = call.read(_Patch)
    tracking = spec.properties.user_engagement_tracking
    changes = await call.change(
        lambda snapshot: domains.patch(
            snapshot,
            call.scope,
            engagement_tracking=None if tracking is None else tracking == "Enabled",
            tags=spec.tags,
        )
    )
    return JSONResponse(document(changes.entry))


def _proof(call: ArmCall) -> Proof:
    wanted = call.read(_Verify).verification_type.lower()
    for each in PROOFS:
        if each.lower() == wanted:
            return each
    raise ApiError(
        400, "InvalidVerificationType", f"The verificationType must be one of {', '.join(PROOFS)}."
    )


async def initiate(call: ArmCall) -> Response:
    """``POST .../initiateVerification``: 202, and the outcome in ``verificationStates``."""
    proof = _proof(call)
    domain = existing(call.snapshot, Domain, call.scope)
    changes = await call.change(lambda snapshot: verification.initiate(snapshot, domain.id, proof))
    if not changes.put:
        return _accepted(call, call.background.add(domain.id, call.now, done=True))
    if call.site.profile.directory.domain_verification == "dns":
        operation = call.background.add(domain.id, call.now, done=False)
        call.background.run(operation, _ask(call, domain, proof))
        return _accepted(call, operation)
    if call.site.profile.directory.domain_verification == "instant":
        await call.change(lambda snapshot: verification.conclude(snapshot, domain.id, proof, ""))
    return _accepted(call, call.background.add(domain.id, call.now, done=True))


async def _ask(call: ArmCall, domain: Domain, proof: Proof) -> datetime:
    """Query the DNS, and save the result."""
    await call.change(lambda snapshot: verification.progress(snapshot, domain.id, proof))
    error = await prove(call.site.resolver, domain, proof)

    def conclude(snapshot: Snapshot) -> Changes[Domain]:
        return verification.conclude(snapshot, domain.id, proof, error)

    if call.snapshot.get(Domain, domain.id) is not None:
        await call.change(conclude)
    facts = {"domain": domain.from_domain, "proof": proof}
    if error:
        call.site.report("domain_not_verified", **facts, reason=error)
    else:
        call.site.report("domain_verified", **facts)
    return call.now


async def cancel(call: ArmCall) -> Response:
    """``POST .../cancelVerification``: 202."""
    proof = _proof(call)
    changes = await call.change(lambda snapshot: verification.cancel(snapshot, call.scope, proof))
    return _accepted(call, call.background.add(changes.entry.id, call.now, done=True))


async def revoke(call: ArmCall) -> Response:
    """``POST .../revokeVerification``: 202."""
    proof = _proof(call)
    changes = await call.change(lambda snapshot: verification.revoke(snapshot, call.scope, proof))
    return _accepted(call, call.background.add(changes.entry.id, call.now, done=True))


def _accepted(call: ArmCall, operation: BackgroundOperation) -> Response:
    subscription = "/".join(operation.resource_id.split("/")[:3])
    place = f"{call.base}{subscription}/providers/Microsoft.Communication/locations/global"
    location = f"{place}/operationStatuses/{operation.id}?api-version={call.version}"
    return Response(status_code=202, headers={"Location": location, "Retry-After": RETRY_AFTER})


get = get_handler(Domain, lambda _, entry: document(entry))
listing = list_handler(Domain, lambda _, entry: document(entry), EmailService)
delete = delete_handler(domains.delete)
