"""EHLO: a name that is refused, TLS that is wanted first, no AUTH at all."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply

_TLS: Final = re.compile(r"\b(start)?tls\b", re.IGNORECASE)


def helo_rejected(seen: Evidence) -> Finding | None:
    """The server does not like what the client calls itself."""
    hello = seen.in_clear.value or seen.over_tls.value
    if hello is None or hello.reply.is_success:
        return None
    other = seen.other_name.value
    accepted = other is not None and other.reply.is_success
    proof = [f"EHLO {hello.name} was answered {hello.reply}"]
    if other is not None:
        proof.append(f"EHLO {other.name} was answered {other.reply.code}")
    return Finding(
        "helo_rejected",
        "certain" if accepted else "likely",
        f"The server refuses a client that calls itself {hello.name}.",
        tuple(proof),
        "ehlo",
        "Set the name that the client says in EHLO to a full host name of its own, or to its "
        "address in brackets.",
        explains=("auth", "mail"),
        next_probe="" if accepted else "EHLO with a full host name",
    )


def starttls_required(seen: Evidence) -> Finding | None:
    """The client stays in clear where the server wants TLS."""
    if seen.client.tls not in ("none", "auto") or not seen.offers_starttls:
        return None
    refused = tuple(_refused_in_clear(seen))
    only_over_tls = bool(seen.offered_over_tls) and not seen.offered_in_clear
    stays_in_clear = seen.client.tls == "none"
    if not refused and not (stays_in_clear and only_over_tls):
        return None
    proof = ["EHLO in clear offers STARTTLS", *refused]
    if only_over_tls:
        proof.append(f"AUTH is listed only after STARTTLS: {' '.join(seen.offered_over_tls)}")
    elif not seen.offered_in_clear:
        proof.append("EHLO in clear lists no AUTH")
    return Finding(
        "starttls_required",
        "certain" if refused or seen.client.signs_in else "likely",
        "The server wants TLS before anything else, and the client stays in clear.",
        tuple(proof),
        "ehlo",
        "Switch STARTTLS on in the client (not implicit TLS: this port begins in clear), and "
        "let it fail rather than go on without.",
        explains=("auth", "mail"),
    )


def _refused_in_clear(seen: Evidence) -> Iterator[str]:
    """Yield each refusal before TLS that TLS would have spared."""
    for attempt in seen.attempts:
        if not attempt.tls and not attempt.accepted and _wants_tls(seen, attempt.reply):
            yield f"AUTH {attempt.mechanism} in clear was answered {attempt.reply}"
    mail = seen.mail.value
    if mail is not None and not mail.tls and _wants_tls(seen, mail.reply):
        yield f"MAIL FROM in clear was answered {mail.reply}"


def _wants_tls(seen: Evidence, reply: Reply) -> bool:
    """By code where it says so (RFC 3207 4, RFC 4954 6); by text where 530 has two meanings."""
    if reply.code < 400:
        return False
    if reply.code == 538 or _TLS.search(reply.text):
        return True
    return not seen.offered_in_clear and reply.code in (451, 500, 502, 503, 504, 530)


def auth_not_advertised(seen: Evidence) -> Finding | None:
    """No AUTH, neither before nor after TLS, and the client wants to sign in."""
    if not seen.client.signs_in or seen.offered:
        return None
    last = seen.over_tls.value or seen.in_clear.value
    if last is None or not last.reply.is_success:
        return None
    tls_unseen = seen.offers_starttls and seen.over_tls.value is None
    if tls_unseen or any(each.reply.is_success for each in seen.rcpt.value or ()):
        return None
    proof = []
    if seen.in_clear.value is not None:
        proof.append("EHLO in clear lists no AUTH")
        if not seen.offers_starttls:
            proof.append("EHLO offers no STARTTLS, behind which AUTH could be")
    if seen.over_tls.value is not None:
        proof.append("EHLO over TLS lists no AUTH")
    proof += [f"AUTH {each.mechanism} was answered {each.reply}" for each in seen.attempts]
    return Finding(
        "auth_not_advertised",
        "certain",
        "The server lets nobody sign in on this port.",
        tuple(proof),
        "ehlo",
        "Use the provider's submission port (587 or 465; 25 is for mail exchange), switch AUTH on "
        "in your own server, or send without signing in if it trusts your address.",
        explains=("auth",),
        next_probe="MAIL and RCPT without AUTH (--from, --to), and the ports 587 and 465",
    )


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (
    helo_rejected, starttls_required, auth_not_advertised,
)  # fmt: skip
