"""Which target of a route may be tried now, and why the others may not."""

from collections.abc import Callable, Iterable
from typing import Final

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply
from gatepost.model.route import Route, Target
from gatepost.net.descriptors import no_descriptor
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_permit import Permit, Wait
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.server_lookup import ServerGroup, ServerLookup
from gatepost.relay.target_health import TargetHealth

TRY: Final = 1800.0
"""Seconds for one attempt at one server; each phase has its own limit (RFC 5321 4.5.3.2)."""


@dataclass(frozen=True, slots=True)
class ReadyTarget:
    """A target that may be tried; ``permit`` None: its servers must be looked up first."""

    target: Target
    permit: Permit | None


class TargetChoice:
    """Chooses by what is known of the servers of targets, and of their limits and pauses."""

    def __init__(
        self, lookup: ServerLookup, admission: AttemptAdmission, alarm: DescriptorAlarm
    ) -> None:
        self.lookup, self.admission, self.alarm = lookup, admission, alarm

    def report_changes(self, to: Callable[[str], None]) -> None:
        """Let ``to`` know the key of each limit or pause that has ended."""
        self.lookup.exchangers.changed = self.admission.changed = to

    def choose(self, route: Route, destination: str) -> ReadyTarget | Wait:
        """Return the first target of the route that may be tried now, or the shortest wait."""
        shortest: Wait | None = None
        for target in route.chain:
            answer: Permit | Wait | None = self.lookup.wait_of(target, destination)
            if answer is None:
                group = self.lookup.cached(target, destination)
                if group is None:
                    return ReadyTarget(target, None)
                answer = self.admission.admit(target, group)
            if isinstance(answer, Permit):
                return ReadyTarget(target, answer)
            if answer.pause is None:
                return answer  # a busy target is not down: wait for it
            if shortest is None or answer.seconds < shortest.seconds:
                shortest = answer
        return shortest or Wait("", TRY)

    def wait_of(self, route: Route, destination: str) -> Wait | None:
        """Return the shortest wait if all targets of the route are paused; None if one is not."""
        shortest: Wait | None = None
        for target in route.chain:
            wait = self._wait_of(target, destination)
            if wait is None:
                return None
            if shortest is None or wait.seconds < shortest.seconds:
                shortest = wait
        return shortest

    def _wait_of(self, target: Target, destination: str) -> Wait | None:
        """Return why a target is not used now; None if it may be, or is only busy."""
        wait = self.lookup.wait_of(target, destination)
        if wait is not None:
            return wait if wait.pause is not None else None
        group = self.lookup.cached(target, destination) or ServerGroup(())
        return self.admission.wait_of(target, group)

    def is_paused(self, destination: str, target: Target) -> bool:
        """Tell whether a target is not used now, and not only because its first login is in
        progress."""
        wait = self._wait_of(target, destination)
        return wait is not None and not wait.is_first

    def learn_quota(self, target: Target, destination: str, reply: Reply) -> None:
        """Pause a target whose quota is used up, as a reply that came later says."""
        group = self.lookup.cached(target, destination) or ServerGroup(())
        self.admission.learn_later(target, group, reply)

    def health(self, target: Target) -> TargetHealth:
        """Return what is known of a target now."""
        return self.admission.health(target)

    def limit(self, route: Route, destination: str) -> str:
        """Return the limit that the route has reached, as a sentence; empty if unknown."""
        if self.alarm.is_on:
            return f"cannot be connected to now: {no_descriptor()}"
        for target in route.chain:
            group = self.lookup.cached(target, destination)
            if group is not None and self.admission.wait_of(target, group) is None:
                return self.admission.limit(target, group)
        return ""

    def recipients(self, route: Route, destination: str) -> int | None:
        """Return how many recipients the first target that is not paused accepts per transaction;
        None: unknown. Where others accept fewer, the rest follows in further transactions."""
        for target in route.chain:
            group = self.lookup.cached(target, destination)
            if group is None:
                return None
            if self.admission.wait_of(target, group) is None:
                return self.admission.recipients(target, group)
        return None

    def forgive(self, ways: Iterable[tuple[Route, str]]) -> None:
        """End the pauses of all targets of routes, and of their servers for a destination each."""
        targets: dict[str, Target] = {}
        for route, destination in ways:
            for target in route.chain:
                targets[target.name] = target
                self.lookup.forgive(target, destination)
                if (group := self.lookup.cached(target, destination)) is not None:
                    self.admission.forgive_servers(target, group)
        if targets:
            self.admission.forgive(targets.values())
