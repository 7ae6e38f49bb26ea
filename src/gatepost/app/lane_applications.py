"""Applications of lanes: a lane may have the credentials of one, as a provider's clients do."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gatepost.control.administration.operations import AdminDispatch
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.mailbox.lanes import BadLane
from gatepost.model.secret import Secret

NEW = "new"
ROLE = "Communication and Email Service Owner"


@dataclass(frozen=True, slots=True)
class LaneLogin:
    """The credentials of a lane."""

    username: str
    password: Secret
    undo: tuple[str, Mapping[str, str]] | None = None
    """The operation, with its fields, that deletes what was created for them."""
    is_own: bool = True
    """Nobody else signs in with this name."""


async def open_application(
    admin: AdminDispatch, application: str, lane: str, resource: str
) -> LaneLogin:
    """Create an application for a lane, or a secret of an existing one. Raises BadLane."""
    try:
        if application == NEW:
            name = f"lane {lane}"
            await admin.administer("app create", {"name": name})
            await admin.administer("role assign", {"name": ROLE, "app": name, "on": resource})
            secret = await admin.administer("secret create", {"parent": name, "name": lane})
            undo = ("app delete", {"name": name})
        else:
            fields = {"parent": application, "name": f"lane {lane}"}
            secret = await admin.administer("secret create", fields)
            undo = ("secret delete", {"name": secret["id"], "parent": application})
    except Rejected as error:
        raise BadLane(f"application: {error}") from None
    if not secret["usernames"]:
        raise BadLane(f"application: {application} may not send through any resource")
    password = Secret(secret["value"])
    return LaneLogin(secret["usernames"][0], password, undo, is_own=application == NEW)


async def revoke(admin: AdminDispatch, login: LaneLogin) -> None:
    """Delete what was created for the credentials of a lane."""
    if login.undo is None:
        return
    operation, fields = login.undo
    with suppress(Rejected):  # somebody else has deleted it
        await admin.administer(operation, dict(fields))
