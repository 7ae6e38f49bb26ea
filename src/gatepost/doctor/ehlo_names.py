"""The name in EHLO: whether a refusal is about it, and which one would be taken."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.doctor.talk import Talk
from gatepost.doctor.visit import Errand
from gatepost.model.evidence import Command, Evidence, Renamed
from gatepost.model.reply import Reply

NEUTRAL: Final = "client.example.com"
"""A full host name that nobody can object to; RFC 2606 keeps it free."""
_OUT_OF_ORDER: Final = 503
"""Names EHLO as a command, not its argument (RFC 5321 4.3.2)."""
_ABOUT_THE_NAME: Final = re.compile(r"\b(helo|ehlo)\b", re.IGNORECASE)


def literal_of(talk: Talk) -> str:
    """Return our own address as EHLO takes it (RFC 5321 4.1.3)."""
    address = talk.stream.local_address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def is_about_the_name(reply: Reply) -> bool:
    """Tell whether a refusal speaks of EHLO's name."""
    about = _ABOUT_THE_NAME.search(reply.text) is not None and reply.code != _OUT_OF_ORDER
    return about and not reply.is_success


def refused_for_the_name(seen: Evidence) -> bool:
    """Servers like Postfix refuse the name of EHLO only when mail comes."""
    said: list[Command] = [*filter(None, (seen.mail.value,)), *(seen.rcpt.value or ())]
    return any(is_about_the_name(each.reply) for each in said)


def under_other_names(
    errand: Errand, names: tuple[str, ...], greet: Callable[[str], Talk]
) -> Iterator[Renamed]:
    """Say MAIL and RCPT under each name, until one is not refused for it.

    ``greet`` leads, on a new connection, to where MAIL may follow. Nobody signs in for this.
    """
    for name in names:
        talk = greet(name)
        reply = talk.ask(f"MAIL FROM:<{errand.mail_from}>", "mail")
        if reply.is_success and errand.rcpt_to:
            reply = talk.ask(f"RCPT TO:<{errand.rcpt_to[0]}>", "rcpt")
        yield Renamed(name, reply)
        if not is_about_the_name(reply):
            return
