"""Chooses the route of mail."""

from collections.abc import Callable, Sequence

from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.idn import fold_domain
from gatepost.model.route import Match, NextHop, Route, next_hop_by
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
    """Tell whether a route's condition holds, as far as it does not depend on the size."""
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
        to_targets: dict[str, Route] = {}
        for route in routes:
            for target in route.chain:
                name = next_hop_by(target.name).route
                to_targets.setdefault(name, Route(name, (target,), retry=route.retry))
        self.named: Callable[[str], Route | None] = {
            **to_targets, **{each.name: each for each in routes}
        }.get  # fmt: skip
        """Returns the route of a delivery; None when the configuration has lost it. That of one
        which an operator has sent to a target has only this one."""
        self._hops = {each.name: NextHop(each.name) for each in routes if not each.is_by_domain}
        """Of routes that have one for all recipients."""

    def choose(self, origin: Origin, recipient: Address, size: int = 0) -> Route | None:
        """Return the route for a recipient of a content with this size; None if none matches.

        It is the first that matches, or if the content is too large for all of them, the last: its
        target says what is wrong.
        """
        too_small: Route | None = None
        for route in self._routes:
            if matches(route.match, origin, recipient):
                if route.match.may_have(size):
                    return route
                too_small = route
        return too_small

    def refusal(self, origin: Origin, recipient: Address) -> str:
        """Return why a recipient is refused (``slug: a sentence``); empty if it is accepted."""
        if self.choose(origin, recipient) is not None:
            return ""
        return f"no_route: no route matches mail from <{origin.sender or ''}> to {recipient}"

    def next_hop(self, origin: Origin, recipient: Address, size: int = 0) -> NextHop | None:
        """Return the key for ``queue.grouping``; None if there is no route."""
        route = self.choose(origin, recipient, size)
        if route is None:
            return None
        return self._hops.get(route.name) or next_hop_of(route, recipient)


def next_hop_of(route: Route, recipient: Address) -> NextHop:
    """Return a recipient's next hop on a route."""
    return NextHop(route.name, fold_domain(recipient.domain) if route.is_by_domain else "")
