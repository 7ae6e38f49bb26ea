"""What rules of scripted failures did to messages, in the store, as long as the messages are."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gatepost.directory.contract import OF_MESSAGE, Record, Records
from gatepost.errors import GatepostError
from gatepost.failures.grammar import ScriptedOutcome
from gatepost.relay.failure_rules import MAX_MESSAGES, LocalFailureRules

_RULES: Final = "rules"
_OUTCOMES: Final = "outcomes"


class ScriptedRecords:
    """Keeps what rules note about messages; ``load`` it once, before any mail comes."""

    def __init__(self, records: Records, rules: LocalFailureRules) -> None:
        self._records, self._rules = records, rules
        self._saved: dict[str, None] = {}
        """The messages that have a record, oldest first."""
        self._saving: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Remember what an earlier process noted, and note everything from now on."""
        rules = self._rules
        known = [each for each in await self._records.load_records() if each.kind == OF_MESSAGE]
        for record in known:
            self._saved[record.id] = None
            injected = record.fields.get(_RULES)
            outcomes = _read_outcomes(record.fields.get(_OUTCOMES))
            if isinstance(injected, list):
                rules.injected[record.id] = tuple(map(str, injected))
            if outcomes:
                rules.outcomes[record.id] = outcomes
        rules.keep = self._keep

    def _keep(self, message: str) -> "asyncio.Future[None]":
        """Save what is noted about a message; the message is stored afterwards, so that a kill
        between the two loses nothing that the client was told of."""
        rules = self._rules
        outcomes = rules.outcomes.get(message, {})
        fields: dict[str, Any] = {
            _RULES: list(rules.injected.get(message, ())),
            _OUTCOMES: {name: [each.status, each.code] for name, each in outcomes.items()},
        }
        self._saved[message] = None
        oldest = next(iter(self._saved)) if len(self._saved) > MAX_MESSAGES else ""
        self._saved.pop(oldest, None)
        saving = asyncio.ensure_future(self._save(Record(OF_MESSAGE, message, fields), oldest))
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)
        return saving

    async def _save(self, record: Record, forgotten: str) -> None:
        deleted = [(OF_MESSAGE, forgotten)] if forgotten else []
        try:
            await self._records.save_records([record], deleted)
        except GatepostError:  # then mail is not accepted either, which is reported
            return


def _read_outcomes(stored: object) -> dict[str, ScriptedOutcome]:
    """Return outcomes by recipient, as far as they can be read."""
    outcomes: dict[str, ScriptedOutcome] = {}
    for recipient, value in stored.items() if isinstance(stored, Mapping) else ():
        if isinstance(value, list) and len(value) == 2:
            status, code = value
            outcomes[str(recipient)] = ScriptedOutcome(status, code)
    return outcomes
