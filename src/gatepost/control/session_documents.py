"""Sessions as JSON (docs/reference/json.md)."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.diagnosis.sessions import (
    SessionExplanation,
    cause_of,
    explain_refusal,
    sentence_of,
)
from gatepost.model.rfc3339 import utc_text
from gatepost.model.session_record import RefusedLogin, SessionLine, SessionRecord, text_of

Document = dict[str, Any]


def session_document(record: SessionRecord, application: str) -> Document:
    """Return a session as a listing shows it; ``application`` is the name of who signed in."""
    reason = record.reason or None
    return {
        "id": record.id,
        "at": _time(record.at),
        "ended_at": None if record.seconds is None else _time(record.at + record.seconds),
        "seconds": record.seconds,
        "peer": record.peer,
        "listener": record.listener or None,
        "lane": record.lane or None,
        "tls": record.tls or None,
        "ehlo": record.ehlo or None,
        "mechanism": record.mechanism or None,
        "username": record.username or None,
        "application": application or None,
        "result": record.result,
        "reason": reason,
        "cause": _cause(record) or None,
        "messages": record.messages,
    }


def _cause(record: SessionRecord) -> str:
    """Return the id of the finding for the last refusal; empty if there is none."""
    if not record.reason:
        return ""
    cause = cause_of(record.phase, record.reply, record.reason)
    has_begun_in_clear = bool(record.lines)
    return "" if cause == _IMPLICIT and has_begun_in_clear else cause


_IMPLICIT: Final = "starttls_on_implicit_tls_port"
"""The cause if the client of a port for implicit TLS expects a greeting: after one, it is not."""


def whole_session_document(
    record: SessionRecord, application: str, server: Placeholders
) -> Document:
    """Return a session with its transcript, and why it was refused."""
    explanation = SessionExplanation("")
    if record.reason:
        explanation = explain_refusal(_cause(record), record.reason, record.lines, server)
    return {
        **session_document(record, application),
        **_explanation_document(explanation),
        "refused_logins": [_login_document(record, each) for each in record.refused_logins],
        "lines": [each for line in record.lines for each in _line_documents(record.at, line)],
        "left_out": record.left_out,
    }


def refusal_document(
    logins: list[tuple[SessionRecord, RefusedLogin]], server: Placeholders
) -> Document:
    """Return refused logins with the same user name and reason, oldest first."""
    times = [record.at + login.at for record, login in logins]
    record, login = logins[-1]
    cause = cause_of("auth", login.reply, login.reason)
    explanation = explain_refusal(cause, login.reason, record.lines, server)
    return {
        "reason": login.reason,
        **_explanation_document(explanation),
        "username": login.username or None,
        "mechanism": login.mechanism or None,
        "count": len(logins),
        "first_at": _time(min(times)),
        "last_at": _time(max(times)),
        "session": record.id,
    }


def _explanation_document(explanation: SessionExplanation) -> Document:
    return {
        "sentence": explanation.sentence or None,
        "cause": explanation.cause or None,
        "fix": explanation.fix or None,
        "libraries": list(explanation.libraries),
        "remedies": [asdict(each) for each in explanation.remedies],
    }


def _login_document(record: SessionRecord, login: RefusedLogin) -> Document:
    return {
        "at": _time(record.at + login.at),
        "mechanism": login.mechanism or None,
        "username": login.username or None,
        "reply": login.reply,
        "reason": login.reason,
        "sentence": sentence_of(login.reason),
        "cause": cause_of("auth", login.reply, login.reason) or None,
    }


def _line_documents(begun: float, line: SessionLine) -> Iterable[Document]:
    """Yield a document for each line of what one side sent at once."""
    seconds, speaker, _, tls, more = line
    end = {"tls": tls, "at": _time(begun + seconds), **(more or {})}
    if speaker == "*":
        yield {"from": "*", "event": text_of(line), **end}
        return
    for text in text_of(line).split("\n"):
        yield {"from": speaker, "text": text, **end}


def _time(moment: float) -> str:
    return utc_text(datetime.fromtimestamp(moment, UTC), "milliseconds")
