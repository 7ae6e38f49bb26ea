"""Applications of lanes: a lane may have the credentials of one, as a provider's clients do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gatepost.control.administration.operations import AdminDispatch
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.mailbox.lanes import BadLane
from gatepost.model.secret import Secret

NEW = "new"
ROLE = "Communication and Email Service Owner"


@dataclass(frozen=True, slots=True)
class LaneLogin:
    """The credentials of a lane; ``revoke`` deletes what was created for them."""

    username: str
    password: Secret
    revoke: Callable[[], Awaitable[None]] | None = None
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
            delete = ("app delete", {"name": name})
        else:
            fields = {"parent": application, "name": f"lane {lane}"}
            secret = await admin.administer("secret create", fields)
            delete = ("secret delete", {"name": secret["id"], "parent": application})
    except Rejected as error:
        raise BadLane(f"application: {error}") from None
    if not secret["usernames"]:
        raise BadLane(f"application: {application} may not send through any resource")

    async def revoke() -> None:
        try:
            await admin.administer(*delete)
        except Rejected:
            return  # somebody else has deleted it

    password = Secret(secret["value"])
    return LaneLogin(secret["usernames"][0], password, revoke, is_own=application == NEW)
