"""The machine-readable part of a notification: message/delivery-status (RFC 3464 2, RFC 6533)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Final

from gatepost.mime.dates import format_date
from gatepost.model.delivery import QueuedMessage
from gatepost.model.dsn import Action, NotificationOrigin, Reported
from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.model.xtext import decode_utf8_xtext, decode_xtext, encode_utf8_xtext

LINE: Final = 76
_WORD: Final = re.compile(r"(\S{900})(?=\S)|\S+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_CLASSES: Final[Mapping[Action, tuple[int, ...]]] = {
    "failed": (5, 4),
    "delayed": (4,),
    "delivered": (2,),
    "relayed": (2,),
    "expanded": (2,),
}
"""The class that fits; a message that expired may have failed with the last 4.y.z (RFC 3464
2.3.4 leaves it to us, RFC 3463 3.5 has 4.4.7 and 5.4.7)."""


def delivery_status(
    original: QueuedMessage,
    reported: Sequence[Reported],
    reporter: NotificationOrigin,
    *,
    utf8: bool,
) -> bytes:
    """Return the whole part with its own MIME fields; with ``utf8`` in UTF-8.

    If it contains ASCII only, it has the type that every program can read.
    """
    groups = [list(_of_message(original, reporter, utf8=utf8))]
    groups += [list(_of_recipient(each, utf8=utf8)) for each in reported]
    text = "\r\n\r\n".join("\r\n".join(group) for group in groups) + "\r\n"
    octets = text.encode("utf-8", "replace")
    kind = "Content-Type: message/delivery-status\r\n"
    if not octets.isascii():
        kind = "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"
    return f"{kind}\r\n".encode() + octets


def status_of(reply: Reply, action: Action) -> EnhancedStatus:
    """Return the status for a reply and for what happened to the mail (RFC 3463 2)."""
    fitting = _CLASSES[action]
    if reply.status is not None and reply.status.klass in fitting:
        return reply.status
    klass = reply.code // 100
    return EnhancedStatus(klass if klass in fitting else fitting[0], 0, 0)


def _of_message(
    original: QueuedMessage, reporter: NotificationOrigin, *, utf8: bool
) -> Iterator[str]:
    """Return the fields about the message (RFC 3464 2.2). ENVID came as xtext and is decoded."""
    if original.envelope.envid is not None:
        decoded = decode_xtext(original.envelope.envid)
        yield _field("Original-Envelope-Id", _clean(decoded, utf8=utf8))
    yield _field("Reporting-MTA", f"dns; {reporter.host}")
    yield _field("Arrival-Date", format_date(original.received_at))


def _of_recipient(reported: Reported, *, utf8: bool) -> Iterator[str]:
    """RFC 3464 2.3. Without ORCPT there is no Original-Recipient (RFC 3461 6.3)."""
    recipient, reply = reported.recipient, reported.reply
    if recipient.orcpt is not None:
        yield _field("Original-Recipient", _original(recipient.orcpt, utf8=utf8))
    address = str(recipient.address)
    if address.isascii():
        yield _field("Final-Recipient", f"rfc822; {address}")
    else:
        spelled = address if utf8 else encode_utf8_xtext(address)
        yield _field("Final-Recipient", f"utf-8; {spelled}")
    yield _field("Action", reported.action)
    yield _field("Status", str(reported.status or status_of(reply, reported.action)))
    if reported.is_remote and reported.host:
        yield _field("Remote-MTA", f"dns; {_clean(_named(reported.host), utf8=utf8)}")
    if reported.is_remote:
        yield _field("Diagnostic-Code", f"smtp; {_clean(str(reply), utf8=utf8)}")
    elif reply.reason:
        yield _field("Diagnostic-Code", f"x-gatepost; {_clean(reply.reason, utf8=utf8)}")
    if reported.attempted_at is not None:
        yield _field("Last-Attempt-Date", format_date(reported.attempted_at))
    if reported.action == "delayed" and reported.retry_until is not None:
        yield _field("Will-Retry-Until", format_date(reported.retry_until))


def _named(host: str) -> str:
    """Return a name as it is, and an address as a literal (RFC 3461 9.3, RFC 5321 4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[{host}]" if address.version == 4 else f"[IPv6:{host}]"


def _original(orcpt: str, *, utf8: bool) -> str:
    """``addr-type;xtext`` decoded; RFC 6533 3 spells UTF-8 addresses in its own way."""
    kind, _, value = orcpt.partition(";")
    decoded = decode_xtext(value)
    if kind.lower() == "utf-8":
        characters = decode_utf8_xtext(decoded)
        spelled = characters if utf8 or characters.isascii() else encode_utf8_xtext(characters)
        return f"{kind}; {_clean(spelled, utf8=utf8)}"
    if not decoded.isprintable() or not decoded.isascii():
        decoded = value
    return f"{kind}; {_clean(decoded, utf8=utf8)}"


def _clean(text: str, *, utf8: bool) -> str:
    """Return text for a field: without line ends and control characters."""
    cleaned = breakable(" ".join(_CONTROL.sub(" ", text).split(" ")).strip())
    return cleaned if utf8 else cleaned.encode("ascii", "replace").decode()


def breakable(text: str) -> str:
    """Return text with a blank in each word that is too long for a line (RFC 5322 2.1.1)."""
    return _WORD.sub(lambda word: f"{word[1]} " if word[1] else word[0], text)


def _field(name: str, value: str) -> str:
    """Return a field, folded at blanks only."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])
