"""Chooses the route of mail, and the next target of its chain."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from gatepost.errors import Phase
from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.idn import fold_domain
from gatepost.model.reply import Reply
from gatepost.model.route import Match, NextHop, Route, Target
from gatepost.routing.domains import matches_address, matches_name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where mail comes from, as far as routes depend on it."""

    sender: Address | None
    applications: tuple[str, ...] = ()
    """The principal's name and, if it has one, its application's id; empty without a login."""


def origin_of(principal: Principal | None, sender: Address | None) -> Origin:
    """Return the origin of mail from a principal (None: without a login) with this sender."""
    if principal is None:
        return Origin(sender)
    names = (principal.name, principal.application_id)
    return Origin(sender, tuple([each for each in names if each]))


def matches(match: Match, origin: Origin, recipient: Address) -> bool:
    """Tell whether a route's condition holds."""
    return (
        (not match.recipients or any(matches_address(each, recipient) for each in match.recipients))
        and (
            not match.senders or any(matches_address(each, origin.sender) for each in match.senders)
        )
        and (
            not match.applications
            or any(
                matches_name(each, name)
                for each in match.applications
                for name in origin.applications
            )
        )
    )


class Router:
    """The routes of a configuration, in its order: the first that matches is used."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        self.named: Callable[[str], Route | None] = {each.name: each for each in routes}.get
        """Returns the route of a delivery; None when the configuration has lost it."""
        self._hops = {each.name: NextHop(each.name) for each in routes if not each.is_by_domain}
        """Of routes that have one for all recipients."""

    def choose(self, origin: Origin, recipient: Address) -> Route | None:
        """Return the route for a recipient; None if none matches."""
        for route in self._routes:
            if matches(route.match, origin, recipient):
                return route
        return None

    def refusal(self, origin: Origin, recipient: Address) -> str:
        """Return why a recipient is refused (``slug: a sentence``); empty if it is accepted."""
        if self.choose(origin, recipient) is not None:
            return ""
        return f"no_route: no route matches mail from <{origin.sender or ''}> to {recipient}"

    def next_hop(self, origin: Origin, recipient: Address) -> NextHop | None:
        """Return the key for ``queue.grouping``; None if there is no route."""
        route = self.choose(origin, recipient)
        if route is None:
            return None
        return self._hops.get(route.name) or next_hop_of(route, recipient)


def next_hop_of(route: Route, recipient: Address) -> NextHop:
    """Return a recipient's next hop on a route."""
    return NextHop(route.name, fold_domain(recipient.domain) if route.is_by_domain else "")


# fmt: off
_BEFORE_MAIL: Final[frozenset[Phase]] = frozenset({
    "", "resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth",
})
# fmt: on


ABOUT_US: Final = frozenset({530, 534, 535, 538})
"""Codes and statuses that ask for a login, another login, or encryption (RFC 4954 6): who
configured the route must solve that, not the sender."""
BAD_SEQUENCE: Final = 503


def is_about_us(phase: Phase, reply: Reply) -> bool:
    """Tell whether a reply is about us, not the message.

    So is a 503 to MAIL: only the session can be out of sequence there (QQ Mail's "need EHLO and
    AUTH first").
    """
    return reply.code in ABOUT_US or (phase == "mail" and reply.code == BAD_SEQUENCE)


def may_try_next_host(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether another host of the same target may get what this one did not accept.

    ``reply`` None: the connection failed. Before MAIL nothing was said about the message, and a
    host's 554 greeting is about that host alone (RFC 5321 3.1). A login that was refused with 5yz
    would be refused by the other hosts, and a password is not tried repeatedly. After MAIL only 421
    is about the host (RFC 5321 3.8); a connection lost there waits for the schedule, because the
    message may have been accepted.
    """
    if phase in _BEFORE_MAIL:
        return phase != "auth" or reply is None or not reply.is_permanent
    return reply is not None and reply.code == 421 and phase != "content"


def may_try_next_target(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether the chain's next target may get it.

    It may if the next host may; if this target does not let us sign in, or does not accept mail
    without a login, because the next target requires something else; and if it has deferred the
    message. What it refuses permanently is sent to no other target.
    """
    is_refused_for_now = reply is not None and (reply.is_transient or is_about_us(phase, reply))
    return phase == "auth" or is_refused_for_now or may_try_next_host(phase, reply)


def next_target(
    chain: Sequence[Target], tried: Collection[str], is_open: Callable[[Target], bool]
) -> Target | None:
    """Return the first target not tried in this attempt and not known to be down.

    If all others are known to be down, the first of them is returned, to find out when it is up
    again; its circuit breaker decides whether it is really tried.
    """
    left = [each for each in chain if each.name not in tried]
    for each in left:
        if not is_open(each):
            return each
    return left[0] if left and not tried else None
