"""Which route mail takes, and when the next target of its chain has its turn."""

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
    """Where mail comes from, as routes ask about it."""

    sender: Address | None
    applications: tuple[str, ...] = ()
    """The principal's name and, where it has one, its application's id; empty: nobody."""


def origin_of(principal: Principal | None, sender: Address | None) -> Origin:
    """Return where mail of a principal (None: nobody signed in) with this sender comes from."""
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
    """The routes of a configuration, in its order: the first that matches is taken."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        self.named: Callable[[str], Route | None] = {each.name: each for each in routes}.get
        """Returns the route of a delivery; None when the configuration has lost it."""
        self._hops = {each.name: NextHop(each.name) for each in routes if not each.is_by_domain}
        """Of routes that have one for all recipients."""

    def choose(self, origin: Origin, recipient: Address) -> Route | None:
        """Return the route for a recipient; None when the relay has none for it."""
        for route in self._routes:
            if matches(route.match, origin, recipient):
                return route
        return None

    def refusal(self, origin: Origin, recipient: Address) -> str:
        """Return why a recipient is not taken (``slug: a sentence``); empty: it is."""
        if self.choose(origin, recipient) is not None:
            return ""
        return f"no_route: no route matches mail from <{origin.sender or ''}> to {recipient}"

    def next_hop(self, origin: Origin, recipient: Address) -> NextHop | None:
        """Return what ``queue.grouping`` groups by; None when there is no route."""
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
"""Sign in first, by something else, as somebody else, encrypt first (RFC 4954 6): whoever set up
the route has to mend it, no sender."""
BAD_SEQUENCE: Final = 503


def is_about_us(phase: Phase, reply: Reply) -> bool:
    """Tell whether a reply speaks of us, not of the message.

    So does a 503 to MAIL: nothing but the session can be out of sequence there (QQ Mail's "need
    EHLO and AUTH first").
    """
    return reply.code in ABOUT_US or (phase == "mail" and reply.code == BAD_SEQUENCE)


def may_try_next_host(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether another host of the same target may have what this one did not take.

    ``reply`` None: the connection failed. Before MAIL nothing was said about the message, and
    a host's 554 greeting speaks for that host alone (RFC 5321 3.1). A sign-in that was refused
    with 5yz would be refused by its neighbours, and a password is not tried around. Behind
    MAIL only 421 speaks of the host (RFC 5321 3.8); a connection lost there waits for the
    schedule, since the message may have been taken.
    """
    if phase in _BEFORE_MAIL:
        return phase != "auth" or reply is None or not reply.is_permanent
    return reply is not None and reply.code == 421 and phase != "content"


def may_try_next_target(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether the chain's next target may have it.

    It may where the next host may; when this target does not let us sign in, or take mail without,
    because the next one asks for something else; and when it has said that it does not take the
    message now. What it refuses for good nobody else is asked to take.
    """
    is_refused_for_now = reply is not None and (reply.is_transient or is_about_us(phase, reply))
    return phase == "auth" or is_refused_for_now or may_try_next_host(phase, reply)


def next_target(
    chain: Sequence[Target], tried: Collection[str], is_open: Callable[[Target], bool]
) -> Target | None:
    """Return the first target not tried in this attempt and not known to be down.

    When all the others are known to be down, the first of them is returned, so that somebody
    finds out when it is up again; its breaker decides whether it is really asked.
    """
    left = [each for each in chain if each.name not in tried]
    for each in left:
        if not is_open(each):
            return each
    return left[0] if left and not tried else None
