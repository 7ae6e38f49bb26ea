"""Parses a reply to EHLO, as leniently as real servers require (RFC 5321 4.1.1.1)."""

from types import MappingProxyType
from typing import Final

from gatepost.model.capabilities import Capabilities
from gatepost.model.reply import Reply

OLD_AUTH: Final = "AUTH="
"""The form in a draft of RFC 2554; some servers send it besides ``AUTH``, some instead of it."""


def parse_capabilities(reply: Reply) -> Capabilities:
    """Return the capabilities in a server's reply to EHLO; a reply to HELO has none."""
    greeting, *lines = reply.lines
    keywords: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if line[:5].upper() == OLD_AUTH:
            line = f"AUTH {line[5:]}"  # noqa: PLW2901  # the same line in today's spelling
        words = line.split()
        if not words:
            continue
        keyword, parameters = words[0].upper(), tuple(words[1:])
        if keyword == "AUTH":
            mechanisms = (*keywords.get("AUTH", ()), *(name.upper() for name in parameters))
            parameters = tuple(dict.fromkeys(mechanisms))
        keywords[keyword] = parameters
    return Capabilities(greeting, MappingProxyType(keywords), tuple(lines))
