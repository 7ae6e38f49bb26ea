"""Ask any directory for answers that may be cached, even one that supports no caching."""

from collections.abc import Awaitable
from typing import TypeVar

from gatepost.directory.contract import Directory, KeepableDirectory
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.later import Later
from gatepost.model.reply import Reply
from gatepost.model.sender_standing import Standing

T = TypeVar("T")


def not_kept(answer: Later[T]) -> Later[tuple[T, float]]:
    """Return an answer as one that must not be cached (see ``KeepableDirectory``)."""
    if isinstance(answer, Awaitable):
        return _not_kept(answer)
    return answer, 0.0


async def _not_kept(answer: Awaitable[T]) -> tuple[T, float]:
    return await answer, 0.0


def identify_kept(
    directory: Directory, credentials: Credentials, mechanism: str
) -> Later[tuple[Principal | Reply, float]]:
    """Identify at any directory; return the verdict and the time until which it is valid."""
    if isinstance(directory, KeepableDirectory):
        return directory.identify_kept(credentials, mechanism)
    return not_kept(directory.identify(credentials, mechanism))


def standing_kept(
    directory: Directory, principal: Principal, sender: Address
) -> Later[tuple[Standing, float]]:
    """Ask any directory for a standing, and the time until which it is valid."""
    if isinstance(directory, KeepableDirectory):
        return directory.standing_kept(principal, sender)
    return not_kept(directory.standing(principal, sender))
