"""``gatepost failure`` and the API of rules: called by name, with plain fields, answered with
documents.

Scripts depend on the keys of a document. Impossible requests raise ValueError with a sentence,
wrong rules RuleMistakes with all mistakes, unknown ids KeyError, and old revisions StaleRevision.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from gatepost.control.chaos_rules import ChaosRules
from gatepost.failures.chaos import ChaosTrigger
from gatepost.failures.grammar import FailureRule
from gatepost.failures.read_rule import RuleMistakes, read_rule
from gatepost.failures.rule_in_one_line import format_line, read_line
from gatepost.failures.rulebook import FiredRecord, RuleEntry
from gatepost.relay.failure_rules import LocalFailureRules

Document = dict[str, Any]
NO_FAILURES: Final = (
    "this relay ignores rules: `gatepost serve` needs allow = true in [failures] of its "
    "configuration"
)
_BESIDE: Final = ("id", "lane", "order", "note")
"""Keys of a rule that its line does not have."""
MAX_LISTED: Final = 500
"""Firings in a listing."""


ChaosKind = Literal["sender", "recipient", "authentication"]


class _Trigger(msgspec.Struct, forbid_unknown_fields=True):
    """How often a command is refused; 0 as code is the usual one."""

    code: Annotated[int, msgspec.Meta(ge=0, le=599)] = 0
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class FailureControl:
    """The operations on the rules of a relay."""

    def __init__(self, rules: LocalFailureRules, *, captures: bool) -> None:
        """``captures``: all mail stays here, so that rules may lose it."""
        self.rules: Final = rules
        self._captures = captures

    async def operate(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """Run an operation; see the table below."""
        operate = _OPERATIONS.get(operation)
        if operate is None:
            raise ValueError(f"unknown operation {operation[:40]!r}")
        return operate(self, fields)

    def _list(self, fields: Mapping[str, Any]) -> Document:
        """``lane``: only its rules; ``unfired``: only those that have never fired."""
        book = self.rules.book
        entries = book.entries(fields.get("lane"))
        if fields.get("unfired"):
            entries = [each for each in entries if not each.counters.fired]
        documents = [rule_document(each) for each in entries]
        return {"rules": documents, "revision": book.revision, "seed": book.seed}

    def _show(self, fields: Mapping[str, Any]) -> Document:
        return rule_document(self.rules.book.entry(fields["id"], fields.get("lane") or ""))

    def _add(self, fields: Mapping[str, Any]) -> Document:
        """``line``, or ``rule`` as JSON has it; ``id``, ``lane``, ``order`` and ``note`` may stand
        beside a line."""
        rule = self._read(fields)
        return rule_document(self.rules.book.add(rule, self.rules.time()))

    def _read(self, fields: Mapping[str, Any]) -> FailureRule:
        others = {name: fields[name] for name in _BESIDE if fields.get(name)}
        if "rule" not in fields:
            return read_line(str(fields["line"]), captures=self._captures, others=others)
        return read_rule({**fields["rule"], **others}, captures=self._captures)

    def _check(self, fields: Mapping[str, Any]) -> Document:
        """Read a rule without adding it: ``mistakes``, or the rule as it would be asked."""
        try:
            rule = self._read(fields)
        except RuleMistakes as error:
            return {"mistakes": [str(each) for each in error.mistakes], "line": None, "when": None}
        return {"mistakes": [], "line": format_line(rule), "when": msgspec.to_builtins(rule.when)}

    def _replace(self, fields: Mapping[str, Any]) -> Document:
        """``revision``: only if the rule still has it."""
        rule, now = self._read(fields), self.rules.time()
        return rule_document(self.rules.book.replace(rule, now, revision=fields.get("revision")))

    def _delete(self, fields: Mapping[str, Any]) -> Document:
        """``id``, or all: of a ``lane``, or those without one."""
        book, lane = self.rules.book, fields.get("lane") or ""
        if fields.get("id"):
            deleted = [book.delete(fields["id"], lane, revision=fields.get("revision"))]
        else:
            deleted = book.delete_all(lane)
        return {"deleted": [rule_document(each) for each in deleted]}

    def _reset(self, fields: Mapping[str, Any]) -> Document:
        """The counters of ``id``, or of all of a ``lane``, or of those without one."""
        id_, lane = fields.get("id") or "", fields.get("lane") or ""
        entries = self.rules.book.reset(self.rules.time(), id_, lane)
        return {"rules": [rule_document(each) for each in entries]}

    def _pause(self, fields: Mapping[str, Any]) -> Document:
        return self._set_paused(fields, is_paused=True)

    def _resume(self, fields: Mapping[str, Any]) -> Document:
        return self._set_paused(fields, is_paused=False)

    def _set_paused(self, fields: Mapping[str, Any], *, is_paused: bool) -> Document:
        """``id``, or all: of a ``lane``, or those without one."""
        id_, lane = fields.get("id") or "", fields.get("lane") or ""
        entries = self.rules.book.pause(id_, lane, is_paused=is_paused)
        return {"rules": [rule_document(each) for each in entries]}

    def _move(self, fields: Mapping[str, Any]) -> Document:
        """Right before the rule ``before`` of the same ``lane``; empty: behind all others."""
        lane = fields.get("lane") or ""
        moved = self.rules.book.move(str(fields["id"]), str(fields.get("before") or ""), lane)
        return rule_document(moved)

    def _chaos(self, fields: Mapping[str, Any]) -> Document:
        """Mailpit's triggers of a ``lane``, or those without one; ``set`` changes the named ones:
        ``{"recipient": {"code", "percent"}}``."""
        lane, chaos = fields.get("lane") or "", ChaosRules(self.rules)
        triggers = chaos.show(lane)
        if fields.get("set"):
            try:
                wanted = msgspec.convert(fields["set"], dict[ChaosKind, _Trigger])
            except msgspec.ValidationError as error:
                raise ValueError(f"chaos: {error}") from None
            named: dict[str, Any] = {
                kind: ChaosTrigger(each.code, each.percent) for kind, each in wanted.items()
            }
            triggers = chaos.put(msgspec.structs.replace(triggers, **named), lane)
        return {
            name: {"code": each.error_code, "percent": each.probability}
            for name, each in msgspec.structs.asdict(triggers).items()
        }

    def _fired(self, fields: Mapping[str, Any]) -> Document:
        """The newest last; ``rule`` and ``lane`` select, ``after`` is a cursor, ``limit`` a
        number."""
        rule, lane, after = fields.get("rule"), fields.get("lane"), int(fields.get("after") or 0)
        limit = min(int(fields.get("limit") or MAX_LISTED), MAX_LISTED)
        fired = self.rules.book.fired
        records = [
            each
            for each in fired
            if each.number > after and rule in (None, "", each.rule) and lane in (None, each.lane)
        ][-limit:]
        cursor = records[-1].number if records else after
        return {"fired": [_fired_document(each) for each in records], "cursor": cursor}

    def _injected(self, fields: Mapping[str, Any]) -> Document:
        """The rules that fired while ``message`` was received."""
        return {"rules": list(self.rules.injected.get(fields["message"], ()))}


_OPERATIONS: Final[Mapping[str, Callable[[FailureControl, Mapping[str, Any]], Document]]] = {
    "list": FailureControl._list,  # noqa: SLF001 - its own
    "show": FailureControl._show,  # noqa: SLF001
    "add": FailureControl._add,  # noqa: SLF001
    "check": FailureControl._check,  # noqa: SLF001
    "replace": FailureControl._replace,
    "pause": FailureControl._pause,  # noqa: SLF001
    "resume": FailureControl._resume,  # noqa: SLF001
    "move": FailureControl._move,  # noqa: SLF001
    "chaos": FailureControl._chaos,  # noqa: SLF001
    "delete": FailureControl._delete,  # noqa: SLF001
    "reset": FailureControl._reset,  # noqa: SLF001
    "fired": FailureControl._fired,  # noqa: SLF001
    "injected": FailureControl._injected,  # noqa: SLF001
}


def rule_document(entry: RuleEntry) -> Document:
    """Return a rule with its counters."""
    rule, counters = entry.rule, entry.counters
    times, nearest = rule.when.times, entry.nearest
    counts_once = times is not None and rule.when.per == "rule"
    return {
        "id": rule.id,
        "lane": rule.lane,
        "order": rule.order,
        "line": format_line(rule),
        "when": msgspec.to_builtins(rule.when),
        "do": msgspec.to_builtins(rule.do),
        "note": rule.note,
        "origin": entry.origin,
        "revision": entry.revision,
        "seen": counters.seen,
        "fired": counters.fired,
        "left": (times or 0) - counters.fired if counts_once else None,
        "exhausted": entry.is_exhausted,
        "paused": entry.is_paused,
        "first_at": _moment(counters.first_at),
        "last_at": _moment(counters.last_at),
        "last_session": counters.last_session or None,
        "nearest": nearest and {"session": nearest.session, "failing": nearest.failing},
    }


def _fired_document(record: FiredRecord) -> Document:
    return {
        "number": record.number,
        "rule": record.rule,
        "lane": record.lane or None,
        "at": _moment(record.at),
        "stage": record.stage,
        "session": record.session,
        "peer": record.peer,
        "attempt": record.attempt,
        "key": record.key,
    }


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
