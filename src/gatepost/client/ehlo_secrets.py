"""How to use an EHLO reply in which a server repeats a secret."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gatepost.model.reply import Reply
from gatepost.model.transcript import REDACTED
from gatepost.sasl.mechanisms import MECHANISMS

_KEYWORDS: Final = frozenset({
    "8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DSN", "PIPELINING", "SIZE", "SMTPUTF8",
    "STARTTLS", *MECHANISMS,
})  # fmt: skip
"""Words that are shown, whatever they contain."""
_WORD: Final = re.compile(r"[^\s=]+")


def without_secrets(reply: Reply, redact: Callable[[str], str]) -> Reply:
    """Return a reply whose words all may be shown in errors, and which offers the same as before.

    A password may be a known word, so known words of a line with a secret are kept.
    """
    is_across = redact(reply.text) == REDACTED
    lines = [
        line if not is_across and redact(line) == line else _WORD.sub(_unless_keyword, line)
        for line in reply.lines
    ]
    return replace(reply, text="\n".join(lines))


def _unless_keyword(word: re.Match[str]) -> str:
    return word[0] if word[0].upper() in _KEYWORDS else REDACTED
