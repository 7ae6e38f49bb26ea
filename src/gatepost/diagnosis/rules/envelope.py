"""MAIL and RCPT."""

from collections.abc import Callable
from typing import Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def unwanted_auth_attempt(seen: Evidence) -> Finding | None:
    """No AUTH is offered, and none is needed: the recipient is taken without it."""
    taken = [each for each in seen.rcpt.value or () if each.reply.is_success]
    if not seen.client.signs_in or seen.offered or not taken or seen.signed_in:
        return None
    return Finding(
        "unwanted_auth_attempt",
        "certain",
        "The server offers no sign-in and needs none from here.",
        (
            "EHLO lists no AUTH, neither before nor after TLS",
            f"RCPT TO:<{taken[0].argument}> without AUTH was answered {taken[0].reply}",
        ),
        "rcpt",
        "Leave user name and password out of the client's settings.",
        explains=("auth",),
    )


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (unwanted_auth_attempt,)
