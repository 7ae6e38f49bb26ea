"""Mailpit's chaos, as its API shows and sets it: rules of a lane, or of the whole relay."""

from typing import Final

import msgspec

from gatepost.failures.chaos import ORIGIN, ChaosTriggers, chaos_of_rules, rules_of_chaos
from gatepost.relay.failure_rules import LocalFailureRules


class ChaosRules:
    """The rules that the triggers stand for; each lane has its own."""

    def __init__(self, rules: LocalFailureRules) -> None:
        self._rules: Final = rules

    def show(self, lane: str) -> ChaosTriggers:
        """Return the triggers of a lane; empty: those of the relay."""
        entries = self._rules.book.entries_of(_origin(lane))
        return chaos_of_rules([each.rule for each in entries])

    def set(self, triggers: bytes, lane: str) -> ChaosTriggers:
        """Replace the triggers by those of a JSON document; return them. Raises ValueError, and
        msgspec.ValidationError."""
        return self.put(msgspec.json.decode(triggers, type=ChaosTriggers), lane)

    def put(self, wanted: ChaosTriggers, lane: str) -> ChaosTriggers:
        """Replace the triggers; return them. Raises ValueError."""
        rules = rules_of_chaos(wanted, lane)
        self._rules.book.put_all(_origin(lane), rules, self._rules.time())
        return self.show(lane)


def _origin(lane: str) -> str:
    return f"{ORIGIN} {lane}".rstrip()
