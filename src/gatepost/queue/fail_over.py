"""Fail-over: which target of a route, and which server of a target, is tried after which result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from gatepost.errors import Phase
from gatepost.model.delivery import Delivery
from gatepost.model.reply import Reply
from gatepost.model.route import MxTarget, ServerAddress, Smarthost, Target
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.provider_quotas import quota_of
from gatepost.queue.reply_lessons import is_about_us, is_rule_of_target, lesson_of
from gatepost.queue.unsettled import is_unsettled

_CLOSING: Final = 421
# fmt: off
_BEFORE_MAIL: Final[frozenset[Phase]] = frozenset({
    "", "resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth",
})
# fmt: on
_OF_MESSAGE: Final = frozenset({"mail", "rcpt", "data", "content"})
"""Phases whose replies are about the message, and so tell more than those of a busy server."""

# Targets of a route.


def holder_of(delivery: Delivery, chain: Sequence[Target]) -> Target | None:
    """Return the target that accepted a delivery without telling the result, if others could get it
    a second time."""
    if not delivery.history or len(chain) < 2:
        return None
    return next((each for each in chain if is_unsettled(delivery, each.name)), None)


def next_target(
    chain: Sequence[Target],
    tried: Mapping[str, AttemptResult | None],
    is_paused: Callable[[Target], bool],
) -> Target | None:
    """Return the target to try after those that were tried; None if the attempt is over.

    ``tried`` has the results by the names of targets, in order; None for a target that is paused.
    """
    if len(tried) == len(chain):
        return None
    *_, last = tried.values()
    if last is not None and not (_may_go_on(last, may_try_next_target) or _is_only_here(last)):
        return None
    return _first_left(chain, tried, is_paused)


def result_of_targets(
    chain: Sequence[Target],
    tried: Mapping[str, AttemptResult | None],
    is_paused: Callable[[Target], bool],
) -> AttemptResult | None:
    """Return the result of an attempt that is over; None if nothing was tried."""
    if len(chain) == 1:
        return tried[chain[0].name]
    results = [each for each in tried.values() if each is not None]
    if not results:
        return None
    *before, last = results
    has_deferred = any(not _is_only_here(each) for each in before)
    if has_deferred or len(results) < len(chain):
        last = _with_refusals_for_others(last)
    others_may = last.others_may or (
        _is_partly_deferred(last) and _first_left(chain, tried, is_paused) is not None
    )
    # only the server that asked for it is paused; another may be up
    return replace(
        last,
        retry_after=0.0,
        before=tuple([each.attempt for each in before]),
        others_may=others_may,
    )


def _is_only_here(result: AttemptResult) -> bool:
    """Tell whether a target refused all recipients by a rule of its own, so that another target may
    accept them."""
    refused = [each for each in result.verdicts if each.kind == "failed"]
    return len(refused) == len(result.verdicts) and all(
        is_rule_of_target(each.reply) for each in refused
    )


def _with_refusals_for_others(result: AttemptResult) -> AttemptResult:
    """Defer recipients that a target refused by a rule of its own, because another target may
    accept them later."""
    verdicts = [
        replace(each, kind="deferred")
        if each.kind == "failed" and is_rule_of_target(each.reply)
        else each
        for each in result.verdicts
    ]
    return replace(result, verdicts=tuple(verdicts))


def _first_left(
    chain: Sequence[Target],
    tried: Mapping[str, AttemptResult | None],
    is_paused: Callable[[Target], bool],
) -> Target | None:
    return next((each for each in chain if each.name not in tried and not is_paused(each)), None)


def may_try_next_target(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether the chain's next target may get what this one did not accept.

    It may if the next server may; if this target does not let us sign in, or does not accept mail
    without a login, because the next target requires something else; and if it has deferred the
    message, or its quota is used up. What it refuses permanently is sent to no other target, unless
    it refuses that by a rule of its own (``is_rule_of_target``).
    """
    is_refused_for_now = reply is not None and (
        reply.is_transient or is_about_us(phase, reply) or quota_of(reply) is not None
    )
    return phase == "auth" or is_refused_for_now or may_try_next_server(phase, reply)


def has_too_many_connections(result: AttemptResult) -> bool:
    """Tell whether a server refused the connection itself as one too many (RFC 5321 3.8)."""
    attempt = result.attempt
    return (
        attempt.phase in ("greeting", "ehlo")
        and attempt.is_remote
        and attempt.reply.code == _CLOSING
    )


# Servers of a target.


def servers_in_turn(
    servers: Sequence[Smarthost],
    random: Callable[[], float],
    is_down: Callable[[Smarthost], bool],
) -> tuple[Smarthost, ...]:
    """Return the servers by priority, equal ones in random order, and those last that are known to
    be down. ``random`` returns numbers from 0 to 1; ``is_down`` asks a server's circuit breaker."""
    if len(servers) == 1:
        return tuple(servers)
    drawn = [(is_down(each), each.priority, random(), each) for each in servers]
    return tuple([each for *_, each in sorted(drawn, key=lambda entry: entry[:3])])


def next_server(
    target: Target,
    servers: Sequence[ServerAddress],
    tried: Mapping[ServerAddress, AttemptResult],
    is_paused: Callable[[ServerAddress], bool],
    *,
    may_sign_in: bool = True,
) -> ServerAddress | AttemptResult | None:
    """Return the server of a target to try after those that were tried, or the target's result.

    ``servers`` and ``tried`` are in the order in which they are tried. None if nothing was tried,
    because all are paused. ``may_sign_in``: False if the credential is paused.
    """
    if len(servers) == 1:
        if tried:
            return next(iter(tried.values()))
        return None if is_paused(servers[0]) else servers[0]
    failed: list[AttemptResult] = []
    unfit: list[AttemptResult] = []
    unfit_hosts: set[str] = set()
    deferral: AttemptResult | None = None
    deferred_at: tuple[str, ...] = ()
    for server, result in tried.items():
        if isinstance(target, MxTarget) and _is_unfit(result):
            unfit_hosts.add(server.host)
            if all(each.host in unfit_hosts for each in servers):
                return result
            unfit.append(_as_deferred(result))
            continue
        if not _may_go_on(result, may_try_next_server):
            if deferral is not None:
                return _without_late_refusals(result, deferral)
            if not _may_ask_another(target, result):
                fit = [each for each in servers if each.host not in unfit_hosts]
                return _with_others(target, server, result, fit, is_paused)
            deferral, deferred_at = result, (server.host, server.address)
        failed.append(result)
    if may_sign_in or not failed:
        for server in servers:
            is_other = server.host not in deferred_at and server.address not in deferred_at
            is_left = is_other and server not in tried and server.host not in unfit_hosts
            if is_left and not is_paused(server):
                return server
    return _all_failed(failed or unfit) if tried else None


def may_try_next_server(phase: Phase, reply: Reply | None) -> bool:
    """Tell whether another server of the same target may get what this one did not accept.

    ``reply`` None: the connection failed. Before MAIL nothing was said about the message, and a
    server's 554 greeting is about that server alone (RFC 5321 3.1). A login that was refused with
    5yz would be refused by the other servers, and a password is not tried repeatedly. After MAIL
    only 421 is about the server (RFC 5321 3.8); a connection lost there waits for the schedule,
    because the message may have been accepted.
    """
    if phase in _BEFORE_MAIL:
        return phase != "auth" or reply is None or not reply.is_permanent
    return reply is not None and reply.code == 421 and phase != "content"


def _may_go_on(result: AttemptResult, may: Callable[[Phase, Reply | None], bool]) -> bool:
    """Tell whether another server may be tried: not once a recipient has a final verdict."""
    attempt = result.attempt
    is_judged = [each.kind for each in result.verdicts if each.kind != "deferred"]
    if is_judged and attempt.phase != "resolve":
        return False
    return may(cast("Phase", attempt.phase), attempt.reply if attempt.is_remote else None)


def _is_partly_deferred(result: AttemptResult) -> bool:
    """Tell whether a server deferred only some of the recipients.

    The next attempt is for these alone, and may go to another target.
    """
    later = [each.reply for each in result.verdicts if each.kind == "deferred"]
    is_partly = 0 < len(later) < len(result.verdicts)
    may_pass = all(each.is_transient or is_rule_of_target(each) for each in later)
    return is_partly and result.error is None and may_pass


def _may_ask_another(target: Target, result: AttemptResult) -> bool:
    """Tell whether another exchanger may be tried after a temporary refusal.

    RFC 5321 5.1: exchangers are tried until one accepts the message, at least two of them. A
    request for less mail (such as 450 to MAIL) holds for all; 452 to the first RCPT does not.
    """
    attempt = result.attempt
    if not (isinstance(target, MxTarget) and attempt.is_remote and attempt.reply.is_transient):
        return False
    lesson = lesson_of(attempt.reply, attempt.phase)
    is_of_first = lesson.change == "fewer_recipients" and not result.accepted
    is_about_it = lesson.scope in ("message", "host") or is_of_first
    return is_about_it and all(each.kind == "deferred" for each in result.verdicts)


def _with_others(
    target: Target,
    server: ServerAddress,
    result: AttemptResult,
    servers: Sequence[ServerAddress],
    is_paused: Callable[[ServerAddress], bool],
) -> AttemptResult:
    """Note whether another exchanger may accept the recipients that ``server`` deferred while it
    accepted others (RFC 5321 5.1). They follow at once, in a transaction of their own."""
    if not (isinstance(target, MxTarget) and _is_partly_deferred(result)):
        return result
    same = {server.host, server.address}
    others = [each for each in servers if same.isdisjoint((each.host, each.address))]
    return replace(result, others_may=any(not is_paused(each) for each in others))


def _without_late_refusals(result: AttemptResult, deferred: AttemptResult) -> AttemptResult:
    """Defer recipients that an exchanger refused after a preferred one had deferred them.

    The preferred exchanger knows its recipients. A backup may know none, or may exist only to
    refuse clients that ignore the order of preference.
    """
    refused = [each.reply for each in result.verdicts if each.kind == "failed"]
    if not refused:
        return deferred if result.attempt.reply.code == _CLOSING else result
    pairs = zip(deferred.verdicts, result.verdicts, strict=True)
    verdicts = tuple([first if said.kind == "failed" else said for first, said in pairs])
    attempt = deferred.attempt
    if any(each.kind == "delivered" for each in verdicts):
        attempt = replace(result.attempt, phase="rcpt", reply=refused[0])
    return replace(result, verdicts=verdicts, attempt=attempt)


def _is_unfit(result: AttemptResult) -> bool:
    """Tell whether a server lacks an extension or size that the message needs, by its EHLO.

    Another exchanger may have it (RFC 6531 3.2), even one that is down now.
    """
    is_ours = not result.attempt.is_remote and result.error is None
    return is_ours and all(each.kind == "failed" for each in result.verdicts)


def _as_deferred(result: AttemptResult) -> AttemptResult:
    later = [replace(each, kind="deferred") for each in result.verdicts]
    return replace(result, verdicts=tuple(later))


def _all_failed(failed: Sequence[AttemptResult]) -> AttemptResult:
    """Return the best result if a server deferred the message, else the last one with a reply;
    without a reply, one whose reason mentions all."""
    answered = [each for each in failed if each.attempt.is_remote]
    if answered:
        return next((each for each in answered if each.attempt.phase in _OF_MESSAGE), answered[-1])
    last = failed[-1]
    reasons = dict.fromkeys(each.attempt.reply.reason for each in failed)
    if len(reasons) < 2:
        return last
    reply = last.attempt.reply.because("; ".join(filter(None, reasons)))
    return replace(last, attempt=replace(last.attempt, reply=reply))
