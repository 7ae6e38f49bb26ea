"""Decides the routes of mail: when it is accepted, when it is delivered, and for our own mail."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatepost.directory.azure.username import UsernameError, parse_username
from gatepost.mime.dsn import wants
from gatepost.model.delivery import Lease, Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import Capture, NextHop, Retry, Route
from gatepost.queue.recipient_grouping import DeliveryTerms, Groups, plan_deliveries
from gatepost.relay.attempt_admission import limits_of
from gatepost.routing.route import Origin, Router, next_hop_of


class Routes:
    """The routes of a configuration, in its order."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.all = tuple(routes)
        self.router = Router(routes)
        """Chooses the route of each recipient."""
        self.named = self.router.named
        self._terms = {each.name: _terms(each) for each in routes}
        self._captures = frozenset([each.name for each in routes if _is_captured(each)])

    def anew(self, lease: Lease) -> Sequence[NextHop]:
        """Return the new next hop of each waiting recipient, if the route of a delivery no longer
        exists, or now delivers by domain; empty if they stay.

        A recipient that no route accepts stays where it is.
        """
        before = lease.delivery.next_hop
        route = self.named(before.route)
        if route is not None and (before.destination or not route.is_by_domain):
            return ()
        if route is not None and before.target:
            return [next_hop_of(route, each.address) for each in lease.delivery.waiting]
        origin = Origin(lease.message.envelope.sender, _names_of(lease.message.principal))
        waiting = lease.delivery.waiting
        size = lease.message.size
        hops = [self.router.next_hop(origin, each.address, size) or before for each in waiting]
        return hops if set(hops) != {before} else ()

    def plan(
        self,
        submission: Submission,
        learned: Callable[[NextHop], int | None] = lambda _: None,
        by: Route | None = None,
    ) -> Groups:
        """Return a message's deliveries, and the recipients that no route accepts.

        ``learned`` tells how many recipients a next hop accepts at once, if that is known. All
        recipients have the route ``by``, if it is given.
        """
        names = tuple([each for each in (submission.principal, submission.application) if each])
        origin, size = Origin(submission.envelope.sender, names), submission.body.size

        def next_hop(recipient: Recipient) -> NextHop | None:
            if by is not None:
                return next_hop_of(by, recipient.address)
            return self.router.next_hop(origin, recipient.address, size)

        def terms(next_hop: NextHop) -> DeliveryTerms:
            usual = self._terms[next_hop.route]
            most = learned(next_hop) if len(submission.envelope.recipients) > 1 else None
            return usual if most is None else replace(usual, recipients=min(most, usual.recipients))

        return plan_deliveries(submission.envelope, submission.received_at, next_hop, terms)

    def is_kept_here(self, envelope: Envelope, planned: Sequence[Planned]) -> bool:
        """Tell whether a message is only captured, and nobody has requested a report of its
        delivery, which only a settlement can send."""
        return all(each.next_hop.route in self._captures for each in planned) and not any(
            wants(envelope.sender, each, "delivered") for each in envelope.recipients
        )


def _names_of(principal: str) -> tuple[str, ...]:
    """Return the names by which a route may know the client: its user name, and the application's
    id in it."""
    if not principal:
        return ()
    try:
        return principal, parse_username(principal).application_id
    except UsernameError:
        return (principal,)


def retry_of(route: Route | None) -> Retry:
    """Return a route's retry schedule; the default one if the route no longer exists."""
    return Retry() if route is None else route.retry


def _terms(route: Route) -> DeliveryTerms:
    """Return a route's terms. The target that accepts the fewest recipients at once determines
    their number, because it may be used."""
    most = min([limits_of(each).recipients for each in route.chain], default=1)
    return DeliveryTerms(route.retry, most)


def _is_captured(route: Route) -> bool:
    """Tell whether the first target captures. Capture never fails by itself, so targets after it
    are never used."""
    return bool(route.chain) and isinstance(route.chain[0], Capture)
