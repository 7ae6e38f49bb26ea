"""Where a process asks its rules of scripted failures: here, or in the store process."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol

from gatepost.failures.decision import Decision
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import ScriptedOutcome, Stage, TlsFault
from gatepost.failures.rulebook import Rulebook
from gatepost.model.value_or_future import Later
from gatepost.relay.listener_state import ServerCertificate

MAX_MESSAGES: Final = 10_000
"""Messages of which it is remembered what was done to them; the oldest are forgotten."""

FaultyCertificate = Callable[[TlsFault, str], ServerCertificate]
"""Returns what is served instead, for a fault and the name of a listener. Raises GatepostError."""


class FailureRules(Protocol):
    """What connections need of the rules."""

    stages: frozenset[Stage]
    """The stages that have rules."""
    wants_header: bool
    """Whether a rule needs the header of messages."""
    has_reserved: bool
    """Whether addresses at the reserved domain say what is done with them."""
    faulty_certificate: FaultyCertificate
    followers: set[Callable[[], None]]
    """Called after the fields above have changed."""

    def decide(self, facts: EventFacts) -> Later[Decision]:
        """Count an event, and return what happens."""

    def note_stored(self, message: str, rules: tuple[str, ...]) -> Later[None]:
        """Note that a message will be stored under rules; store it when this is durable."""


class LocalFailureRules:
    """The rules of this process."""

    def __init__(
        self,
        book: Rulebook,
        now: Callable[[], datetime],
        faulty_certificate: FaultyCertificate,
        *,
        has_reserved: bool,
    ) -> None:
        self.book: Final = book
        self._now = now
        self.faulty_certificate = faulty_certificate
        self.has_reserved = has_reserved
        self.outcomes: Final[dict[str, dict[str, ScriptedOutcome]]] = {}
        """What the reports about a message say, by its id and the recipient."""
        self.injected: Final[dict[str, tuple[str, ...]]] = {}
        """The rules that fired while a message was received, by its id."""
        self.keep: Callable[[str], Later[None]] = lambda _message: None
        """Makes durable what was noted about the message with an id."""
        self.followers: set[Callable[[], None]] = set()
        book.on_change = self._follow
        self.stages, self.wants_header = book.stages, book.wants_header

    def _follow(self) -> None:
        self.stages, self.wants_header = self.book.stages, self.book.wants_header
        for follow in list(self.followers):
            follow()

    def time(self) -> float:
        """Return the time of the rules, in seconds since 1970."""
        return self._now().timestamp()

    def decide(self, facts: EventFacts) -> Decision:
        decision = self.book.decide(facts, self.time())
        for firing in decision.firings:
            if firing.do.outcome is not None:
                scripted = {each.lower(): firing.do.outcome for each in firing.recipients}
                earlier = self.outcomes.get(facts.message, {})
                _remember(self.outcomes, facts.message, scripted | earlier)
        return decision

    def note_stored(self, message: str, rules: tuple[str, ...]) -> Later[None]:
        _remember(self.injected, message, rules)
        return self.keep(message)


def _remember(table: dict[str, Any], key: str, value: object) -> None:
    table[key] = value
    if len(table) > MAX_MESSAGES:
        del table[next(iter(table))]
