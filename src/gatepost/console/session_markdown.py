"""A session as Markdown, to paste into an issue or a chat."""

from collections.abc import Mapping
from typing import Any, Final

_FACTS: Final = ("peer", "ehlo", "tls", "mechanism", "username", "application", "result", "reason")


def session_markdown(session: Mapping[str, Any]) -> str:
    """Return the facts, the cause and the transcript of a session (``docs/reference/json.md``)."""
    facts = [f"- {name}: {session[name]}" for name in _FACTS if session.get(name)]
    lines = [f"## SMTP session {session['id']}, {session['at']}", "", *facts, ""]
    if session.get("sentence"):
        lines += [f"**{session['sentence']}**", ""]
    if session.get("fix"):
        lines += [str(session["fix"]), ""]
    return "\n".join([*lines, "```", *map(_line, session.get("lines", ())), "```", ""])


def _line(line: Mapping[str, Any]) -> str:
    if line["from"] == "*":
        return f"* {line['event']}"
    return f"{line['from']}: {line['text']}"
