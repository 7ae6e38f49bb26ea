"""What happens to captured mail: scripted, because nothing is really delivered.

A rule of the user for the address decides, then one for its domain, then the table of reserved
addresses; otherwise the mail is delivered.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

from gatepost.model.address import parse_address
from gatepost.model.report import DeliveryStatus
from gatepost.reports.hard_bounces import ServerReply, parse_server_reply
from gatepost.reports.suppression import fold

STATUSES: Final[tuple[str, ...]] = get_args(DeliveryStatus)

RESERVED_DOMAIN: Final = "outcome.gatepost.test"
"""Its addresses determine the outcome of their mail; nobody owns ``test`` (RFC 6761 6.2)."""
MAX_DELAY: Final = 7 * 86_400.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """The outcome of a message for one recipient."""

    status: DeliveryStatus
    message: str = ""
    """Goes into the report as ``statusMessage``."""
    host: bool = False
    """Whether a server replied."""
    hard: bool = False
    """The address enters the managed suppression list."""
    delay: float = 0.0
    """Seconds from acceptance to the report."""
    server: str = ""
    """The name of the server that replied; empty: that of captured mail, which follows from the
    recipient's domain."""


# What each status says when nobody scripted more. Statuses in which Azure never asked the
# recipient's server have a text of ours.
# fmt: off
USUAL: Final[Mapping[DeliveryStatus, ReportedOutcome]] = {
    "Delivered":    ReportedOutcome("Delivered", "250 2.1.5 Recipient OK", host=True),
    "Expanded":     ReportedOutcome("Expanded", "The distribution group was expanded."),
    "Bounced":      ReportedOutcome("Bounced", "550 5.1.1 User unknown", host=True, hard=True),
    "Suppressed":   ReportedOutcome("Suppressed", "The recipient is on a suppression list."),
    "Quarantined":
        ReportedOutcome("Quarantined", "The message was quarantined as spam or phishing."),
    "FilteredSpam":
        ReportedOutcome("FilteredSpam", "The message was identified as spam and dropped."),
    "Failed":       ReportedOutcome("Failed", "554 5.0.0 Transaction failed", host=True),
}
RESERVED: Final[Mapping[str, DeliveryStatus]] = {
    "delivered": "Delivered",
    "expanded": "Expanded",
    "bounced": "Bounced",
    "suppressed": "Suppressed",
    "quarantined": "Quarantined",
    "filteredspam": "FilteredSpam",
    "failed": "Failed",
}
"""Outcomes by local part at RESERVED_DOMAIN (before any ``+``)."""
# fmt: on

DELIVERED: Final = USUAL["Delivered"]

_REPLY: Final = re.compile(r"smtp-([245][0-9]{2}(?:-[245]\.[0-9]{1,3}\.[0-9]{1,3})?)")
"""``smtp-550-5.1.1``: the recipient's server replies so."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a user scripted for an address, or for a whole ``@domain``."""

    target: str
    status: DeliveryStatus
    code: str = ""
    delay: float = 0.0

    @property
    def outcome(self) -> ReportedOutcome:
        """The resulting outcome."""
        usual = USUAL[self.status]
        if not self.code:
            return ReportedOutcome(usual.status, usual.message, usual.host, usual.hard, self.delay)
        reply = parse_server_reply(self.code)
        return ReportedOutcome(self.status, str(reply), True, reply.bounce == "hard", self.delay)


def make_rule(target: str, status: str = "", code: str = "", delay: float = 0.0) -> Rule:
    """Return a rule from the user's input. Raises ValueError with a sentence.

    Without a status, it follows from the code; the status is case-insensitive.
    """
    if not 0 <= delay <= MAX_DELAY:
        raise ValueError(f"a delay is between 0 and {MAX_DELAY:.0f} seconds")
    reply = parse_server_reply(code) if code else None
    if not status and reply is None:
        raise ValueError("give a status or a code")
    by_name = {each.lower(): each for each in STATUSES}
    named = by_name.get(status.lower()) if status else status_of(cast("ServerReply", reply))
    if named is None:
        raise ValueError(f"unknown status {status[:40]!r}; there are {', '.join(STATUSES)}")
    return Rule(_target(target), cast("DeliveryStatus", named), str(reply) if reply else "", delay)


def scripted_outcome(status: str, code: str) -> ReportedOutcome:
    """Return the outcome that a rule of scripted failures sets. Raises ValueError."""
    return make_rule(f"@{RESERVED_DOMAIN}", status, code).outcome


def status_of(reply: ServerReply) -> DeliveryStatus:
    """Return the status that a server's reply leads to: only hard bounces are called Bounced."""
    bounce = reply.bounce
    return "Delivered" if bounce == "none" else "Bounced" if bounce == "hard" else "Failed"


def decide(address: str, rules: Mapping[str, Rule]) -> ReportedOutcome:
    """Return the outcome of mail to ``address``; ``rules`` by target."""
    address = fold(address)
    local, _, domain = address.rpartition("@")
    if rules:
        rule = rules.get(address) or rules.get(f"@{domain}")
        if rule is not None:
            return rule.outcome
    return _reserved(local) if domain == RESERVED_DOMAIN else DELIVERED


def _reserved(local: str) -> ReportedOutcome:
    name = local.partition("+")[0]
    status = RESERVED.get(name)
    if status is not None:
        return USUAL[status]
    match = _REPLY.fullmatch(name)
    if match is None:
        return DELIVERED
    try:
        reply = parse_server_reply(match[1])
    except ValueError:
        return DELIVERED
    return ReportedOutcome(status_of(reply), str(reply), True, reply.bounce == "hard")


def _target(text: str) -> str:
    """Return an address or ``@domain`` as rules are keyed."""
    folded = fold(text.strip())
    try:
        parse_address(f"any{folded}" if folded.startswith("@") else folded)
    except ValueError:
        raise ValueError(f"neither an address nor @domain: {text[:80]!r}") from None
    return folded
