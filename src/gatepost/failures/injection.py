"""What a rule did to a session, for transcripts and the operator."""

from typing import Literal

from gatepost.failures.grammar import Stage
from gatepost.model.fast_dataclass import dataclass

InjectedAction = Literal[
    "delay", "ehlo", "tls", "stall", "rate", "reply", "pace", "close", "reset", "keep", "discard",
    "outcome",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Injection:
    """One action of a rule, when it was carried out."""

    rule: str
    action: InjectedAction
    stage: Stage
    reply: str = ""
    """What the client got; empty: nothing, or the ordinary reply."""
    instead_of: str = ""
    """The reply that it would have got; at ``mail`` and ``rcpt`` unless a policy refuses."""
    seconds: float | None = None
    octets: int | None = None
