"""The result of one attempt, before it is recorded."""

from gatepost.errors import GatepostError, Phase
from gatepost.model.delivery import Attempt, Verdict
from gatepost.model.evidence import Evidence
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error reply and the phase of the dialogue that it ended; limits learn from it."""

    reply: Reply
    phase: Phase


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of one attempt."""

    attempt: Attempt
    verdicts: tuple[Verdict, ...]
    """One for each of ``lease.delivery.waiting``, in order. Refusals before MAIL, lost connections
    and missing credentials are ``deferred``: they are not about the message."""
    error_replies: tuple[ErrorReply, ...] = ()
    """Error replies, those to RCPT included, in order and without duplicates."""
    accepted: int = 0
    """Recipients that the server accepted before it refused one as too many."""
    passed_on: bool = False
    """NOTIFY was passed on to a server that offers DSN, which will report successes itself."""
    is_final: bool = False
    """The message is in its final mailbox (capture), not relayed."""
    retry_after: float = 0.0
    """Seconds to wait, as asked for by the server or token endpoint (RFC 9110 10.2.3)."""
    before: tuple[Attempt, ...] = ()
    """The results of targets that were asked earlier in the same attempt."""
    others_may: bool = False
    """Another target, or another exchanger of a domain, may be asked at once for the deferred
    recipients, because others were not deferred."""
    error: GatepostError | None = None
    """The exception that ended the attempt; its ``slug``, if any, is a finding's id."""
    evidence: Evidence | None = None
    """Evidence of a login that was refused or could not be tried, for the doctor."""
    is_kept: bool = False
    """The connection had signed in for an earlier message, so this attempt had no login."""
    has_shown_secret: bool = True
    """If the login failed: the server got the secret, or may have checked it."""
    soon: float = 0.0
    """Seconds after which it is tried again, if its schedule has no earlier time: the login failed,
    and will probably work; 0: the schedule counts."""
