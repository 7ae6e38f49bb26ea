"""The position in the dialogue by a traceback: functions are named after the commands."""

import re
from typing import Final

from gatepost.model.evidence import Position

_COMMANDS: Final[tuple[tuple[Position, str], ...]] = (
    ("data", r"data|bdat|message|finishdata|sendbdat|actionmessage|datastream"),
    ("rcpt", r"rcpt|rcptto|rcpttocommand|recipientcommand|actionrcpt"),
    ("mail", r"mail|mailfrom|mailfromcommand|mailcommand|actionmail"),
    ("auth", r"login|(?:handle|action)?auth|auth_?(?:plain|login|cram_?md5)|authenticate"),
    ("starttls", r"starttls|starttlscommand|actionstarttls"),
    ("ehlo", r"(?:do_?|action)?(?:ehlo|helo)|(?:ehello|ehlo|helo)command|ehlo_or_helo_if_needed"),
    ("greeting", r"connect|readgreeting|actiongreeting"),
    ("connect", r"_?get_?socket|_?create_connection"),
)  # fmt: skip
"""Names of functions that send a command, lower case."""
_PYTHON: Final = re.compile(r"(?:smtplib\.py|aiosmtplib/\w+\.py)\"?, line \d+, in (\w+)")
_OTHERS: Final = re.compile(
    r"smtp\.rb:\d+:in [`'](?:Net::SMTP#)?(\w+)'|auth_\w{1,40}\.rb:\d+:in [`'].{0,80}?(auth)'|"
    r"SMTPTransport(?:\$\w+)?\.(\w+)\(|SMTPConnection\._"
    r"(action(?:[A-Z]{4,8}(?=[A-Z_][a-zA-Z]|\b)|Greeting))|"
    r"Net\.Smtp\.SmtpClient\.(\w+?)(?:Async)? ?\(|Net\.Mail\.(?:SmtpConnection\.)?"
    r"(?:ConnectAndHandshakeAsyncResult\.)?(\w+?)(?:Callback)?(?:Continue)?(?:\.Send)?\(|"
    r"(?:Smtp|Esmtp)Transport(?:->|::)(?:do)?(\w+)\("
)


def place_in_traceback(text: str) -> Position | None:
    """Return the command of a library's innermost frame; None without frames.

    Python prints the innermost frame last, all others first.
    """
    names = [name for match in _OTHERS.finditer(text) for name in match.groups() if name]
    names += reversed(_PYTHON.findall(text))
    return next((place for name in names if (place := _place(name.lower())) is not None), None)


def _place(name: str) -> Position | None:
    return next((place for place, names in _COMMANDS if re.fullmatch(names, name)), None)
