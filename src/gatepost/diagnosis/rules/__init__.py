"""The rules: one pure function for each cause, from evidence to a finding or None.

The docstring of a rule says when it applies. To add one, write the function in the file of its
phase of the dialogue, and list it in that file's RULES; ``causes`` has the texts.
"""

from collections.abc import Callable
from typing import Final

from gatepost.diagnosis.rules import (
    audit,
    credentials,
    ehlo,
    known_refusals,
    log_dialogue,
    mail_and_rcpt,
    mechanisms,
    network,
    retirements,
    tls,
    trust,
)
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

Rule = Callable[[Evidence], Finding | None]

RULES: Final[tuple[Rule, ...]] = (
    *network.RULES, *tls.RULES, *trust.RULES, *ehlo.RULES, *mechanisms.RULES, *credentials.RULES,
    *known_refusals.RULES, *mail_and_rcpt.RULES, *retirements.RULES,
    *audit.RULES,
)  # fmt: skip
DIALOGUE_RULES: Final[tuple[Rule, ...]] = log_dialogue.RULES
"""Rules for logs, which show what a client did by itself."""
PROVIDER_RULES: Final = credentials.PROVIDER_RULES
"""Rules that also get the facts about the provider from its profile."""
