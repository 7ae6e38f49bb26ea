"""Learns from each attempt about the server, the target and the credential."""

from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from typing import Final

from gatepost.errors import (
    ConfigError,
    NegotiationError,
    NetworkError,
    NoDescriptor,
    NoSharedMechanism,
    RemoteProtocolError,
    TimedOut,
    TlsError,
    TokenError,
)
from gatepost.model.delivery import Attempt
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.route import ServerAddress, SmarthostTarget, Target, credential_of
from gatepost.queue.attempt_result import AttemptResult, ErrorReply
from gatepost.queue.attempt_slots import Liveness
from gatepost.queue.circuit_breaker import HOST, Breaker
from gatepost.queue.login_pause import LoginPause
from gatepost.queue.next_hop_limits import NextHopLimiter, ReplyContext, UpstreamCredential, learn
from gatepost.queue.reply_lessons import (
    ABOUT_US,
    CROWDED,
    LOGIN_REFUSED,
    PAUSE_CREDENTIAL,
    PAUSE_HOST,
    is_about_us,
    is_of_setup,
    lesson_of,
)
from gatepost.queue.retry_schedule import Random
from gatepost.queue.unsettled import Unsettled
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_permit import Permit
from gatepost.relay.sign_in_diagnosis import (
    SignInDiagnosis,
    diagnose_refused_mail,
    diagnose_sign_in,
)
from gatepost.relay.target_hosts import hosts_of
from gatepost.relay.transport.http_api import ApiRefused

_OF_SERVER: Final = frozenset({"resolve", "connect", "greeting", "ehlo", "starttls", "tls"})
"""Phases in which a failure without a reply counts against the server."""
_OF_IDENTITY: Final = (TokenError, ConfigError, RemoteProtocolError)
"""Errors that fail a login without a refusal. RemoteProtocolError is an invalid answer to AUTH, or
a server that does not authenticate itself; the secret must not be sent to it for each message."""
LASTING, A_WHILE = 3, 60.0
"""Number of consecutive attempts without a login, and seconds, after which also failures are
reported that may be temporary: a server that disconnects or defers at AUTH, or an identity provider
that does not work."""
_OF_MESSAGE: Final = frozenset({"mail", "rcpt", "data", "content"})
_OF_TLS: Final = frozenset({"starttls", "tls"})


@dataclass(frozen=True, slots=True)
class ServerAttempt:
    """One attempt: its target and server, its permit, and the server's circuit breaker."""

    target: Target
    server: ServerAddress
    permit: Permit
    host: Breaker


class AttemptFeedback:
    """Learns from each attempt, and reports once each problem that the operator must solve."""

    def __init__(
        self,
        admission: AttemptAdmission,
        random: Random,
        report: ReportEvent,
        profiles: Iterable[Profile] = (),
        alarms: MutableMapping[str, str] | None = None,
    ) -> None:
        """``profiles`` are the providers that the doctor can recognise; ``alarms`` keeps what was
        reported, if that must outlive this object."""
        self._admission, self._random = admission, random
        self._report, self._profiles = report, tuple(profiles)
        self._reported: MutableMapping[str, str] = {} if alarms is None else alarms
        """What was reported since the last success, by ``alarm_keys``: a finding, or codes."""
        self._failures: dict[str, tuple[int, float, float]] = {}
        """By ``alarm_keys``: the number of consecutive attempts without a login, and the times at
        which the first and the last of them ended."""

    def learn(self, made: ServerAttempt, result: AttemptResult) -> SignInDiagnosis | None:
        """Learn from the result of an attempt; return a diagnosis if the login does not work."""
        now = self._admission.seconds()
        host, limiter, credential = made.host, made.permit.limiter, made.permit.credential
        self._learn_liveness(made.permit.slot.hop, result, now)
        moment = ReplyContext(
            now,
            self._random,
            at_least=result.retry_after,
            accepted=result.accepted,
            seconds=result.attempt.seconds,
        )
        pause = self._pause_logins(made, result, moment)
        if pause is not None:
            replies = [each for each in result.error_replies if each.phase != "auth"]
            result = replace(result, error_replies=tuple(replies))
        of_host = [each for each in result.error_replies if _is_hosts(each, limiter, moment.begun)]
        if of_host:
            if moment.at_least <= 0:  # once, for however many recipients the reply came
                host.record_failure(now, self._random, str(of_host[0].reply))
        elif result.attempt.is_remote or _is_accepted(result):
            if host.record_success(now, moment.begun) == "open":
                limiter.keep_to_open(now)
        elif self._is_servers(result):
            # a server that disconnects at AUTH has received the secret
            is_firm = result.attempt.phase == "auth" and pause is None
            at_least = HOST.first if is_firm or _is_slow(result) else 0.0
            reason = result.attempt.reply.reason
            host.record_failure(now, self._random, reason, at_least, is_firm=is_firm)
        else:
            host.abandon_trial()
        for error_reply in result.error_replies:
            if error_reply not in of_host or moment.at_least > 0:
                learn(error_reply.reply, error_reply.phase, limiter, credential, moment)
        diagnosis = (
            self._sign_in(made, result, moment, pause)
            or self._secure(made, result, moment)
            or self._mail_refused(made, result, moment)
        )
        if _is_accepted(result) or "delivered" in [each.kind for each in result.verdicts]:
            limiter.record_success(now)
            if credential is not None:
                credential.record_success(now)
        return diagnosis

    def _learn_liveness(self, hop: Liveness, result: AttemptResult, now: float) -> None:
        """Learn whether the servers of the next hop answer."""
        if result.attempt.is_remote or _is_accepted(result):
            hop.record_reply(now)
        elif self._is_servers(result):
            hop.record_failure(is_silent=isinstance(result.error, TimedOut))

    @staticmethod
    def _is_servers(result: AttemptResult) -> bool:
        phase = result.attempt.phase
        if isinstance(result.error, NoDescriptor):
            return False
        if isinstance(result.error, NetworkError):
            return True
        if isinstance(result.error, RemoteProtocolError) and phase in _OF_MESSAGE:
            return True
        return phase in _OF_SERVER and result.error is not None

    def _pause_logins(
        self, made: ServerAttempt, result: AttemptResult, moment: ReplyContext
    ) -> LoginPause | None:
        """After a failed login that says little about the secret, pause logins for seconds, and
        return the pause: the secret was not shown, or accepted lately."""
        credential, attempt = made.permit.credential, result.attempt
        if credential is None or attempt.phase != "auth" or moment.at_least > 0:
            return None
        if isinstance(result.error, TokenError | ConfigError):
            return None
        reason = _reason(attempt)
        if isinstance(result.error, NoSharedMechanism) or not result.has_shown_secret:
            pause = self._admission.misfit(made.target)
        elif credential.is_trusted(moment.now, moment.begun):
            pause = credential.logins
            reason = f"{reason}, though this login was accepted before"
        else:
            return None
        pause.record_failure(moment.now, moment.begun, moment.random, reason)
        pause.keep(made.permit.key, made.permit.limiter.open_connections - 1)
        return pause

    def _sign_in(
        self,
        made: ServerAttempt,
        result: AttemptResult,
        moment: ReplyContext,
        pause: LoginPause | None,
    ) -> SignInDiagnosis | None:
        """Pause a credential whose login is refused; diagnose it, and report it once."""
        credential, attempt = made.permit.credential, result.attempt
        if credential is None:
            return None
        if attempt.phase != "auth":
            if _is_accepted(result) or (attempt.is_remote and attempt.phase not in _OF_SERVER):
                self._signed_in(made, credential, result, moment)
            return None
        is_refused = pause is not None and _is_final(result)
        is_told = is_refused and not credential.has_signed_in_lately(moment.now)
        if pause is None and isinstance(result.error, _OF_IDENTITY):
            is_transient = getattr(result.error, "is_transient", False)
            lesson = PAUSE_CREDENTIAL if is_transient else LOGIN_REFUSED
            reason = _reason(attempt)
            credential.take_lesson(lesson, moment.now, moment.random, reason, moment.at_least)
        needs_operator = is_told or credential.is_refused
        if not (needs_operator or self._has_lasted(made, result, moment)):
            return None
        credential.is_barred = _is_barred(result)
        diagnosis = self._tell(made, result, needs_operator=needs_operator)
        if pause is not None:
            pause.finding, pause.advice = diagnosis.finding, diagnosis.sentence
        elif needs_operator:
            credential.finding, credential.advice = diagnosis.finding, diagnosis.sentence
        return diagnosis

    def _signed_in(
        self,
        made: ServerAttempt,
        credential: UpstreamCredential,
        result: AttemptResult,
        moment: ReplyContext,
    ) -> None:
        """Note that a login has succeeded, unless an earlier attempt had signed in."""
        if result.is_kept:
            return
        credential.record_login(moment.now, moment.begun)
        self._admission.note_login(made.target, moment.begun)
        if _about_us(result) is None and not self._admission.has_paused_logins(made.target):
            self._works(made)

    def _has_lasted(self, made: ServerAttempt, result: AttemptResult, moment: ReplyContext) -> bool:
        """Count a failure that may be temporary; tell whether it has lasted too long.

        Simultaneous attempts count as one.
        """
        key = self._key(made, result)
        count, first, last = self._failures.get(key, (0, moment.now, float("-inf")))
        if moment.begun >= last:
            count += 1
            self._failures[key] = count, first, moment.now
        return count >= LASTING and moment.now - first >= A_WHILE

    def _secure(
        self, made: ServerAttempt, result: AttemptResult, moment: ReplyContext
    ) -> SignInDiagnosis | None:
        """Diagnose a failure of TLS, which also needs the operator; None if there is no finding, or
        if it may be temporary."""
        evidence = result.evidence
        if result.error is None or evidence is None:
            return None
        is_silent = evidence.greeting.value is not None and evidence.greeting.value.reply is None
        if result.attempt.phase not in _OF_TLS and not is_silent:
            return None
        credential = made.permit.credential
        if credential is not None:
            may_pass = not _is_final(result) or credential.has_signed_in_lately(moment.now)
            if not self._has_lasted(made, result, moment) and may_pass:
                return None
        diagnosis = diagnose_sign_in(result, self._profiles)
        if not diagnosis.finding:
            return None
        return diagnosis if credential is None else self._tell(made, result)

    def _mail_refused(
        self, made: ServerAttempt, result: AttemptResult, moment: ReplyContext
    ) -> SignInDiagnosis | None:
        """Diagnose a refusal of mail that is about us, not the message; it needs the operator."""
        if not (result.error_replies and isinstance(made.target, SmarthostTarget)):
            return None
        reply, credential = _about_us(result), made.permit.credential
        if reply is None:
            return None
        if credential is not None and not is_of_setup(reply):
            may_pass = credential.has_sent_lately(moment.now)
            if not self._has_lasted(made, result, moment) and may_pass:
                return None
        diagnosis = diagnose_refused_mail(result.attempt.contact, reply, self._profiles)
        return diagnosis if credential is None else self._tell_of(diagnosis, made, result)

    def _tell(
        self, made: ServerAttempt, result: AttemptResult, *, needs_operator: bool = True
    ) -> SignInDiagnosis:
        diagnosis = diagnose_sign_in(result, self._profiles)
        return self._tell_of(diagnosis, made, result, needs_operator=needs_operator)

    def _tell_of(
        self,
        diagnosis: SignInDiagnosis,
        made: ServerAttempt,
        result: AttemptResult,
        *,
        needs_operator: bool = True,
    ) -> SignInDiagnosis:
        key = self._key(made, result)
        reply = result.attempt.reply
        cause = diagnosis.finding or _cause(result)
        reported = self._reported.get(key)
        if reported != cause and (needs_operator or reported is None):
            self._reported[key] = cause
            is_of_mail = _is_barred(result) or is_of_setup(reply)
            self._report(
                "delivery_stopped" if is_of_mail else "sign_in_stopped",
                credential=credential_of(made.target),
                target=made.target.name,
                host=str(made.server),
                reply=str(result.error or reply) if result.attempt.is_remote else "",
                finding=diagnosis.finding,
                reason=diagnosis.sentence,
            )
        return diagnosis

    def _works(self, made: ServerAttempt) -> None:
        if not (self._reported or self._failures):
            return
        for key in alarm_keys(made.target):
            self._failures.pop(key, None)
            if self._reported.pop(key, None) is not None:
                self._report(
                    "sign_in_works", credential=credential_of(made.target),
                    target=made.target.name,
                )  # fmt: skip

    @staticmethod
    def _key(made: ServerAttempt, result: AttemptResult) -> str:
        """Return the key of an alarm: the target for a missing mechanism or TLS, which concern the
        target alone, and otherwise the credential at its provider."""
        of_sign_in, of_target = alarm_keys(made.target)
        if isinstance(result.error, NoSharedMechanism) or result.attempt.phase in _OF_TLS:
            return of_target
        return of_sign_in


def _cause(result: AttemptResult) -> str:
    """Return a text that identifies a cause without a finding: for a server's reply its codes,
    because texts vary; for a local error the text, because all have the same codes."""
    if isinstance(result.error, TokenError | ConfigError):
        return str(result.error)
    return f"{result.attempt.reply.code} {result.attempt.reply.status}"


def _about_us(result: AttemptResult) -> Reply | None:
    """Return the first reply to MAIL or a later command that is about us, not the message."""
    for phase, reply in [(each.phase, each.reply) for each in result.error_replies]:
        if phase in _OF_MESSAGE and (is_about_us(phase, reply) or is_of_setup(reply)):
            return reply
    return None


def _is_barred(result: AttemptResult) -> bool:
    """Tell whether an API takes no mail of ours for another reason than our login."""
    is_of_api = isinstance(result.error, ApiRefused) and result.attempt.phase == "auth"
    return is_of_api and result.attempt.reply.code not in ABOUT_US


def _is_accepted(result: AttemptResult) -> bool:
    """Tell whether an API accepted our login and the message, of which the result is unknown."""
    return isinstance(result.error, Unsettled) and result.error.signed_in


def _is_final(result: AttemptResult) -> bool:
    """Tell whether a failure before MAIL will probably come again: not if the server says that it
    is temporary (4yz), or said nothing."""
    if result.attempt.is_remote:
        return result.attempt.reply.is_permanent
    return isinstance(result.error, NegotiationError | TlsError | RemoteProtocolError)


def _reason(attempt: Attempt) -> str:
    return attempt.reply.reason or str(attempt.reply)


def _is_slow(result: AttemptResult) -> bool:
    """Tell whether a server pauses after a single failure, because it did not answer.

    To wait for a server that says nothing takes half a minute or, if it has accepted the
    connection, five.
    """
    return result.attempt.phase in _OF_SERVER and isinstance(result.error, TimedOut)


def _is_hosts(error_reply: ErrorReply, limiter: NextHopLimiter, begun: float) -> bool:
    """Tell whether a reply counts against the server.

    So does the refusal of our only connection as one too many, except at AUTH, where the credential
    pauses. A 421 later in the dialogue does not: it may be about the message, and the server may
    accept others.
    """
    phase = error_reply.phase
    lesson = lesson_of(error_reply.reply, phase)
    is_only_one = limiter.connections == 1 and begun >= limiter.reduced_at and phase != "auth"
    return lesson == PAUSE_HOST or (lesson == CROWDED and is_only_one)


def alarm_keys(target: Target) -> tuple[str, str]:
    """Return the keys of a target's alarms: that of its credential there, and its own."""
    who = " at ".join((f"credential {credential_of(target)}", *hosts_of(target)[:1]))
    return who, f"target {target.name}"
