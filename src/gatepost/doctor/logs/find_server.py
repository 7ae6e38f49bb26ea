"""Finds the server of a log: the host and port in its lines."""

import re
from typing import Final

from gatepost.model.evidence import Target

_HOST: Final = r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}[a-zA-Z][a-zA-Z0-9-]{1,62}"
_ADDRESS: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_PORT: Final = r"(?:25|465|587|994|2465|2525|2587|1025|1587)"

_SET: Final = (
    r"(?:host(?:name)?|(?:smtp|mail)[\w.]{0,12}(?:server|address)|"
    r"(?:server|address)(?=\W{1,8}(?:e?mail|smtp|relay)))"
)
"""Names of settings for the server."""
_PAIRS: Final = (
    rf"\(['\"](?P<host>{_HOST}|localhost)['\"], (?P<port>\d{{1,5}})\)",
    rf"host \"?(?P<host>{_HOST}|localhost)\"?,? \(?port:? (?P<port>\d{{1,5}})\b",
    rf"(?P<host>{_HOST})\[{_ADDRESS}\](?::(?P<port>\d{{1,5}})\b)?",
    rf"(?:ssl|tls|smtps?)://(?:[^\s@/]*@)?\[?(?P<host>{_HOST}|localhost)\]?(?::(?P<port>\d{{1,5}})\b)?",
    rf"\b(?P<host>{_HOST}|localhost|{_ADDRESS})\]?:(?P<port>{_PORT})\b",
    rf"\b(?P<host>{_HOST}|localhost)\b[^\n]{{0,20}}\bport\b\D{{0,3}}(?P<port>{_PORT})\b",
    (
        rf"(?:connected to|trying|lookup|ENOTFOUND|resolve host:?|relayhost *=) *"
        rf"\[?(?P<host>{_HOST})(?:\]?:(?P<port>\d{{1,5}})\b)?"
    ),
    rf"(?:\b|_){_SET}['\"]?\s*(?:=>|[:=])\s*['\"]?(?P<host>{_HOST}|localhost)(?![\w.-]*@)",
    rf"\b220[ -](?P<host>{_HOST})\b",
)
_PORT_ALONE: Final = re.compile(
    rf"(?i)(?:(?:\b|_)port\b['\"]?\D{{0,5}}|(?<![\w.]):)(?P<port>{_PORT})\b"
)
_NOT_MAIL: Final = re.compile(
    r"(?i)\.(?:py|js|go|rb|php|java|rs|cs|ts|log|pem|local\.js)$|github\.|example\.invalid"
)

_OF_SMTPD: Final = re.compile(r"smtpd\[\d+\]: (?:[<>] |warning: |.{0,200}\bfrom )$")
_BEFORE: Final = 200
"""Characters before a name that tell whose it is."""


def server_in(text: str) -> Target | None:
    """Return the server that ``text`` names most clearly, or None."""
    for pattern in _PAIRS:
        for match in re.finditer(pattern, text, re.IGNORECASE):  # compiled when it is its turn
            if _NOT_MAIL.search(match["host"]) or _is_the_client(text, match.start()):
                continue
            port = match["port"] if "port" in match.groupdict() else None
            return Target(match["host"].lower(), int(port) if port else port_in(text) or 0)
    return None


def _is_the_client(text: str, at: int) -> bool:
    """Tell whether it is the client: Postfix's server logs who connects, as its client logs where
    it connects."""
    return _OF_SMTPD.search(text[max(text.rfind("\n", 0, at) + 1, at - _BEFORE) : at]) is not None


def port_in(text: str) -> int:
    """Return the mail port that ``text`` names without a host, 0 for none."""
    match = _PORT_ALONE.search(text)
    return int(match["port"]) if match else 0


def read_server(text: str) -> tuple[Target | None, str]:
    """Return the server in the user's words, and the words if they are more than a host."""
    text = text.strip()
    plain = re.fullmatch(rf"(?P<host>{_HOST}|localhost|{_ADDRESS})(?::(?P<port>\d{{1,5}}))?", text)
    if plain is not None:
        return Target(plain["host"].lower(), int(plain["port"] or 0)), ""
    match = re.search(rf"(?P<host>{_HOST}|localhost)(?::(?P<port>\d{{1,5}})\b)?", text)
    port = int(match["port"] or 0) if match else 0
    host = match["host"].lower() if match else ""
    port = port or port_in(text)
    return (Target(host, port) if host else None), text
