"""Turns a reconstructed dialogue into evidence."""

from dataclasses import replace

from gatepost.doctor.logs.dialogue import Dialogue
from gatepost.model.evidence import EhloExchange, Evidence, Fact, LoginFormat, Stray, seen


def evidence_of(
    talk: Dialogue, remarks: list[str], strays: tuple[Stray, ...], known: Evidence
) -> Evidence:
    """Return ``known`` with everything that the dialogue shows."""
    in_clear, other, over_tls = _hellos(talk)
    return replace(
        known,
        greeting=seen(talk.greeting) if talk.greeting else Fact(),
        in_clear=in_clear,
        other_name=other,
        over_tls=over_tls,
        starttls=seen(talk.starttls) if talk.starttls else Fact(),
        login=_login(talk),
        auth=seen(tuple(talk.attempts)) if talk.attempts else Fact(),
        mail=seen(talk.mail) if talk.mail else Fact(),
        rcpt=seen(tuple(talk.rcpt)) if talk.rcpt else Fact(),
        content=seen(talk.content) if talk.content else Fact(),
        position=talk.position,
        transcript=tuple(talk.lines),
        strays=strays,
        remarks=tuple(remarks),
    )


def _hellos(talk: Dialogue) -> tuple[Fact[EhloExchange], Fact[EhloExchange], Fact[EhloExchange]]:
    """Return EHLO without TLS, its second attempt, and EHLO over TLS; a single list is judged by
    itself."""
    clear = [hello for tls, hello in talk.hellos if not tls]
    over = [hello for tls, hello in talk.hellos if tls]
    if clear and not over and talk.greeting is None and talk.starttls is None:
        unmarked_list = clear[-1]
        if not unmarked_list.name and "STARTTLS" not in unmarked_list.capabilities:
            over = [clear.pop()]
    first = clear[0] if clear else None
    other = clear[1] if len(clear) > 1 and first and not first.reply.is_success else None
    if first and first.reply.is_success and len(clear) > 1:
        first = next((each for each in reversed(clear) if each.capabilities.lines), first)
    best = next((each for each in reversed(over) if each.capabilities.lines), None)
    last = best or (over[-1] if over else None)
    return (
        seen(first) if first else Fact(),
        seen(other) if other else Fact(),
        seen(last) if last else Fact(),
    )


def _login(talk: Dialogue) -> Fact[LoginFormat]:
    """Return the form of the last credentials in the log."""
    form, secret = "", None
    for attempt in talk.attempts:
        for response in attempt.responses:
            form = response.username_form or form
            secret = response.secret or secret
    return seen(LoginFormat(form, secret)) if secret is not None else Fact()
