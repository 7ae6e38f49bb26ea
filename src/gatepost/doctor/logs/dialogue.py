"""Reconstructs a dialogue from lines: who said what, which reply belongs to which command, where
TLS began."""

import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.diagnosis.rules.dialogue import SHORTEST_CUT
from gatepost.doctor.logs.log_format import VERB
from gatepost.doctor.logs.prose import place_of
from gatepost.doctor.logs.redaction import MARK, unmarked
from gatepost.model.evidence import (
    AuthAttempt,
    CommandExchange,
    EhloExchange,
    Greeting,
    Position,
    ResponseFormat,
    Stray,
)
from gatepost.model.reply import Reply
from gatepost.model.transcript import MAX_LINE, MAX_LINES, Line
from gatepost.wire.capabilities import parse_capabilities
from gatepost.wire.replies import parse_reply

_REPLY_LINE: Final = re.compile(r"([2-5]\d\d)(?:([ -])(.*))?$", re.DOTALL)
_GREETS: Final = re.compile(r"(?i)[\w-]+(?:\.[\w-]+)+\s.*(?:smtp|mail|ready)")
_PATH: Final = re.compile(r":\s*<([^>]*)>|:\s*(\S+)")
_EXTENSIONS: Final = re.compile(
    r"(?i)^(?:AUTH|SIZE|PIPELINING|STARTTLS|8BITMIME|ENHANCEDSTATUSCODES|CHUNKING|SMTPUTF8|DSN)\b"
)
_POSITION: Final[dict[str, Position]] = {
    "EHLO": "ehlo", "HELO": "ehlo", "LHLO": "ehlo", "STARTTLS": "starttls", "AUTH": "auth",
    "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "BDAT": "data", ".": "data",
}  # fmt: skip
MAX_OF_A_KIND: Final = 100
"""Maximum logins, greetings or recipients that are kept of a log; one session has few."""
_START_DATA: Final = 354
_MORE: Final = 334


@dataclass(slots=True)
class Sent:
    """A command that waits for its reply."""

    verb: str
    text: str
    tls: bool
    responses: list[ResponseFormat] = field(default_factory=list)
    prompted: bool = False


class Dialogue:
    """Takes lines in order; its attributes are what it has seen."""

    def __init__(
        self, responses: list[ResponseFormat], *, tls: bool = False, from_start: bool = False
    ) -> None:
        """``from_start``: the first reply is the greeting, whatever was said before it."""
        self.tls = self.began_with_tls = tls
        self.lines: list[Line] = []
        self.greeting: Greeting | None = None
        self.hellos: list[tuple[bool, EhloExchange]] = []
        self.starttls: Reply | None = None
        self.attempts: list[AuthAttempt] = []
        self.mail: CommandExchange | None = None
        self.rcpt: list[CommandExchange] = []
        self.content: Reply | None = None
        self.strays: list[Stray] = []
        self.position: Position = "resolve"
        self._responses = responses
        self._pending: deque[Sent] = deque([Sent("greeting", "", tls)] if from_start else [])
        self._reply: list[str] = []
        self._in_content = False
        self._unread = False  # the client answered, and the server has not replied

    @property
    def in_content(self) -> bool:
        """The message itself is being sent."""
        return self._in_content

    @property
    def signed_in(self) -> bool:
        """A 235 was seen."""
        return any(each.reply.code == 235 for each in self.attempts)

    def client(self, text: str) -> None:
        """Take one line from the client."""
        if self._in_content:
            if text.rstrip() != ".":
                return
            self._in_content = False
            self._sent(Sent(".", text, self.tls))
        elif self._pending and self._pending[-1].verb == "AUTH" and not VERB.match(text):
            self._responded(self._pending[-1], self._marked(text))
        elif match := VERB.match(text):
            verb = match[0].split()[0].upper()
            self._sent(Sent(verb, text, self.tls, list(self._marked(text))))
        elif text.strip() == "*":
            self._sent(Sent("*", text, self.tls))  # behind the refusal, as Go's net/smtp says it
        self.note("C", text)

    def _responded(self, sent: Sent, now: list[ResponseFormat]) -> None:
        """Take a response, or the rest of one that was cut, if there was no prompt for it."""
        before = sent.responses
        if self._unread and sent.prompted and now and before and before[-1].octets >= SHORTEST_CUT:
            now = [replace(now[0], lines=2), *now[1:]]
        before.extend(now)
        self._unread = True

    def other(self, text: str) -> None:
        """Treat ``text`` as a line of the client that is not a command: ignore its reply."""
        self._sent(Sent("*", text, self.tls))
        self.note("C", text)

    def server(self, text: str) -> None:
        """Take one line from the server."""
        self.note("S", text)
        match = _REPLY_LINE.match(text)
        if match is None:
            return
        self._reply.append(text)
        if match[2] != "-":
            self._unread = False
            lines, self._reply = tuple(self._reply), []
            self._replied(parse_reply(tuple(unmarked(each) for each in lines)))

    def tls_started(self) -> None:
        """Note that TLS is up from here."""
        self.tls = True

    def finish(self) -> None:
        """End the log: commands without a reply stay without one."""
        if self._reply:
            lines, self._reply = tuple(map(unmarked, self._reply)), []
            self._replied(parse_reply(lines))
        self._left_off()

    def _left_off(self) -> None:
        """End a session, or begin another one: pending commands get no reply."""
        for sent in self._pending:
            if sent.verb == "AUTH":
                self._attempt(sent, Reply(0))
                break
        self._pending.clear()
        self._in_content = False

    def note(self, speaker: str, text: str) -> None:
        """Add a line without a conclusion from it."""
        if len(self.lines) < MAX_LINES:
            shown = unmarked(text)[:MAX_LINE]
            self.lines.append(Line("C" if speaker == "C" else "S", shown, self.tls))

    def _marked(self, text: str) -> list[ResponseFormat]:
        found = [self._responses[int(number)] for number in MARK.findall(text)]
        if not found and text.strip() == "*":
            return [ResponseFormat(1, "cancel")]
        if not found and not text.strip():
            return [ResponseFormat(0, "base64")]
        return found

    def _sent(self, sent: Sent) -> None:
        self._pending.append(sent)
        self.position = _POSITION.get(sent.verb, self.position)

    def _replied(self, reply: Reply) -> None:
        if self._pending and self._pending[0].verb != "STARTTLS" and _is_greeting(reply):
            self._left_off()
        if not self._pending:
            self._unasked(reply)
            return
        sent = self._pending[0]
        if sent.verb == "AUTH" and reply.code == _MORE:
            sent.prompted = True
            self._challenged(sent)
            return
        self._pending.popleft()
        if _looks_like_hello(reply) and sent.verb not in ("EHLO", "HELO", "LHLO"):
            self._hello("", reply)  # the log left the EHLO out
            self._pending.appendleft(sent)
            return
        self._answered(sent, reply)

    def _answered(self, sent: Sent, reply: Reply) -> None:
        match sent.verb:
            case "HELO" if reply.is_success:
                pass  # it lists nothing
            case "*":
                pass
            case "greeting":
                self.greeting = Greeting(reply)
            case "EHLO" | "HELO" | "LHLO":
                self._hello(sent.text[4:].strip(), reply)
            case "STARTTLS":
                self.starttls = reply
                self.tls = self.tls or reply.is_success
            case "AUTH":
                self._attempt(sent, reply)
            case "MAIL":
                self.mail = CommandExchange(_argument(sent.text), reply, sent.tls, self.signed_in)
            case "RCPT" if len(self.rcpt) < MAX_OF_A_KIND:
                self.rcpt.append(
                    CommandExchange(_argument(sent.text), reply, sent.tls, self.signed_in)
                )
            case "DATA" if reply.code == _START_DATA:
                self._in_content = True
            case "DATA" | "BDAT" | ".":
                self.content = reply
            case _ if reply.code >= 400:
                self.strays.append(Stray(reply, place_of(reply)))

    def _unasked(self, reply: Reply) -> None:
        """Take a reply to something that the log does not show."""
        if self._in_content:
            self._in_content = False
            self.content = reply
        elif _looks_like_hello(reply):
            self._hello("", reply)
        elif _is_greeting(reply) and (self.hellos or self.greeting):
            self.tls = self.began_with_tls  # another session
        elif reply.code == 220 and (self.hellos or self.greeting):
            self.starttls, self.tls = reply, True
        elif reply.code == 220:
            self.greeting = Greeting(reply)
        elif reply.code == 235:
            self._attempt(Sent("AUTH", "AUTH", self.tls), reply)
        elif reply.code == _MORE:
            self._challenged(Sent("AUTH", "AUTH", self.tls))
        elif reply.code >= 400:
            self.strays.append(Stray(reply, self._place(reply)))

    def _place(self, reply: Reply) -> Position | None:
        """Return the position of an unexpected refusal, by itself or by what preceded it."""
        place = place_of(reply)
        if place is None and not self.lines[:-1] and reply.code in (421, 554):
            return "greeting"
        return place

    def _hello(self, name: str, reply: Reply) -> None:
        if len(self.hellos) >= MAX_OF_A_KIND:
            return
        listed = reply
        if _EXTENSIONS.match(reply.text):  # the log left out the line with the server's name
            listed = replace(reply, text=f"server\n{reply.text}")
        self.hellos.append((self.tls, EhloExchange(name, reply, parse_capabilities(listed))))
        self.position = "ehlo"

    def _challenged(self, sent: Sent) -> None:
        self.position = "auth"
        if sent not in self._pending:
            self._pending.append(sent)
        sent.prompted = True

    def _attempt(self, sent: Sent, reply: Reply) -> None:
        words = sent.text.split()
        mechanism = words[1].strip("'\"").upper() if len(words) > 1 else ""
        done = any(each.form == "cancel" for each in sent.responses)
        attempt = AuthAttempt(
            mechanism,
            "initial" if len(words) > 2 else "bare",
            reply,
            sent.tls,
            secret_sent=reply.code > 0 and not done and _gave_secret(sent, mechanism),
            cancelled=done,
            accepted=sent.prompted or reply.code == 235,
            responses=tuple(sent.responses),
        )
        if len(self.attempts) < MAX_OF_A_KIND:
            self.attempts.append(attempt)
        self.position = "auth"


def _gave_secret(sent: Sent, mechanism: str) -> bool:
    """Tell whether the secret was sent: LOGIN's is the second response."""
    if mechanism == "LOGIN":
        return len(sent.responses) > 1
    return bool(sent.responses)


def _is_greeting(reply: Reply) -> bool:
    """Distinguish a greeting from the reply to STARTTLS."""
    return reply.code == 220 and reply.status is None and _GREETS.match(reply.text) is not None


def _looks_like_hello(reply: Reply) -> bool:
    if reply.code != 250:
        return False
    lines = reply.lines
    known = sum(_EXTENSIONS.match(line) is not None for line in lines)
    return (
        known > 1
        or (known == 1 and len(lines) > 1)
        or (len(lines) == 1 and lines[0].upper().startswith(("AUTH ", "STARTTLS")))
    )


def _argument(text: str) -> str:
    match = _PATH.search(text)
    return next((each for each in match.groups() if each is not None), "") if match else ""
