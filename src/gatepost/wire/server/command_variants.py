"""The command table of a server that differs from the RFCs, made from its profile.

A server without such rules uses the ordinary table, so it costs nothing there.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.server_behaviour import ContentRules
from gatepost.wire.server import events
from gatepost.wire.server.commands import COMMANDS, Command, Handler
from gatepost.wire.server.message_inspection import Inspected

if TYPE_CHECKING:
    from gatepost.wire.server.session import Session

CONTENT: Final = "CONTENT"
"""The key for the end of a message, after DATA or BDAT, in the table of answers."""
ANSWERABLE: Final = frozenset(
    {CONTENT, "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP"}
)
"""The commands to which a profile may give a fixed reply."""
_CONTENT: Final = (b"DATA", b"BDAT")
_GREETINGS: Final = (b"EHLO", b"HELO")
MAX_SEEN: Final = 10_000
"""Maximum pairs of sender and recipient that greylisting remembers; the oldest are dropped."""


def commands_of(profile: Profile) -> Mapping[bytes, Command]:
    """Return the commands of this profile's server."""
    changed: dict[bytes, Handler] = {}
    rules = profile.server
    if rules.greylists:
        changed[b"RCPT"] = _Greylist()
    if profile.auth.ehlo_resets:
        changed[b"EHLO"] = _forgetting(COMMANDS[b"EHLO"].handle)
    if rules.refused_names:
        for verb in _GREETINGS:
            before = changed.get(verb, COMMANDS[verb].handle)
            changed[verb] = _picky(before, re.compile(rules.refused_names, re.IGNORECASE))
    if profile.content != ContentRules():
        for verb in _CONTENT:
            changed[verb] = _inspecting(COMMANDS[verb].handle)
    for name, reply in profile.answers.items():
        if name == CONTENT:
            for verb in _CONTENT:
                before = changed.get(verb, COMMANDS[verb].handle)
                changed[verb] = _refusing_content(before, reply)
        else:
            changed[name.encode()] = _answering(reply)
    for name in rules.drops:
        changed[name.upper().encode()] = _drop
    if not changed:
        return COMMANDS
    ours = {
        verb: replace(COMMANDS[verb], handle=handle)
        for verb, handle in changed.items()
        if verb in COMMANDS
    }
    return {**COMMANDS, **ours}


def _answering(reply: Reply) -> Handler:
    def handle(session: "Session", _argument: bytes) -> Reply | None:
        if reply.code != 421:
            return reply
        session.close(reply)
        return None

    return handle


def _drop(session: "Session", _argument: bytes) -> None:
    session.drop()


def _picky(greet: Handler, refused: re.Pattern[str]) -> Handler:
    def handle(session: "Session", argument: bytes) -> Reply | events.Event | None:
        if not refused.fullmatch(argument.decode("ascii", "replace")):
            return greet(session, argument)
        reply = session.replies.HELLO_REFUSED.because("the profile refuses this name")
        if reply.code != 421:
            return reply
        session.close(reply)
        return None

    return handle


def _forgetting(greet: Handler) -> Handler:
    def handle(session: "Session", argument: bytes) -> Reply | events.Event | None:
        session.signed_in_as = None
        return greet(session, argument)

    return handle


def _inspecting(begin: Handler) -> Handler:
    def handle(session: "Session", argument: bytes) -> Reply | events.Event | None:
        rules, utf8 = session.profile.content, session.wants_utf8
        session.read_through(Inspected(rules, session.replies, session.refuse_content, utf8=utf8))
        return begin(session, argument)

    return handle


def _refusing_content(begin: Handler, reply: Reply) -> Handler:
    def handle(session: "Session", argument: bytes) -> Reply | events.Event | None:
        answer = begin(session, argument)
        if answer is None or answer is session.replies.START_CONTENT:
            session.refuse_content(reply)
        return answer

    return handle


class _Greylist:
    """RCPT: a new pair of sender and recipient is refused until it comes in another session."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}
        """From sender and recipient to the serial number of the session that named them first."""

    def __call__(self, session: "Session", argument: bytes) -> Reply | events.Event | None:
        answer = COMMANDS[b"RCPT"].handle(session, argument)
        if not isinstance(answer, events.Rcpt):
            return answer
        pair = session.sender, answer.recipient.address.key
        first = self._seen.setdefault(pair, session.serial)
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        if first != session.serial:
            return answer
        return session.replies.GREYLISTED.because("the profile greylists: the first attempt")
