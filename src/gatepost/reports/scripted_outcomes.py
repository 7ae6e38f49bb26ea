"""The outcomes that users scripted, stored among the directory's records."""

from collections.abc import Mapping

import msgspec

from gatepost.directory.change_listeners import to_the_end
from gatepost.directory.contract import Record, Records
from gatepost.keys.damaged_records import FAULTS, note
from gatepost.reports.outcomes import Rule
from gatepost.reports.suppression import fold

KIND = "outcome_rule"


class OutcomeRules:
    """All rules in memory, by target. Call ``load`` once before use."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.by_target: Mapping[str, Rule] = {}
        self.damaged: dict[str, str] = {}
        """See ``damaged_records``."""

    async def load(self) -> None:
        """Read what the store keeps; a damaged record is ignored."""
        rules: list[Rule] = []
        for record in await self._records.load_records():
            if record.kind == KIND:
                try:
                    rules.append(msgspec.convert(record.fields, Rule))
                except FAULTS as error:
                    note(self.damaged, record, error)
        self.by_target = {each.target: each for each in rules}

    async def put(self, rule: Rule) -> None:
        """Add a rule, or replace the one for the same target."""
        fields = {
            "target": rule.target,
            "status": rule.status,
            "code": rule.code,
            "delay": rule.delay,
        }

        async def commit() -> None:
            await self._records.save_records([Record(KIND, rule.target, fields)])
            self.by_target = {**self.by_target, rule.target: rule}

        await to_the_end(commit())

    async def delete(self, target: str) -> Rule:
        """Delete the rule for a target and return it. Raises KeyError."""
        rule = self.by_target[fold(target.strip())]

        async def commit() -> None:
            await self._records.save_records([], [(KIND, rule.target)])
            others = {key: each for key, each in self.by_target.items() if key != rule.target}
            self.by_target = others

        await to_the_end(commit())
        return rule
