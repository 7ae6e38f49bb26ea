"""EHLO: a refused name, missing TLS, missing AUTH."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.causes import CAUSES, conclude
from gatepost.diagnosis.reply_quotes import quote_reply
from gatepost.diagnosis.rules.network import other_protocol
from gatepost.diagnosis.signs.delivery_refusals import NOT_THE_NAME
from gatepost.diagnosis.signs.sign import has_words
from gatepost.model.evidence import EhloExchange, Evidence, Renamed
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply

_OVERWRITTEN: Final = re.compile(r"[*X]{6,}|\*\*[\s*02]{0,100}\*{4}")
_MASKED: Final = re.compile(r"X{3,}[A-Z]?|\*{4,}")
"""A keyword masked by Cisco's inspection: XXXXXXXA for STARTTLS."""
_NAME: Final = re.compile(r"\b(helo|ehlo)\b", re.IGNORECASE)
_OUT_OF_ORDER: Final = 503
"""This code is about the command, not its argument (RFC 5321 4.3.2)."""
_TLS: Final = re.compile(r"\b(start)?tls\b", re.IGNORECASE)


def helo_rejected(seen: Evidence) -> Finding | None:
    """The server refuses the client's name in EHLO."""
    hello = _refused(seen)
    if hello is None or _has_helo_only(seen) or other_protocol(seen):
        return None
    other = seen.other_name.value
    others = seen.other_names.value or ((other,) if other else ())
    accepted = other is not None and other.reply.is_success
    is_retried = others or hello is seen.over_tls.value
    if not accepted and is_retried and hello.reply.code in (500, 502):
        return None  # the server does not know the command
    if not accepted and (not hello.reply.code or is_not_the_name(hello.reply)):
        return None  # it closes the connection for every name, or has another reason
    proof = [f"EHLO {hello.name} was {_answered(hello.reply)}"]
    proof += [f"EHLO {each.name} was {_answered(each.reply)}" for each in others]
    if seen.helo.value is not None:
        proof.append(f"HELO was answered {_first_line(seen.helo.value)}")
    summary = f"The server refuses a client that calls itself {hello.name}."
    return _helo_rejected(summary, tuple(proof), other if accepted else None)


def _helo_rejected(
    summary: str, proof: tuple[str, ...], accepted: EhloExchange | Renamed | None
) -> Finding:
    example = f" The server accepts {accepted.name}, for example." if accepted else ""
    return conclude(
        "helo_rejected",
        "certain" if accepted else "likely",
        *proof,
        summary=summary,
        fix=CAUSES["helo_rejected"].fix + example,
    )


def is_not_the_name(reply: Reply) -> bool:
    """Tell whether a refusal of EHLO is for another reason than the name."""
    text = reply.text.lower()
    return any(has_words(text, words) for words in NOT_THE_NAME)


def _refused(seen: Evidence) -> EhloExchange | None:
    """Return the EHLO that was refused, in clear or under TLS."""
    hellos = (seen.in_clear.value, seen.over_tls.value)
    return next((each for each in hellos if each and not each.reply.is_success), None)


def _answered(reply: Reply) -> str:
    """Return the reply in words; some servers close the connection instead of replying."""
    return f"answered {_first_line(reply)}" if reply.code else "not answered: the connection ended"


def helo_rejected_later(seen: Evidence) -> Finding | None:
    """The name is refused only with MAIL or RCPT, and another name is accepted."""
    attempts = seen.renamed.value or ()
    hello = seen.last_ehlo
    refusals = [each.reply for each in seen.envelope if is_about_name(each.reply)]
    if not attempts or hello is None or not refusals:
        return None
    accepted = next((each for each in attempts if not is_about_name(each.reply)), None)
    proof = (
        f"after EHLO {hello.name} came {refusals[-1]}",
        *(f"after EHLO {each.name} came {_first_line(each.reply)}" for each in attempts),
    )
    summary = f"The server refuses mail of a client that calls itself {hello.name}."
    return _helo_rejected(summary, proof, accepted)


def is_about_name(reply: Reply) -> bool:
    """Tell whether a refusal is about EHLO's name."""
    is_about = _NAME.search(reply.text) is not None and reply.code != _OUT_OF_ORDER
    return is_about and not reply.is_success


def smtp_inspection_middlebox(seen: Evidence) -> Finding | None:
    """A firewall masks unknown commands and keywords, or lets no EHLO through."""
    proof = []
    greeting = seen.greeting.value
    if greeting is not None and greeting.reply and _OVERWRITTEN.search(greeting.reply.text):
        proof.append(f"the greeting is overwritten: {greeting.reply}")
    hello = seen.in_clear.value
    masked = (
        [word for word in hello.capabilities.keywords if _MASKED.fullmatch(word)] if hello else []
    )
    if masked:
        proof.append(f"EHLO lists what is overwritten: {' '.join(masked)}")
    certain = bool(proof)
    if hello is not None and _has_helo_only(seen):
        proof += [f"EHLO was answered {_first_line(hello.reply)}", "HELO is accepted"]
    if not proof or seen.source == "log":
        return None
    return conclude("smtp_inspection_middlebox", "certain" if certain else "likely", *proof)


def _has_helo_only(seen: Evidence) -> bool:
    """Tell whether EHLO is an unknown command and HELO is accepted."""
    hello, helo = seen.in_clear.value or seen.over_tls.value, seen.helo.value
    return (
        helo is not None and helo.is_success and hello is not None
        and hello.reply.code in (500, 502)
    )  # fmt: skip


def _first_line(reply: Reply) -> str:
    return str(reply).partition("\n")[0]


def starttls_required(seen: Evidence) -> Finding | None:
    """The client uses no TLS although the server requires it."""
    if seen.client.tls not in ("none", "auto") or not seen.offers_starttls:
        return None
    refusals = tuple(_refused_in_clear(seen))
    only_over_tls = bool(seen.offered_over_tls) and not seen.offered_in_clear
    stays_in_clear = seen.client.tls == "none"
    if not refusals and not (stays_in_clear and only_over_tls):
        return None
    proof = ["EHLO in clear offers STARTTLS", *refusals]
    if only_over_tls:
        proof.append(f"AUTH is listed only after STARTTLS: {' '.join(seen.offered_over_tls)}")
    elif not seen.offered_in_clear:
        proof.append("EHLO in clear lists no AUTH")
    return conclude(
        "starttls_required",
        "certain" if refusals or seen.client.signs_in else "likely",
        *proof,
        next_probe="",
    )


def _refused_in_clear(seen: Evidence) -> Iterator[str]:
    """Yield the refusals before TLS that would not have come with TLS."""
    for attempt in seen.attempts:
        if not attempt.tls and not attempt.accepted and _needs_tls(seen, attempt.reply):
            yield f"AUTH {attempt.mechanism} in clear was answered {attempt.reply}"
    mail = seen.mail.value
    if mail is not None and not mail.tls and _needs_tls(seen, mail.reply):
        yield f"MAIL FROM in clear was answered {mail.reply}"


def is_about_tls(reply: Reply) -> bool:
    """Tell whether a refusal says that TLS is missing."""
    return reply.code == 538 or bool(_TLS.search(reply.text))


def _needs_tls(seen: Evidence, reply: Reply) -> bool:
    """Tell whether a refusal means that TLS is required: by its code (RFC 3207 4, RFC 4954 6), and
    by its text for 530, which has two meanings."""
    if reply.code < 400:
        return False
    if is_about_tls(reply):
        return True
    return not seen.offered_in_clear and reply.code in (451, 500, 502, 503, 504, 530)


def auth_not_advertised(seen: Evidence) -> Finding | None:
    """AUTH is not listed, neither before nor after TLS, and the client needs it."""
    if not seen.client.signs_in or seen.offered or seen.is_signed_in:
        return None
    last = seen.last_ehlo
    if last is None or not last.reply.is_success:
        return None
    tls_unseen = seen.offers_starttls and seen.over_tls.value is None
    elsewhere = any(each.mechanisms for each in seen.neighbours.value or ())
    if elsewhere and not _is_this_machine(seen):
        return None  # another rule names the port
    if tls_unseen or any(each.reply.is_success for each in seen.rcpt.value or ()):
        return None
    proof = []
    if seen.in_clear.value is not None:
        proof.append("EHLO in clear lists no AUTH")
        if not seen.offers_starttls:
            proof.append("EHLO offers no STARTTLS, after which AUTH might be listed")
    if seen.over_tls.value is not None:
        proof.append("EHLO over TLS lists no AUTH")
    proof += [quote_reply(each) for each in seen.attempts]
    return conclude(
        "auth_not_advertised",
        "certain",
        *proof,
        next_probe="MAIL and RCPT without AUTH (--from, --to), and the ports 587 and 465",
    )


def auth_not_offered_on_port(seen: Evidence) -> Finding | None:
    """AUTH is not listed here, but on another port of the server or of its provider."""
    last = seen.last_ehlo
    if not seen.client.signs_in or seen.offered or last is None or not last.reply.is_success:
        return None
    others = [each for each in seen.neighbours.value or () if each.mechanisms]
    if not others or any(each.reply.is_success for each in seen.rcpt.value or ()):
        return None
    return conclude(
        "auth_not_offered_on_port",
        "possible" if _is_this_machine(seen) else "certain",
        "EHLO lists no AUTH here",
        *(f"{each} offers AUTH {' '.join(each.mechanisms)}" for each in others[:3]),
        fix=f"Use {others[0]}.",
        next_probe="",
    )


def _is_this_machine(seen: Evidence) -> bool:
    """Tell whether the server is this machine, whose ports may belong to unrelated servers."""
    host = seen.host
    return host == "localhost" or host.startswith("127.") or host == "::1"


RULES: Final = (
    helo_rejected, helo_rejected_later, starttls_required, auth_not_advertised,
    auth_not_offered_on_port, smtp_inspection_middlebox,
)  # fmt: skip
