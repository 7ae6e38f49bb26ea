"""What is recorded of one open session: its facts, from its own events, and its transcript."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, Final

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
_LOGIN: Final = (b"AUTH", REDACTED.upper().encode())
"""How the lines of a login begin in a transcript."""


class SessionRecording:
    """Records one session. It is called as ``ReportEvent``, and reports what it was told."""

    __slots__ = ("_end", "_note_message", "_report", "_result", "record", "session", "transcript")

    def __init__(
        self,
        record: SessionRecord,
        transcript: SessionTranscript,
        report: ReportEvent,
        end: Callable[["SessionRecording"], None],
        note_message: Callable[[str, str], None],
    ) -> None:
        """``end`` is called once, when the session has ended. ``note_message`` gets the id of each
        message that is accepted, and of the session."""
        self.record = record
        self.transcript = transcript
        self.session: Session | None = None
        """None until the greeting."""
        self._report, self._note_message = report, note_message
        self._end: Callable[[SessionRecording], None] | None = end
        self._result: SessionResult | None = None
        """What the last outcome was; None: nothing was accepted or refused yet."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Take note of an event of the session, and report it."""
        note = self._NOTES.get(event)
        if note is not None:
            note(self, facts)
        self._report(event, **facts)

    def end(self) -> None:
        """Complete the record, once."""
        end, self._end = self._end, None
        if end is not None:
            end(self)

    def snapshot(self) -> SessionRecord:
        """Return the record of the open session as it is now."""
        record = copy(self.record)
        record.messages = record.messages[:]
        self._complete(record)
        return record

    def conclude(self) -> SessionRecord:
        """Return the record of the session, which has ended."""
        record = self.record
        record.seconds, record.result = round(self.transcript.seconds, 3), self._final_result()
        self._complete(record)
        return record

    def _complete(self, record: SessionRecord) -> None:
        """Add what the transcript has, and remove secrets from all else."""
        session, transcript = self.session, self.transcript
        facts = record.username, transcript.ehlo, record.reason, record.reply
        lines, facts = transcript.finish(*facts)  # type: ignore[assignment]  # four texts
        record.username, record.ehlo, record.reason, record.reply = map(_unicode, facts)
        record.packed_lines, record.left_out = pack_lines(lines), transcript.left_out
        if session is not None and session.signed_in_as is not None:
            record.application_id = session.signed_in_as.application_id
        if record.refused_logins:
            record.refused_logins = [self._redact(each) for each in record.refused_logins]

    def _redact(self, login: RefusedLogin) -> RefusedLogin:
        texts = login.username, login.reply, login.reason
        username, reply, reason = map(_unicode, self.transcript.redact(texts))
        return replace(login, username=username, reply=reply, reason=reason)

    def _final_result(self) -> SessionResult:
        if self._result is not None:
            return self._result
        return "accepted" if self.transcript.last_command.upper() == b"QUIT" else "dropped"

    # What rules of scripted failures do.

    def inject(self, injection: Injection) -> None:
        """Take note of what a rule does; of a reply, before it is sent."""
        injected = {"rule": injection.rule, "action": injection.action}
        reply, reason = injection.reply, f"rule {injection.rule}"
        if reply:
            more = {"injected": injected, "instead_of": _unicode(injection.instead_of)}
            self.transcript.of_next_reply = {key: each for key, each in more.items() if each}
            if not reply.startswith(("2", "3")):
                phase = injection.stage if injection.stage in ("auth", "connect", "tls") else "mail"
                self._refuse({"reply": reply, "reason": reason}, phase)
            return
        facts: dict[str, Any] = {
            "seconds": injection.seconds,
            "octets": injection.octets,
            "injected": injected,
        }
        if injection.instead_of:
            facts["instead_of"] = _unicode(injection.instead_of)
        present = {key: each for key, each in facts.items() if each is not None}
        self.transcript.act(_ACTS.get(injection.action, injection.action), present)
        if injection.action in ("close", "reset") and self._result is None:
            self._result, self.record.reason = "dropped", reason

    # What the events say.

    def _accept_message(self, facts: Mapping[str, Any]) -> None:
        self.record.messages.append(facts["id"])
        self._note_message(facts["id"], self.record.id)
        if len(self.record.messages) > MAX_MESSAGES:
            del self.record.messages[0]
        if self._result != "accepted":
            self._clear()
            self._result = "accepted"

    def _accept_login(self, facts: Mapping[str, Any]) -> None:
        self.record.mechanism, self.record.username = facts["mechanism"], facts["principal"]
        if self.record.phase == "auth":
            self._clear()

    def _clear(self) -> None:
        self._result = None
        self.record.phase = self.record.reason = self.record.reply = ""

    def _refuse_login(self, facts: Mapping[str, Any]) -> None:
        self.record.mechanism, self.record.username = facts["mechanism"], facts["username"]
        self._refuse(facts, "auth")

    def _refuse_command(self, facts: Mapping[str, Any]) -> None:
        self._refuse(facts, self._login_or("mail"))

    def _login_or(self, phase: str) -> str:
        """Return the phase of what the client said last: a login, or ``phase``."""
        is_login = self.transcript.last_command.upper().startswith(_LOGIN)
        return "auth" if is_login else phase

    def _refuse(self, facts: Mapping[str, Any], phase: str) -> None:
        record, reply = self.record, facts.get("reply", "")
        reason = facts["reason"] or reply
        if phase == "auth" or record.phase != "auth":  # what follows a refused login is due to it
            record.phase, record.reply, record.reason = phase, reply, reason
        self._result = "refused"
        if phase == "auth":
            record.mechanism = facts.get("mechanism") or self._last_mechanism() or record.mechanism
            at, username = round(self.transcript.seconds, 3), facts.get("username", "")
            login = RefusedLogin(at, record.mechanism, username, reply, reason)
            record.refused_logins.append(login)
            del record.refused_logins[:-MAX_LOGINS]

    def _last_mechanism(self) -> str:
        """Return the mechanism of an AUTH command that the session has refused itself."""
        words = self.transcript.last_command.decode("latin-1").upper().split()
        return "" if len(words) < 2 or words[1] == REDACTED.upper() else words[1]

    def _refuse_mail(self, facts: Mapping[str, Any]) -> None:
        self._refuse(facts, "mail")

    def _refuse_connection(self, facts: Mapping[str, Any]) -> None:
        self._refuse(facts, "connect")

    def _fail_tls(self, facts: Mapping[str, Any]) -> None:
        self.record.phase, self.record.reply, self.record.reason = "tls", "", facts["reason"]
        self._result = "tls_failed"

    def _close(self, facts: Mapping[str, Any]) -> None:
        """Take note of the reply with which we closed the connection."""
        session, reply = self.session, facts["reply"]
        if session is None or self._result in ("refused", "tls_failed"):
            return
        ends: Mapping[str, SessionResult] = {
            str(session.replies.TIMED_OUT): "idle",
            str(session.replies.SHUTTING_DOWN): "dropped",
        }
        result = ends.get(reply)
        if result is None:
            phase = "mail" if session.peer_name else "connect"
            self._refuse(facts, self._login_or(phase))
        elif self._result is None:
            self._result = result
            self.record.reply, self.record.reason = reply, facts["reason"] or reply

    _NOTES: ClassVar[Mapping[str, Callable[[Any, Mapping[str, Any]], None]]] = {
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
    }


def _unicode(text: str) -> str:
    """Return text for JSON: octets of a client that are not UTF-8 as ``\\udcff``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
