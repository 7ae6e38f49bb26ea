"""What each cause looks like: one pure function each, evidence to finding or None.

To add one: write the function in the file of its position in the dialogue, list
it in that file's RULES, give it a prior in ``rank``, and a page in ``docs/findings``.
"""

from collections.abc import Callable
from typing import Final

from gatepost.diagnosis.rules import (
    audit,
    auth,
    dialogue,
    ehlo,
    envelope,
    network,
    refusals,
    tls,
    trust,
)
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

Rule = Callable[[Evidence], Finding | None]

RULES: Final[tuple[Rule, ...]] = (
    *network.RULES, *tls.RULES, *trust.RULES, *ehlo.RULES, *auth.RULES, *refusals.RULES,
    *envelope.RULES, *audit.RULES,
)  # fmt: skip
DIALOGUE_RULES: Final[tuple[Rule, ...]] = dialogue.RULES
"""Rules for logs, which show what a client did by itself."""
PROVIDER_RULES: Final = auth.PROVIDER_RULES
"""Rules that are told what the provider's profile says to the doctor, too."""
