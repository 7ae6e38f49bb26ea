"""What is recorded of one session: its facts, from its own events, and its transcript."""

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol

from gatepost.failures.injection import Injection
from gatepost.model.operator_event import ReportEvent
from gatepost.model.session_record import (
    RefusedLogin,
    SessionRecord,
    SessionResult,
    pack_lines,
)
from gatepost.model.transcript import REDACTED
from gatepost.wire.server.session import Session
from gatepost.wire.server.session_log import MOST_LINES, SIZE, SessionLog
from gatepost.wire.server.session_transcript import SessionTranscript

MAX_MESSAGES: Final = 1_000
"""Ids of accepted messages in a record."""
MAX_LOGINS: Final = 50
"""Refused logins in a record."""
_ACTS: Final[Mapping[str, str]] = {
    "delay": "delayed", "stall": "stalled", "close": "closed", "reset": "reset",
    "pace": "sliced", "tls": "tls", "rate": "slowed", "keep": "kept", "discard": "discarded",
}  # fmt: skip
"""The names of silent acts in transcripts."""
_NAME: Final = re.compile(r"[a-z]{1,20}(?:_[a-z]{1,20}){1,4}: ")
"""How reasons begin that have a name, such as ``secret_wrong``. It is a word of ours, whatever the
secret is."""
_LOGIN: Final = (b"AUTH", REDACTED.upper().encode())
"""How the lines of a login begin in a transcript."""


class RecordingOwner(Protocol):
    """What a recording needs of its process."""

    def end(self, recording: "SessionRecording") -> None:
        """Take a session that has ended; called once."""

    def note_message(self, message: str, session: str) -> None:
        """Take the id of a message that was accepted, and of its session."""

    def may_take(self, id_: str, octets: int) -> bool:
        """Tell whether a session may take so much more memory."""


class SessionRecording(SessionLog):
    """Records one session. It is called as ``ReportEvent``, and reports what it was told.

    What happens is only noted. The record is made of the notes when it is wanted, or when they are
    many.
    """

    __slots__ = (
        "_ended", "_owner", "_record", "_report", "_result", "_transcript", "application_id",
        "begun", "begun_at", "id", "listener", "peer", "session",
    )  # fmt: skip

    def __init__(
        self,
        owner: RecordingOwner,
        clock: Callable[[], float],
        begun_at: datetime,
        id_: str,
        report: ReportEvent,
    ) -> None:
        self.clock, self.most, self.commands = clock, MOST_LINES, ()
        self.lines, self.notes = [], []
        self.begun, self.begun_at, self.id = clock(), begun_at, id_
        self._owner, self._report = owner, report
        self.peer = self.application_id = ""
        self.listener: tuple[str, str] = "", ""
        """Its name and its lane."""
        self.session: Session | None = None
        """None until the greeting, and at the end."""
        self._ended: float | None = None
        self._result: SessionResult | None = None
        """What the last outcome was; None: nothing was accepted or refused yet."""
        self._record: SessionRecord | None = None
        self._transcript: SessionTranscript | None = None

    # What happens.

    def __call__(self, event: str, **facts: Any) -> None:
        """Note an event of the session, and report it."""
        if event in self._TAKE:
            if event == "accepted":
                self._owner.note_message(facts["id"], self.id)
            elif event == "closed":
                facts = {**facts, "end": self._end_by(facts["reply"])}
            self.note(event, facts)
        self._report(event, **facts)

    def start_tls(self, version: str) -> None:
        """Note that everything is under TLS from now on."""
        self.note("tls", version)

    def inject(self, injection: Injection) -> None:
        """Note what a rule of scripted failures does; of a reply, before it is sent."""
        self.note("injected", injection)

    def end(self) -> None:
        """Note that the session has ended, once."""
        if self._ended is None:
            self._ended = self.clock()
            self.application_id, self.session = self._application(), None
            self._owner.end(self)

    def _application(self) -> str:
        principal = self.session.signed_in_as if self.session is not None else None
        return self.application_id if principal is None else principal.application_id

    def _end_by(self, reply: str) -> SessionResult | None:
        """Return how a reply with which we close the connection ends the session."""
        session = self.session
        if session is None:
            return None
        ends: Mapping[str, SessionResult] = {
            str(session.replies.TIMED_OUT): "idle",
            str(session.replies.SHUTTING_DOWN): "dropped",
        }
        return ends.get(reply, "refused")

    @property
    def size(self) -> int:
        """The octets of memory that it takes at most."""
        return SIZE + (self._transcript.size if self._transcript is not None else 0)

    # What is recorded of it.

    def snapshot(self) -> SessionRecord:
        """Return the record of the open session as it is now."""
        self.read()
        record = copy(self.record)
        record.messages = record.messages[:]
        record.application_id = self._application()
        self._complete(record)
        return record

    def conclude(self) -> SessionRecord:
        """Return the record of the session, which has ended."""
        self.read()
        record = self.record
        record.application_id = self.application_id
        record.seconds = round((self._ended or self.clock()) - self.begun, 3)
        record.result = self._final_result()
        self._complete(record)
        return record

    def stop(self) -> None:
        """Forget the lines, and record no more of them: others need the memory."""
        self.read()
        self.transcript.stop()
        self.most = 0

    @property
    def record(self) -> SessionRecord:
        """Its facts, as far as its notes were read."""
        if self._record is None:
            at, (listener, lane) = self.begun_at.timestamp(), self.listener
            self._record = SessionRecord(self.id, at, self.peer, listener, lane)
        return self._record

    @property
    def transcript(self) -> SessionTranscript:
        """Its lines, as far as its notes were read."""
        if self._transcript is None:
            self._transcript = SessionTranscript(self._may_take, self.begun)
        return self._transcript

    def _may_take(self, octets: int) -> bool:
        return self._ended is not None or self._owner.may_take(self.id, octets)

    def read(self) -> None:
        """Record what was noted."""
        transcript, lines, notes = self.transcript, self.lines[:], self.notes[:]
        self.lines.clear()
        self.notes.clear()
        transcript.commands = self.commands
        start = 0
        for end, what, at, value in notes:
            if start < end:
                transcript.add(lines[start:end])
                start = end
            if type(what) is str:
                self._TAKE[what](self, value, at)
            else:
                what(transcript, at, value)
        if start < len(lines):
            transcript.add(lines[start:])

    def _complete(self, record: SessionRecord) -> None:
        """Add what the transcript has, and remove secrets from all else."""
        transcript = self.transcript
        record.peer = self.peer  # which a proxy may have told later
        name, reason = _split_reason(record.reason)
        facts = record.username, transcript.ehlo, reason, record.reply
        lines, facts = transcript.finish(*facts)  # type: ignore[assignment]  # four texts
        record.username, record.ehlo, reason, record.reply = map(_unicode, facts)
        record.reason = name + reason
        record.packed_lines, record.left_out = pack_lines(lines), transcript.left_out
        if record.refused_logins:
            record.refused_logins = [self._redact(each) for each in record.refused_logins]

    def _redact(self, login: RefusedLogin) -> RefusedLogin:
        name, reason = _split_reason(login.reason)
        texts = login.username, login.reply, reason
        username, reply, reason = map(_unicode, self.transcript.redact(texts))
        return replace(login, username=username, reply=reply, reason=name + reason)

    def _final_result(self) -> SessionResult:
        if self._result is not None:
            return self._result
        return "accepted" if self.transcript.last_command.upper() == b"QUIT" else "dropped"

    # What the notes say.

    def _begin_tls(self, version: str, _at: float) -> None:
        self.record.tls, self.transcript.tls = version, True

    def _inject(self, injection: Injection, at: float) -> None:
        injected = {"rule": injection.rule, "action": injection.action}
        reply, reason = injection.reply, f"rule {injection.rule}"
        if reply:
            more = {"injected": injected, "instead_of": _unicode(injection.instead_of)}
            self.transcript.of_next_reply = {key: each for key, each in more.items() if each}
            if not reply.startswith(("2", "3")):
                phase = injection.stage if injection.stage in ("auth", "connect", "tls") else "mail"
                self._refuse({"reply": reply, "reason": reason}, phase, at)
            return
        facts: dict[str, Any] = {
            "seconds": injection.seconds,
            "octets": injection.octets,
            "injected": injected,
        }
        if injection.instead_of:
            facts["instead_of"] = _unicode(injection.instead_of)
        present = {key: each for key, each in facts.items() if each is not None}
        self.transcript.act(at, _ACTS.get(injection.action, injection.action), present)
        if injection.action in ("close", "reset") and self._result is None:
            self._result, self.record.reason = "dropped", reason

    def _accept_message(self, facts: Mapping[str, Any], _at: float) -> None:
        self.record.messages.append(facts["id"])
        if len(self.record.messages) > MAX_MESSAGES:
            del self.record.messages[0]
        if self._result != "accepted":
            self._clear()
            self._result = "accepted"

    def _accept_login(self, facts: Mapping[str, Any], _at: float) -> None:
        self.record.mechanism, self.record.username = facts["mechanism"], facts["principal"]
        if self.record.phase == "auth":
            self._clear()

    def _clear(self) -> None:
        self._result = None
        self.record.phase = self.record.reason = self.record.reply = ""

    def _refuse_login(self, facts: Mapping[str, Any], at: float) -> None:
        self.record.mechanism, self.record.username = facts["mechanism"], facts["username"]
        self._refuse(facts, "auth", at)

    def _refuse_command(self, facts: Mapping[str, Any], at: float) -> None:
        self._refuse(facts, self._login_or("mail"), at)

    def _login_or(self, phase: str) -> str:
        """Return the phase of what the client said last: a login, or ``phase``."""
        is_login = self.transcript.last_command.upper().startswith(_LOGIN)
        return "auth" if is_login else phase

    def _refuse(self, facts: Mapping[str, Any], phase: str, at: float) -> None:
        record, reply = self.record, facts.get("reply", "")
        reason = facts["reason"] or reply
        if phase == "auth" or record.phase != "auth":  # what follows a refused login is due to it
            record.phase, record.reply, record.reason = phase, reply, reason
        self._result = "refused"
        if phase == "auth":
            record.mechanism = facts.get("mechanism") or self._last_mechanism() or record.mechanism
            username = facts.get("username", "")
            login = RefusedLogin(
                round(at - self.begun, 3), record.mechanism, username, reply, reason
            )
            record.refused_logins.append(login)
            del record.refused_logins[:-MAX_LOGINS]

    def _last_mechanism(self) -> str:
        """Return the mechanism of an AUTH command that the session has refused itself."""
        words = self.transcript.last_command.decode("latin-1").upper().split()
        return "" if len(words) < 2 or words[1] == REDACTED.upper() else words[1]

    def _refuse_mail(self, facts: Mapping[str, Any], at: float) -> None:
        self._refuse(facts, "mail", at)

    def _refuse_connection(self, facts: Mapping[str, Any], at: float) -> None:
        self._refuse(facts, "connect", at)

    def _fail_tls(self, facts: Mapping[str, Any], _at: float) -> None:
        self.record.phase, self.record.reply, self.record.reason = "tls", "", facts["reason"]
        self._result = "tls_failed"

    def _close(self, facts: Mapping[str, Any], at: float) -> None:
        """Take the reply with which we closed the connection."""
        result = facts["end"]
        if result is None or self._result in ("refused", "tls_failed"):
            return
        if result == "refused":
            self._refuse(facts, self._login_or("mail" if self.transcript.ehlo else "connect"), at)
        elif self._result is None:
            self._result, self.record.reply = result, facts["reply"]
            self.record.reason = facts["reason"] or facts["reply"]

    _TAKE: ClassVar[Mapping[str, Callable[[Any, Any, float], None]]] = {
        "accepted": _accept_message,
        "signed_in": _accept_login,
        "auth_refused": _refuse_login,
        "refused": _refuse_command,
        "message_refused": _refuse_mail,
        "not_stored": _refuse_mail,
        "internal_error": _refuse_mail,
        "proxy_header_refused": _refuse_connection,
        "tls_failed": _fail_tls,
        "closed": _close,
        "tls": _begin_tls,
        "injected": _inject,
    }


def _split_reason(reason: str) -> tuple[str, str]:
    """Return the name of a reason, and its text, which may have secrets."""
    match = _NAME.match(reason)
    end = match.end() if match else 0
    return reason[:end], reason[end:]


def _unicode(text: str) -> str:
    """Return text for JSON: octets of a client that are not UTF-8 as ``\\udcff``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
