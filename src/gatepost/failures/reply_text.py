"""The reply of a rule: its form, and what it may name."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from gatepost.model.reply import EnhancedStatus, Reply

PLACEHOLDERS: Final = ("recipient", "sender", "user", "attempt", "wait")
MAX_LINES: Final = 50
MAX_LINE: Final = 450
"""Characters; a reply line has up to 512 octets with its code (RFC 5321 4.5.3.1.5)."""
_REPLY: Final = re.compile(
    r"([0-9]{3})(?:[ -](?:([0-9])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$))?(.*))?"
)
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def parse_reply_text(text: str | Iterable[str]) -> Reply:
    """Return the reply in ``451 4.7.1 Try later``; of a list, each line is one of the reply.

    Only the first line needs a code; it must be between 400 and 599. Raises ValueError with a
    sentence.
    """
    lines = text.split("\n") if isinstance(text, str) else list(text)
    if not 1 <= len(lines) <= MAX_LINES:
        raise ValueError(f"a reply has between 1 and {MAX_LINES} lines")
    match = _REPLY.fullmatch(lines[0].strip(" "))
    if match is None:
        raise ValueError(f"{lines[0][:60]!r} is not a reply such as '451 4.7.1 Try later'")
    code = int(match[1])
    if not 400 <= code <= 599:
        raise ValueError(f"the code is {code}, but a rule only refuses: 400 to 599")
    status = EnhancedStatus(int(match[2]), int(match[3]), int(match[4])) if match[2] else None
    if status is not None and status.klass != code // 100:
        raise ValueError(f"the status {status} does not fit the code {code}")
    texts = [match[5] or "", *[_without_code(each, match) for each in lines[1:]]]
    for each in texts:
        if len(each) > MAX_LINE or not (each.isprintable() or not each):
            raise ValueError(f"a line has at most {MAX_LINE} printable characters")
        for name in _PLACEHOLDER.findall(each):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                raise ValueError(f"{{{name}}} is unknown; there are {known}")
    return Reply(code, "\n".join(texts), status)


def _without_code(line: str, first: "re.Match[str]") -> str:
    """Return a further line without the code and status of the first one."""
    match = _REPLY.fullmatch(line.strip(" "))
    is_same = match is not None and match.group(1, 2, 3, 4) == first.group(1, 2, 3, 4)
    return (match[5] or "") if match is not None and is_same else line


def names_in(reply: Reply) -> frozenset[str]:
    """Return the placeholders of a reply."""
    return frozenset(_PLACEHOLDER.findall(reply.text))


def fill_in(reply: Reply, values: Mapping[str, str], reason: str) -> Reply:
    """Return the reply with the values of its placeholders."""

    def value(match: "re.Match[str]") -> str:
        text = values.get(match[1], "")
        return "".join(each if each.isprintable() else "?" for each in text)[:256]

    text = _PLACEHOLDER.sub(value, reply.text) if "{" in reply.text else reply.text
    return Reply(reply.code, text, reply.status, reason)
