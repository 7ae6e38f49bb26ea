"""Rules of scripted failures that another process has, and decides by."""

from collections.abc import Callable
from typing import Final

import msgspec

from gatepost.failures.decision import Decision
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import Stage
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.value_or_future import Later
from gatepost.processes.rpc import Calls, decode
from gatepost.relay.failure_rules import FaultyCertificate, LocalFailureRules

CHANGED: Final = "failure_rules"
"""The notification that the rules have changed, with their summary; also the call that asks."""


@dataclass(frozen=True, slots=True)
class RulesSummary:
    """What a process must know in order to ask at the right stages."""

    stages: frozenset[Stage]
    wants_header: bool
    has_reserved: bool


def summary_of(rules: LocalFailureRules) -> RulesSummary:
    """Return the summary of rules."""
    return RulesSummary(rules.stages, rules.wants_header, rules.has_reserved)


class RemoteFailureRules:
    """Implements ``relay.failure_rules.FailureRules`` by remote calls; decisions are futures.

    Counters are those of the store process, so that all front processes count together.
    """

    def __init__(
        self, calls: Calls, summary: RulesSummary, faulty_certificate: FaultyCertificate
    ) -> None:
        self._calls = calls
        self.stages, self.wants_header = summary.stages, summary.wants_header
        self.has_reserved = summary.has_reserved
        self.faulty_certificate = faulty_certificate
        self.followers: set[Callable[[], None]] = set()
        calls.hears[CHANGED] = self._take

    @classmethod
    async def connect(
        cls, calls: Calls, faulty_certificate: FaultyCertificate
    ) -> "RemoteFailureRules":
        """Ask which stages have rules, and hear of changes from then on."""
        summary = await calls.call(RulesSummary, CHANGED)
        return cls(calls, summary, faulty_certificate)

    def _take(self, raw: msgspec.Raw) -> None:
        summary = decode(raw, RulesSummary)
        self.stages, self.wants_header = summary.stages, summary.wants_header
        for follow in list(self.followers):
            follow()

    def decide(self, facts: EventFacts) -> Later[Decision]:
        return self._calls.ask_for(_decision, "decide_failure", facts)

    def note_stored(self, message: str, rules: tuple[str, ...]) -> Later[None]:
        return self._calls.ask_for(_nothing, "note_injected", message, rules)


def _nothing(_raw: msgspec.Raw) -> None:
    """Return nothing: only that there is an answer matters."""


def _decision(raw: msgspec.Raw) -> Decision:
    return decode(raw, Decision)
