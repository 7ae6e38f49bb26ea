"""Mailpit's chaos as three rules, and back: ``/api/v1/chaos``.

Each trigger has a code and a percentage of the commands that it refuses. Sources: Mailpit's
``internal/smtpd/chaos``, whose texts these are.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from gatepost.failures.grammar import Actions, Conditions, FailureRule, Stage

ORIGIN: Final = "chaos"
"""The origin of these rules in a rulebook."""


class ChaosTrigger(Struct, frozen=True, rename="pascal"):
    """How often a command is refused, and with which code; 0 is the usual one."""

    error_code: Annotated[int, Meta(ge=0, le=599)] = 0
    probability: Annotated[int, Meta(ge=0, le=100)] = 0


class ChaosTriggers(Struct, frozen=True, rename="pascal"):
    """All triggers; those that are left out refuse nothing."""

    sender: ChaosTrigger = ChaosTrigger()
    recipient: ChaosTrigger = ChaosTrigger()
    authentication: ChaosTrigger = ChaosTrigger()


_KINDS: Final[Mapping[str, tuple[Stage, int, str]]] = {
    "sender": ("mail", 451, "Chaos sender error"),
    "recipient": ("rcpt", 451, "Chaos recipient error"),
    "authentication": ("auth", 535, "Chaos authentication error"),
}
"""Stage, usual code and text of each trigger."""


def rules_of_chaos(triggers: ChaosTriggers, lane: str = "") -> list[FailureRule]:
    """Return the rules of the triggers that refuse anything. Raises ValueError for a code that
    refuses nothing."""
    rules = []
    for kind, (stage, usual, text) in _KINDS.items():
        trigger: ChaosTrigger = getattr(triggers, kind)
        code = trigger.error_code or usual
        if not 400 <= code <= 599:
            raise ValueError(f"the code of {kind} is {code}, not between 400 and 599")
        if trigger.probability:
            when = Conditions(stage=stage, chance=trigger.probability / 100)
            do = Actions(reply=f"{code} {text}")
            rules.append(
                FailureRule(id=f"mailpit.{kind}", lane=lane or None, order=1_000, when=when, do=do)
            )
    return rules


def chaos_of_rules(rules: Iterable[FailureRule]) -> ChaosTriggers:
    """Return the triggers that these rules stand for; other rules are ignored."""
    by_id = {each.id: each for each in rules}
    triggers = {}
    for kind, (_, usual, _text) in _KINDS.items():
        rule = by_id.get(f"mailpit.{kind}")
        if rule is None:
            triggers[kind] = ChaosTrigger(usual, 0)
        else:
            code = int(str(rule.do.reply)[:3])
            triggers[kind] = ChaosTrigger(code, round((rule.when.chance or 0) * 100))
    return ChaosTriggers(**triggers)
