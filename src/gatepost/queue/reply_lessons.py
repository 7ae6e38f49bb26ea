"""What a reply teaches about the next hop, beyond the message that it was given for.

RFC 5321 4.2.3 and 4.5.3.1.10 (421, 452), RFC 4954 6 (432, 454), RFC 3463, and observed
replies of providers. The code and the status decide, never the text, except for ``quotas``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gatepost.errors import Phase
from gatepost.model.reply import Esc, Reply
from gatepost.queue.provider_quotas import quota_of

Scope = Literal["message", "host", "hop", "credential"]
"""What it is about: this message, this server, all servers of the target, or our credential."""
Change = Literal[
    "nothing", "fewer_recipients", "fewer_connections", "slower", "pause", "pause_long",
    "pause_quota",
]  # fmt: skip
"""``pause``: for a while; ``pause_long``: until somebody acts, or for a long while;
``pause_quota``: as long as the quota says that is used up."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What to do differently."""

    scope: Scope = "message"
    change: Change = "nothing"


NONE: Final = Lesson()
PAUSE_HOST: Final = Lesson("host", "pause")
PAUSE_CREDENTIAL: Final = Lesson("credential", "pause")
LOGIN_REFUSED: Final = Lesson("credential", "pause_long")
CROWDED: Final = Lesson("hop", "fewer_connections")
QUOTA_USED_UP: Final = Lesson("credential", "pause_quota")
_FEWER: Final = Lesson("hop", "fewer_recipients")

# fmt: off
_BY_STATUS: Final[Mapping[tuple[int, str], Lesson]] = {
    (450, "4.5.127"):  PAUSE_CREDENTIAL,              # ACS: excessive message rate from sender
    (432, "4.3.2"):    CROWDED,                       # Exchange: concurrent connections
    (432, "4.7.12"):   LOGIN_REFUSED,                 # RFC 4954 6: a password transition
    (451, "4.7.500"):  Lesson("hop", "slower"),       # Exchange: server busy
    (451, "4.7.651"):  Lesson("hop", "slower"),       # Outlook.com: reputation
    (452, "4.5.3"):    _FEWER,
    (451, "4.5.3"):    _FEWER,  # OpenSMTPD
    (452, "4.3.1"):    PAUSE_HOST,                    # RFC 3463 3.4: the system is full
    (452, "4.2.2"):    NONE,                          # a mailbox is full
    (421, "4.3.2"):    CROWDED,
    (421, "4.7.0"):    Lesson("hop", "slower"),       # Gmail, Yahoo: unusual rate
    (421, "4.7.28"):   Lesson("hop", "slower"),       # Gmail: unusual rate
}
_BY_PHASE: Final[Mapping[tuple[int, str], Lesson]] = {
    (450, "mail"):     Lesson("hop", "slower"),
    (451, "mail"):     Lesson("hop", "slower"),
    (452, "mail"):     PAUSE_HOST,
    (452, "rcpt"):     _FEWER,
    (452, "data"):     PAUSE_HOST,
    (452, "content"):  PAUSE_HOST,
    (454, "starttls"): PAUSE_HOST,
    (432, "auth"):     LOGIN_REFUSED,
    (454, "auth"):     PAUSE_CREDENTIAL,
    (454, "mail"):     Lesson("hop", "slower"),       # Amazon SES: "Throttling failure"
    (454, "data"):     Lesson("hop", "slower"),
    (454, "content"):  Lesson("hop", "slower"),
}
# fmt: on
_TOO_MANY: Final = Esc(5, 5, 3)
_AT_FIRST: Final = frozenset({"greeting", "ehlo"})
_ADDRESS: Final = 1
"""The subject of an enhanced status (RFC 3463 2)."""
_BEFORE_MAIL: Final = frozenset({"greeting", "ehlo", "starttls", "tls"})


ABOUT_US: Final = frozenset({530, 534, 535, 538})
"""Codes and statuses that ask for a login, another login, or encryption (RFC 4954 6): who
configured the route must solve that, not the sender."""
BAD_SEQUENCE: Final = 503


def is_about_us(phase: Phase, reply: Reply) -> bool:
    """Tell whether a reply is about us, not the message.

    So is a 503 to MAIL: only the session can be out of sequence there (QQ Mail's "need EHLO and
    AUTH first").
    """
    return reply.code in ABOUT_US or (phase == "mail" and reply.code == BAD_SEQUENCE)


_OF_TARGET: Final = frozenset({
    Esc(5, 3, 4),    # RFC 3463 3.4: too large for this system
    Esc(5, 2, 270),  # Exchange Online: above the limit of the mailbox that sends
    Esc(5, 5, 105),  # High Volume Email: recipients in the organisation only
})  # fmt: skip


def is_rule_of_target(reply: Reply) -> bool:
    """Tell whether a refusal is about what this target takes at all: another one may take the same
    mail."""
    return reply.is_permanent and reply.status in _OF_TARGET


def is_of_setup(reply: Reply) -> bool:
    """Tell whether a deferral comes from a missing grant, which somebody must add.

    Exchange Online signs in an application that may not open the mailbox, and then defers each
    message with STOREDRV.
    """
    return (reply.code, str(reply.status)) == (430, "4.2.0")


def lesson_of(reply: Reply, phase: str) -> Lesson:
    """Return what a reply, given in ``phase`` (``errors.Phase``), teaches.

    A 450 or 451 to RCPT or to the content is taken for greylisting, which is about the message; a
    421 later than EHLO for a server that shuts down (RFC 5321 3.8).
    """
    if quota_of(reply) is not None:
        return QUOTA_USED_UP
    if not reply.is_transient:
        return _of_refusal(reply, phase)
    found = _BY_STATUS.get((reply.code, str(reply.status))) if reply.status else None
    if reply.code == 421 and phase in _AT_FIRST:
        return CROWDED  # whatever the status: 4.7.0 is Postfix's for too many connections
    if found is None and not _is_about_address(reply):
        found = _BY_PHASE.get((reply.code, phase))
    if phase == "auth" and (found is None or found.change == "slower"):
        return (
            PAUSE_CREDENTIAL  # the server has seen the secret, and must not get it for each message
        )
    if found is not None:
        return found
    if phase in _BEFORE_MAIL:
        return PAUSE_HOST
    return Lesson("host", "fewer_connections") if reply.code == 421 else NONE


def _is_about_address(reply: Reply) -> bool:
    """Tell whether a status is about the address of the sender, such as 4.1.8 to MAIL, or of a
    recipient (RFC 3463 3.2); another address may be accepted."""
    return reply.status is not None and reply.status.subject == _ADDRESS


def _of_refusal(reply: Reply, phase: str) -> Lesson:
    """Return what a permanent refusal before MAIL teaches: it is about us or the server, not the
    message."""
    if reply.is_success or reply.is_intermediate:
        return NONE
    if phase == "auth":
        return LOGIN_REFUSED
    if phase == "rcpt" and is_for_number(reply):
        return _FEWER
    return PAUSE_HOST if phase in _BEFORE_MAIL else NONE


def is_for_number(reply: Reply) -> bool:
    """Tell whether a 552 to RCPT may be about the number of recipients, and mean 452 (RFC 5321
    4.5.3.1.10)."""
    return reply.code == 552 and reply.status in (None, _TOO_MANY)
