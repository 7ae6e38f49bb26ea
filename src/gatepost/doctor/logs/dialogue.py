"""Reconstructs a dialogue from lines, as evidence: who sent what, which reply belongs to which
command, where TLS began."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from gatepost.diagnosis.rules.log_dialogue import SHORTEST_CUT
from gatepost.doctor.logs.log_format import VERB
from gatepost.doctor.logs.prose import phase_of
from gatepost.doctor.logs.redaction import MARK, unmarked
from gatepost.model.evidence import (
    AuthAttempt,
    CommandExchange,
    DialoguePhase,
    EhloExchange,
    Evidence,
    Fact,
    Greeting,
    LoginFormat,
    ResponseFormat,
    Stray,
    seen,
)  # fmt: skip
from gatepost.model.reply import Reply
from gatepost.model.transcript import MAX_LINE, MAX_LINES, Line
from gatepost.wire.ehlo_reply import parse_capabilities
from gatepost.wire.reply_reader import parse_reply

T = TypeVar("T")
_REPLY_LINE: Final = re.compile(r"([2-5]\d\d)(?:([ -])(.*))?$", re.DOTALL)
_GREETS: Final = re.compile(r"(?i)[\w-]+(?:\.[\w-]+)+\s.*(?:smtp|mail|ready)")
_PATH: Final = re.compile(r":\s*<([^>]*)>|:\s*(\S+)")
_EXTENSIONS: Final = re.compile(
    r"(?i)^(?:AUTH|SIZE|PIPELINING|STARTTLS|8BITMIME|ENHANCEDSTATUSCODES|CHUNKING|SMTPUTF8|DSN)\b"
)
_PHASES: Final[dict[str, DialoguePhase]] = {
    "EHLO": "ehlo", "HELO": "ehlo", "LHLO": "ehlo", "STARTTLS": "starttls", "AUTH": "auth",
    "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "BDAT": "data", ".": "data",
}  # fmt: skip
MAX_OF_A_KIND: Final = 100
"""Maximum logins, greetings or recipients that are kept of a log; one session has few."""
_START_DATA: Final = 354
_MORE: Final = 334


@dataclass(slots=True)
class PendingCommand:
    """A command that waits for its reply."""

    verb: str
    text: str
    tls: bool
    responses: list[ResponseFormat] = field(default_factory=list)
    prompted: bool = False


class DialogueReader:
    """Takes lines in order; its attributes are the dialogue so far."""

    def __init__(
        self, responses: list[ResponseFormat], *, tls: bool = False, from_start: bool = False
    ) -> None:
        """``from_start``: the first reply is the greeting, whatever precedes it."""
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
        self.phase: DialoguePhase = "resolve"
        self._responses = responses
        self._pending: deque[PendingCommand] = deque()
        if from_start:
            self._pending.append(PendingCommand("greeting", "", tls))
        self._reply: list[str] = []
        self.is_in_content = False
        """The message itself is being sent."""
        self._is_unanswered = False  # the client sent a response, and the server has not replied

    @property
    def is_signed_in(self) -> bool:
        """Whether a 235 was seen."""
        return any(each.reply.code == 235 for each in self.attempts)

    def feed_client(self, text: str) -> None:
        """Take one line from the client."""
        if self.is_in_content:
            if text.rstrip() != ".":
                return
            self.is_in_content = False
            self._record_command(".", text)
        elif self._pending and self._pending[-1].verb == "AUTH" and not VERB.match(text):
            self._add_responses(self._pending[-1], self._responses_in(text))
        elif match := VERB.match(text):
            verb = match[0].split()[0].upper()
            self._record_command(verb, text, self._responses_in(text))
        elif text.strip() == "*":
            self._record_command("*", text)  # behind the refusal, as Go's net/smtp sends it
        self.note("C", text)

    def _add_responses(self, sent: PendingCommand, new: list[ResponseFormat]) -> None:
        """Take a response, or the rest of one that was cut, if there was no prompt for it."""
        before = sent.responses
        is_rest = self._is_unanswered and sent.prompted and new and before
        if is_rest and before[-1].octets >= SHORTEST_CUT:
            new = [replace(new[0], lines=2), *new[1:]]
        before.extend(new)
        self._is_unanswered = True

    def feed_other(self, text: str) -> None:
        """Treat ``text`` as a line of the client that is not a command: ignore its reply."""
        self._record_command("*", text)
        self.note("C", text)

    def feed_server(self, text: str) -> None:
        """Take one line from the server."""
        self.note("S", text)
        match = _REPLY_LINE.match(text)
        if match is None:
            return
        self._reply.append(unmarked(text))
        if match[2] != "-":
            self._is_unanswered = False
            self._end_reply()

    def begin_tls(self) -> None:
        """Note that TLS is up from here."""
        self.tls = True

    def finish(self) -> None:
        """End the log: commands without a reply stay without one."""
        if self._reply:
            self._end_reply()
        self._end_session()

    def _end_reply(self) -> None:
        lines, self._reply = tuple(self._reply), []
        self._take_reply(parse_reply(lines))

    def _end_session(self) -> None:
        """End a session, or begin another one: pending commands get no reply."""
        for sent in self._pending:
            if sent.verb == "AUTH":
                self._record_attempt(sent, Reply(0))
                break
        self._pending.clear()
        self.is_in_content = False

    def note(self, speaker: str, text: str) -> None:
        """Add a line without a conclusion from it."""
        if len(self.lines) < MAX_LINES:
            line = Line("C" if speaker == "C" else "S", unmarked(text)[:MAX_LINE], self.tls)
            self.lines.append(line)

    def _responses_in(self, text: str) -> list[ResponseFormat]:
        responses = [self._responses[int(number)] for number in MARK.findall(text)]
        if not responses and text.strip() == "*":
            return [ResponseFormat(1, "cancel")]
        if not responses and not text.strip():
            return [ResponseFormat(0, "base64")]
        return responses

    def _record_command(
        self, verb: str, text: str, responses: Sequence[ResponseFormat] = ()
    ) -> None:
        self._pending.append(PendingCommand(verb, text, self.tls, list(responses)))
        self.phase = _PHASES.get(verb, self.phase)

    def _take_reply(self, reply: Reply) -> None:
        if self._pending and self._pending[0].verb != "STARTTLS" and _is_greeting(reply):
            self._end_session()
        if not self._pending:
            self._record_unexpected(reply)
            return
        sent = self._pending[0]
        if sent.verb == "AUTH" and reply.code == _MORE:
            sent.prompted = True
            self._record_challenge(sent)
            return
        self._pending.popleft()
        if _is_hello_reply(reply) and sent.verb not in ("EHLO", "HELO", "LHLO"):
            self._record_hello("", reply)  # the log left the EHLO out
            self._pending.appendleft(sent)
            return
        self._record_reply(sent, reply)

    def _record_reply(self, sent: PendingCommand, reply: Reply) -> None:
        match sent.verb:
            case "HELO" if reply.is_success:
                pass  # it lists nothing
            case "*":
                pass
            case "greeting":
                self.greeting = Greeting(reply)
            case "EHLO" | "HELO" | "LHLO":
                self._record_hello(sent.text[4:].strip(), reply)
            case "STARTTLS":
                self.starttls = reply
                self.tls = self.tls or reply.is_success
            case "AUTH":
                self._record_attempt(sent, reply)
            case "MAIL":
                self.mail = self._exchange(sent, reply)
            case "RCPT" if len(self.rcpt) < MAX_OF_A_KIND:
                self.rcpt.append(self._exchange(sent, reply))
            case "DATA" if reply.code == _START_DATA:
                self.is_in_content = True
            case "DATA" | "BDAT" | ".":
                self.content = reply
            case _ if reply.code >= 400:
                self.strays.append(Stray(reply, phase_of(reply)))

    def _exchange(self, sent: PendingCommand, reply: Reply) -> CommandExchange:
        match = _PATH.search(sent.text)
        path = next((each for each in match.groups() if each is not None), "") if match else ""
        return CommandExchange(path, reply, sent.tls, self.is_signed_in)

    def _record_unexpected(self, reply: Reply) -> None:
        """Take a reply to something that the log does not show."""
        if self.is_in_content:
            self.is_in_content = False
            self.content = reply
        elif _is_hello_reply(reply):
            self._record_hello("", reply)
        elif _is_greeting(reply) and (self.hellos or self.greeting):
            self.tls = self.began_with_tls  # another session
        elif reply.code == 220 and (self.hellos or self.greeting):
            self.starttls, self.tls = reply, True
        elif reply.code == 220:
            self.greeting = Greeting(reply)
        elif reply.code == 235:
            self._record_attempt(PendingCommand("AUTH", "AUTH", self.tls), reply)
        elif reply.code == _MORE:
            self._record_challenge(PendingCommand("AUTH", "AUTH", self.tls))
        elif reply.code >= 400:
            self.strays.append(Stray(reply, self._phase_of(reply)))

    def _phase_of(self, reply: Reply) -> DialoguePhase | None:
        """Return the phase of an unexpected refusal, by itself or by what preceded it."""
        phase = phase_of(reply)
        if phase is None and not self.lines[:-1] and reply.code in (421, 554):
            return None if _OF_A_MESSAGE.search(reply.text) else "greeting"
        return phase

    def _record_hello(self, name: str, reply: Reply) -> None:
        if len(self.hellos) >= MAX_OF_A_KIND:
            return
        listed = reply
        if _EXTENSIONS.match(reply.text):  # the log left out the line with the server's name
            listed = replace(reply, text=f"server\n{reply.text}")
        self.hellos.append((self.tls, EhloExchange(name, reply, parse_capabilities(listed))))
        self.phase = "ehlo"

    def _record_challenge(self, sent: PendingCommand) -> None:
        self.phase = "auth"
        if sent not in self._pending:
            self._pending.append(sent)
        sent.prompted = True

    def _record_attempt(self, sent: PendingCommand, reply: Reply) -> None:
        words = sent.text.split()
        mechanism = words[1].strip("'\"").upper() if len(words) > 1 else ""
        is_cancelled = any(each.form == "cancel" for each in sent.responses)
        has_secret = len(sent.responses) > (mechanism == "LOGIN")  # LOGIN's is the second response
        attempt = AuthAttempt(
            mechanism,
            "initial" if len(words) > 2 else "bare",
            reply,
            sent.tls,
            secret_sent=has_secret and reply.code > 0 and not is_cancelled,
            cancelled=is_cancelled,
            accepted=sent.prompted or reply.code == 235,
            responses=tuple(sent.responses),
        )
        if len(self.attempts) < MAX_OF_A_KIND:
            self.attempts.append(attempt)
        self.phase = "auth"


_OF_A_MESSAGE: Final = re.compile(
    r"\b(?:message|recipient|relay|relaying|transaction|email address|sender address)\b",
    re.IGNORECASE,
)
"""What no refusal of a connection is about."""


def _is_greeting(reply: Reply) -> bool:
    """Distinguish a greeting from the reply to STARTTLS."""
    return reply.code == 220 and reply.status is None and _GREETS.match(reply.text) is not None


def _is_hello_reply(reply: Reply) -> bool:
    if reply.code != 250:
        return False
    lines = reply.lines
    count = sum(_EXTENSIONS.match(line) is not None for line in lines)
    return (
        count > 1
        or (count == 1 and len(lines) > 1)
        or (len(lines) == 1 and lines[0].upper().startswith(("AUTH ", "STARTTLS")))
    )


def add_dialogue(
    evidence: Evidence,
    dialogue: DialogueReader,
    strays: tuple[Stray, ...],
    remarks: tuple[str, ...] = (),
) -> Evidence:
    """Return ``evidence`` with everything that the dialogue shows."""
    in_clear, other, over_tls = _hellos(dialogue)
    return replace(
        evidence,
        greeting=_fact(dialogue.greeting),
        in_clear=in_clear,
        other_name=other,
        over_tls=over_tls,
        starttls=_fact(dialogue.starttls),
        login=_login(dialogue),
        auth=_fact(tuple(dialogue.attempts)),
        mail=_fact(dialogue.mail),
        rcpt=_fact(tuple(dialogue.rcpt)),
        content=_fact(dialogue.content),
        position=dialogue.phase,
        transcript=tuple(dialogue.lines),
        strays=strays,
        remarks=remarks,
    )


def _hellos(
    dialogue: DialogueReader,
) -> tuple[Fact[EhloExchange], Fact[EhloExchange], Fact[EhloExchange]]:
    """Return EHLO without TLS, its second attempt, and EHLO over TLS; a single list is judged by
    itself."""
    clear = [hello for tls, hello in dialogue.hellos if not tls]
    over = [hello for tls, hello in dialogue.hellos if tls]
    if clear and not over and dialogue.greeting is None and dialogue.starttls is None:
        unmarked_list = clear[-1]
        if not unmarked_list.name and "STARTTLS" not in unmarked_list.capabilities:
            over = [clear.pop()]
    first = clear[0] if clear else None
    other = clear[1] if len(clear) > 1 and first and not first.reply.is_success else None
    if first and first.reply.is_success and len(clear) > 1:
        first = next((each for each in reversed(clear) if each.capabilities.lines), first)
    best = next((each for each in reversed(over) if each.capabilities.lines), None)
    last = best or (over[-1] if over else None)
    return _fact(first), _fact(other), _fact(last)


def _login(dialogue: DialogueReader) -> Fact[LoginFormat]:
    """Return the form of the last credentials in the log."""
    form, secret = "", None
    for attempt in dialogue.attempts:
        for response in attempt.responses:
            form = response.username_form or form
            secret = response.secret or secret
    return _fact(LoginFormat(form, secret) if secret is not None else None)


def _fact(value: T | None) -> Fact[T]:
    return seen(value) if value else Fact()
