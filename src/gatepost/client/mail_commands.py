"""The commands MAIL and RCPT, with the parameters that the server supports.

RFC 1870 6 (SIZE), RFC 6152 2 (BODY), RFC 3030 3 (BINARYMIME), RFC 6531 3.4 (SMTPUTF8), RFC 4954 5
(AUTH=), RFC 3461 4 (RET, ENVID, NOTIFY, ORCPT).
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from gatepost.errors import LocalProtocolError, MissingExtension
from gatepost.model.address import Address, parse_path
from gatepost.model.capabilities import Capabilities
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.idn import a_labels
from gatepost.model.xtext import encode_xtext, without_utf8

_VALUE: Final = re.compile(r"[\x21-\x7e\u0080-\U0010ffff]+")
_NOTIFY: Final = ("NEVER", "SUCCESS", "FAILURE", "DELAY")


def in_ascii(envelope: Envelope, offered: Capabilities) -> Envelope:
    """Return the envelope in a form for a server without SMTPUTF8.

    A domain that is not ASCII has an ASCII form (RFC 5890 2.3.2.1); a local part has none, and
    ``mail_command`` refuses it. With SMTPUTF8 nothing changes.
    """
    if envelope.is_ascii or "SMTPUTF8" in offered:
        return envelope
    people = tuple(
        replace(each, address=_with_a_labels(each.address)) for each in envelope.recipients
    )
    sender = envelope.sender
    return replace(envelope, sender=sender and _with_a_labels(sender), recipients=people)


def _with_a_labels(address: Address) -> Address:
    if address.domain.isascii() or not address.local.isascii():
        return address
    try:
        return replace(address, domain=a_labels(address.domain))
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None


def mail_command(envelope: Envelope, offered: Capabilities, size: int) -> str:
    """Return MAIL FROM for a message of ``size`` octets.

    Optional information (SIZE, AUTH=, DSN parameters) is omitted if the server does not support it;
    if a required extension is missing, MissingExtension is raised. Raises LocalProtocolError for
    invalid addresses or parameters.
    """
    words = [f"MAIL FROM:{_path(envelope.sender)}"]
    if "SIZE" in offered:
        words.append(f"SIZE={size}")
    if envelope.body == "8BITMIME":
        _demand("8BITMIME", offered, "the message holds 8-bit text")
        words.append("BODY=8BITMIME")
    elif envelope.body == "BINARYMIME":
        _demand("BINARYMIME", offered, "the message is binary")
        _demand("CHUNKING", offered, "the message is binary")
        words.append("BODY=BINARYMIME")
    if needs_smtputf8(envelope):
        _demand("SMTPUTF8", offered, "an address or a header field is not ASCII")
        words.append("SMTPUTF8")
    if envelope.auth is not None and "AUTH" in offered:
        words.append(f"AUTH={encode_xtext(envelope.auth)}")
    if "DSN" in offered:
        if envelope.ret is not None:
            words.append(f"RET={_value(envelope.ret)}")
        if envelope.envid is not None:
            words.append(f"ENVID={_value(envelope.envid)}")
    return " ".join(words)


def rcpt_command(recipient: Recipient, offered: Capabilities) -> str:
    """Return RCPT TO. Raises LocalProtocolError."""
    words = [f"RCPT TO:{_path(recipient.address)}"]
    if "DSN" in offered:
        if recipient.notify:
            wishes = ",".join(wish for wish in _NOTIFY if wish in recipient.notify)
            words.append(f"NOTIFY={_value(wishes)}")
        if recipient.orcpt is not None:
            orcpt = recipient.orcpt
            if recipient.address.is_ascii:  # MAIL need not say SMTPUTF8 (RFC 6533 3)
                orcpt = without_utf8(orcpt)
            words.append(f"ORCPT={_value(orcpt)}")
    return " ".join(words)


def needs_smtputf8(envelope: Envelope) -> bool:
    """Return True if the envelope says so, or an address is not ASCII."""
    return envelope.smtputf8 or not envelope.is_ascii


@lru_cache(maxsize=1024)
def _path(address: Address | None) -> str:
    """Return the path, after checking with our own grammar that it is nothing else."""
    path = f"<{address or ''}>"
    if address is not None and (address.local.lower(), address.domain) == ("postmaster", ""):
        return path
    try:
        parsed, rest = parse_path(path)
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    if parsed != address or rest:
        raise LocalProtocolError(f"not a mailbox: {path[:80]!r}")
    return path


def _value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise LocalProtocolError(f"not a parameter's value: {text[:80]!r}")
    return text


def _demand(extension: str, offered: Capabilities, because: str) -> None:
    if extension not in offered:
        raise MissingExtension(f"{because}, and the server does not offer {extension}")
