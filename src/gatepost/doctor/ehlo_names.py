"""The name in EHLO: whether a refusal is about it, and which one would be accepted."""

from collections.abc import Callable, Iterator
from typing import Final

from gatepost.diagnosis.rules.ehlo import is_about_name
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Checks
from gatepost.model.evidence import Evidence, Renamed

NEUTRAL: Final = "client.example.com"
"""A full host name to which no server can object; reserved by RFC 2606."""


def literal_of(talk: Talk) -> str:
    """Return our own address as an address literal for EHLO (RFC 5321 4.1.3)."""
    address = talk.stream.local_address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def is_refused_for_name(seen: Evidence) -> bool:
    """Tell whether MAIL or RCPT was refused because of EHLO's name, as by Postfix."""
    return any(is_about_name(each.reply) for each in seen.envelope)


def try_other_names(
    checks: Checks, names: tuple[str, ...], greet: Callable[[str], Talk]
) -> Iterator[Renamed]:
    """Send MAIL and RCPT with each name, until one is not refused because of it.

    ``greet`` opens a new connection up to where MAIL may follow. No login is made for this.
    """
    for name in names:
        talk = greet(name)
        reply = talk.ask(f"MAIL FROM:<{checks.mail_from}>", "mail")
        if reply.is_success and checks.rcpt_to:
            reply = talk.ask(f"RCPT TO:<{checks.rcpt_to[0]}>", "rcpt")
        yield Renamed(name, reply)
        if not is_about_name(reply):
            return
