"""The planner: which mechanisms to try, in which order, and why not the others. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from gatepost.errors import LocalProtocolError
from gatepost.model.credentials import Credentials
from gatepost.model.mechanism_plan import Choice, Plan
from gatepost.model.reply import Reply
from gatepost.sasl import mechanisms
from gatepost.sasl.channel import Channel
from gatepost.sasl.exchange import ExchangeContext
from gatepost.sasl.mechanisms import MECHANISMS

# A token before a password: who gives both wants the one that expires, is good for one purpose,
# and is what providers are moving to; the standard OAUTHBEARER before its ancestor XOAUTH2.
# Bound to the connection before unbound, because it unmasks a man in the middle; -PLUS with SHA-1
# before plain SHA-256, because binding protects from more than the stronger hash does.
# SCRAM before PLAIN: the server never sees the password. PLAIN before LOGIN: one round trip, and a
# standard. CRAM-MD5 last: under TLS it adds nothing, servers often advertise it though they keep
# no plain passwords to check it with, and its wrong refusal ends the attempt. Without TLS it is
# what remains when there is no SCRAM. EXTERNAL only with nothing else to prove.
PREFERENCE: Final = (
    "OAUTHBEARER",
    "XOAUTH2",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "EXTERNAL",
)

_MERITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "OAUTHBEARER": "a token, the standard way",
        "XOAUTH2": "a token, the way of Google and Microsoft",
        "SCRAM-SHA-512-PLUS": "keeps the password here and is bound to this TLS connection",
        "SCRAM-SHA-256-PLUS": "keeps the password here and is bound to this TLS connection",
        "SCRAM-SHA-1-PLUS": "keeps the password here and is bound to this TLS connection",
        "SCRAM-SHA-512": "keeps the password here, and the server proves itself too",
        "SCRAM-SHA-256": "keeps the password here, and the server proves itself too",
        "SCRAM-SHA-1": "keeps the password here, and the server proves itself too",
        "PLAIN": "sends the password once",
        "LOGIN": "sends the name and the password after two prompts",
        "CRAM-MD5": "keeps the password here, but a listener can try guesses against it",
        "EXTERNAL": "the client certificate identifies us",
    }
)

_UNSPOKEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DIGEST-MD5": "it was retired by RFC 6331",
        "NTLM": "it is Microsoft's own, and superseded",
        "GSSAPI": "it needs Kerberos",
        "XOAUTH": "it is OAuth 1, long shut down",
        "ANONYMOUS": "it proves nothing",
    }
)


class _Case(NamedTuple):
    """One mechanism, judged by all known facts."""

    name: str
    offered: tuple[str, ...]
    credentials: Credentials
    channel: Channel
    only: str
    allowed: Collection[str]


def plan(
    offered: Sequence[str],
    credentials: Credentials,
    channel: Channel,
    *,
    only: str = "",
    allowed: Collection[str] = (),
) -> Plan:
    """Return a choice for every mechanism that we support or the server offers, usable ones first.

    ``offered`` is the list in EHLO on this connection. ``only`` is the one mechanism to use,
    advertised or not; it does not permit to send a secret unprotected. ``allowed`` are those that
    may be used, in upper case; empty: all.
    """
    names = tuple(dict.fromkeys(name.upper() for name in offered))
    wanted = only.upper()
    taken: list[Choice] = []
    skipped: list[Choice] = []
    for name in PREFERENCE:
        case = _Case(name, names, credentials, channel, wanted, allowed)
        choice = _choose(case)
        (taken if choice.taken else skipped).append(choice)
    foreign = [name for name in (*names, wanted) if name and name not in MECHANISMS]
    skipped.extend(Choice(name, False, _foreign(name)) for name in dict.fromkeys(foreign))
    return Plan((*taken, *skipped))


def _choose(case: _Case) -> Choice:
    for object_to, finding in _OBJECTIONS:
        if objection := object_to(case):
            return Choice(case.name, False, objection, finding)
    return Choice(case.name, True, _why(case))


def _why(case: _Case) -> str:
    merit = _MERITS[case.name]
    if MECHANISMS[case.name].kind.reveals_secret:
        merit += (
            ", under TLS" if case.channel.encrypted else ", in clear to this machine, as allowed"
        )
    if not case.only:
        return merit
    unlisted = "" if case.name in case.offered else ", though the server does not list it"
    return f"asked for by name{unlisted}; {merit}"


def _foreign(name: str) -> str:
    reason = _UNSPOKEN.get(name, "it is unknown")
    return f"not supported: {reason}"


def _another_was_asked_for(case: _Case) -> str:
    return f"only {case.only} was asked for" if case.only not in ("", case.name) else ""


def _not_allowed(case: _Case) -> str:
    if not case.allowed or case.name in case.allowed:
        return ""
    return f"only {' '.join(case.allowed)} may be used here"


def _not_offered(case: _Case) -> str:
    if case.name in case.offered or case.name == case.only:
        return ""
    if case.offered:
        return f"the server offers only {' '.join(case.offered)}"
    if case.channel.encrypted:
        return "the server offers no AUTH at all"
    return "the server offers no AUTH in clear; many do so once TLS has started"


def _nothing_to_prove(case: _Case) -> str:
    match MECHANISMS[case.name].needs:
        case "password":
            return "" if case.credentials.password is not None else "no password was given"
        case "token":
            return "" if case.credentials.token is not None else "no token was given"
        case "certificate":
            return _no_certificate(case)


def _no_certificate(case: _Case) -> str:
    if not case.credentials.certificate:
        return "no client certificate was presented"
    if not case.channel.encrypted:
        return "a client certificate works only over TLS"
    if case.credentials.password is not None or case.credentials.token is not None:
        return "" if case.only else "a password or token was given, and is used instead"
    return ""


def _would_reveal_in_clear(case: _Case) -> str:
    if case.channel.encrypted or not _does_reveal(case):
        return ""
    return "it reveals the secret, and there is no TLS"


def _would_reveal_to_anybody(case: _Case) -> str:
    if not _does_reveal(case):
        return ""
    return "the server's certificate is not verified: anybody could be reading the secret"


def _does_reveal(case: _Case) -> bool:
    return MECHANISMS[case.name].kind.reveals_secret and not case.channel.is_private


def _not_bound(case: _Case) -> str:
    if not case.name.endswith("-PLUS"):
        return ""
    if not case.channel.encrypted:
        return "there is no TLS connection to be bound to"
    if case.channel.binding is not None:
        return ""
    return (
        "this TLS connection gives no channel binding: Python's ssl module exports no keying "
        "material (tls-exporter), and no certificate with a usable hash is at hand "
        "(tls-server-end-point)"
    )


def _cannot_carry(case: _Case) -> str:
    """Return why a mechanism cannot transport the credentials; empty if it can."""
    side = ExchangeContext(case.channel, case.offered, nonce="trial")
    try:
        mechanisms.client(case.name, case.credentials, side)
    except LocalProtocolError as unusable:
        return str(unusable)
    return ""


# fmt: off
_OBJECTIONS: Final[tuple[tuple[Callable[[_Case], str], str], ...]] = (
    (_another_was_asked_for,   ""),
    (_not_allowed,             "client_mechanism_filter_wrong"),
    (_not_offered,             "mechanism_not_offered"),
    (_nothing_to_prove,        "mechanism_not_offered"),
    (_would_reveal_in_clear,   "auth_before_tls_refused_by_client"),
    (_would_reveal_to_anybody, "client_accepts_invalid_cert"),
    (_not_bound,               ""),
    (_cannot_carry,            ""),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class NextMechanism:
    """What to do after a refusal: ``mechanism`` is the next to try, empty to stop."""

    mechanism: str
    reason: str
    blames_mechanism: bool = False
    """The mechanism was refused, and no secret was checked."""


def after_refusal(
    reply: Reply, remaining: Sequence[str], *, secret_sent: bool, to_command: bool
) -> NextMechanism:
    """Decide whether the next of ``remaining`` may be tried after ``reply`` refused one.

    ``secret_sent``: the secret or a proof made from it was sent (``Mechanism.secret_in``).
    ``to_command``: the reply was to the AUTH command itself, not to a later response. A wrong
    secret must count only once at the provider, so nothing more is tried unless the reply says that
    the mechanism was refused, not the secret.
    """
    if not _is_about_mechanism(reply.code, secret_sent, to_command):
        return NextMechanism("", _why_stop(reply.code, secret_sent))
    if not remaining:
        return NextMechanism("", f"{reply.code} refused the mechanism, and no other is left", True)
    return NextMechanism(
        remaining[0], f"{reply.code} refused the mechanism; no secret was checked", True
    )


def _is_about_mechanism(code: int, secret_sent: bool, to_command: bool) -> bool:
    match code:
        case 504:  # unrecognized authentication type (RFC 4954 4)
            return True
        case 500 | 501 | 502 | 538:  # not understood, not implemented, or not without TLS
            return to_command
        case 534 | 535:  # too weak a mechanism, or (AttemptRunner) one that is not available
            return not secret_sent
    return False


def _why_stop(code: int, secret_sent: bool) -> str:
    match code:
        case 534 | 535 if secret_sent:
            return f"{code} refused the secret: another mechanism would only repeat the failure"
        case 432 | 454 | 421:
            return f"{code} is about the account or the server, not the mechanism: try later"
    return f"{code} does not blame the mechanism"
