"""``exchange``: the organisation of an emulated Exchange Online, and the steps of its set-up."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    ServicePrincipal,
    principal_lookup,
)
from gatepost.directory.exchange.directory import ExchangeDirectory
from gatepost.directory.exchange.missing_steps import STEPS, WAYS, Change, Scene, dated
from gatepost.directory.exchange.organisation import Organisation

Document = dict[str, Any]

SECRET: Final = "secret"
"""The step that concerns Entra alone: the client secret is valid."""
_SECRET_ABOUT: Final = "the client secret has not expired"
_LIFETIME: Final = timedelta(days=3_650)
_EXPIRED: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ExchangeAdmin:
    """The organisation, the applications of its tenant, and the clock."""

    directory: ExchangeDirectory
    entra: AzureDirectory
    now: Callable[[], datetime]


def exchange_admin(
    directory: ExchangeDirectory | None, entra: AzureDirectory | None, now: Callable[[], datetime]
) -> ExchangeAdmin | None:
    """Return what administers an organisation; None without one."""
    if directory is None or entra is None:
        return None
    return ExchangeAdmin(directory, entra, now)


class NoFields(msgspec.Struct, forbid_unknown_fields=True):
    """An operation without fields."""


class NewOrganisation(msgspec.Struct, forbid_unknown_fields=True):
    """``exchange apply``: the whole organisation, in place of the one before."""

    organisation: Organisation


class StepName(msgspec.Struct, forbid_unknown_fields=True):
    """A step of the set-up."""

    step: str


class WayName(msgspec.Struct, forbid_unknown_fields=True):
    """``exchange use``: ``classic`` or ``rbac``."""

    way: str


async def show(context: ExchangeAdmin, _request: NoFields) -> Document:
    """Return the organisation."""
    return {"organisation": msgspec.to_builtins(context.directory.organisation)}


async def list_steps(_context: ExchangeAdmin, _request: NoFields) -> Document:
    """Return the steps that can be undone, in order."""
    steps = [{"name": SECRET, "about": _SECRET_ABOUT}]
    return {"steps": steps + [{"name": each, "about": STEPS[each].about} for each in STEPS]}


async def apply(context: ExchangeAdmin, request: NewOrganisation) -> Document:
    """Replace the organisation; what is granted now and was not before takes effect later."""
    now = context.now()
    await context.directory.change(lambda old: dated(request.organisation, old, now))
    return await show(context, NoFields())


async def undo_step(context: ExchangeAdmin, request: StepName) -> Document:
    """Undo a step of the set-up."""
    if request.step == SECRET:
        return await _set_end(context, -_EXPIRED, "undone")
    return await _change(context, _step(request.step).undo, {"step": request.step, "is": "undone"})


async def take_step(context: ExchangeAdmin, request: StepName) -> Document:
    """Take a step of the set-up again."""
    if request.step == SECRET:
        return await _set_end(context, _LIFETIME, "taken")
    return await _change(context, _step(request.step).take, {"step": request.step, "is": "taken"})


async def use_way(context: ExchangeAdmin, request: WayName) -> Document:
    """Let the application get access to the mailbox in this way only."""
    change = WAYS.get(request.way)
    if change is None:
        raise Rejected("BadRequest", f"the way is one of {', '.join(WAYS)}")
    return await _change(context, change, {"way": request.way})


def _step(name: str) -> Any:
    step = STEPS.get(name)
    if step is None:
        raise Rejected("NotFound", f"there is no such step; they are {SECRET}, {', '.join(STEPS)}")
    return step


async def _change(context: ExchangeAdmin, change: Change, document: Document) -> Document:
    scene = _scene(context)
    try:
        await context.directory.change(lambda organisation: change(organisation, scene))
    except ValueError as error:
        raise Rejected("BadRequest", str(error)) from None
    return document


def _application(context: ExchangeAdmin) -> Application:
    """Return the first application of the organisation."""
    consented = context.directory.organisation.application
    found = context.entra.get(Application, consented[0].app_id) if consented else None
    if found is None:
        raise Rejected("NotFound", "the organisation has no application, or it was deleted")
    return found


def _scene(context: ExchangeAdmin) -> Scene:
    application = _application(context)
    lookup = principal_lookup(application.id, application.tenant_id)
    principals = context.entra.find(ServicePrincipal, lookup)
    enterprise = principals[0].id if principals else ""
    return Scene(application.id, enterprise, application.object_id, context.now())


async def _set_end(context: ExchangeAdmin, lifetime: timedelta, word: str) -> Document:
    """Change when the application's secrets end."""
    application, now = _application(context), context.now()
    secrets = context.entra.find(ClientSecret, application.id)
    changed = [
        replace(each, start=min(each.start, now - 2 * _EXPIRED), end=now + lifetime)
        for each in secrets
    ]
    await context.entra.save(changed)
    return {"step": SECRET, "is": word}


EXCHANGE_OPERATIONS: Final[
    Mapping[str, tuple[type[Any], Callable[[Any, Any], Awaitable[Document]]]]
] = {
    "exchange show": (NoFields, show),
    "exchange steps": (NoFields, list_steps),
    "exchange apply": (NewOrganisation, apply),
    "exchange break": (StepName, undo_step),
    "exchange mend": (StepName, take_step),
    "exchange use": (WayName, use_way),
}
