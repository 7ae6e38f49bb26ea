"""Recognises a library by habits that no other one has.

Observed: CPython 3.11 and 3.13, aiosmtplib 5.1 and Go 1.24 on 2026-11-24; System.Net.Mail from
public transcripts.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from gatepost.model.transcript import Line


def _is_smtplib(commands: Sequence[str]) -> bool:
    """It sends some verbs in lower case."""
    small = any(re.match(r"ehlo |mail (?:FROM|from):<|rcpt (?:TO|to):<", text) for text in commands)
    capital = any(re.match(r"STARTTLS$|AUTH [A-Z]|mail FROM:|rcpt TO:", text) for text in commands)
    return small and capital


def _is_aiosmtplib(commands: Sequence[str]) -> bool:
    """It sends verbs in upper case, but SIZE's parameter in lower case."""
    return any(re.match(r"MAIL FROM:<[^>]*> size=\d", text) for text in commands)


def _is_go(commands: Sequence[str]) -> bool:
    """It cancels an exchange that the server has already refused, and disconnects."""
    return any(
        each.startswith("AUTH ") and commands[at + 1 : at + 3] == ["*", "QUIT"]
        for at, each in enumerate(commands)
    )


def _is_system_net_mail(commands: Sequence[str]) -> bool:
    """It sends the mechanism in lower case."""
    return any(re.match(r"EHLO ", text) for text in commands) and any(
        re.match(r"AUTH (?:login|ntlm) ", text) for text in commands
    )


_HABITS: Final[tuple[tuple[str, Callable[[Sequence[str]], bool]], ...]] = (
    ("python-smtplib", _is_smtplib),
    ("aiosmtplib", _is_aiosmtplib),
    ("go-net-smtp", _is_go),
    ("system-net-mail", _is_system_net_mail),
)


def library_by_habits(lines: Sequence[Line]) -> str:
    """Return our name for the library; empty if unknown."""
    commands = [line.text for line in lines if line.speaker == "C"]
    return next((name for name, is_written_by in _HABITS if is_written_by(commands)), "")
