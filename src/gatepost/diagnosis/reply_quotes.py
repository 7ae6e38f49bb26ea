"""Quotes replies as proofs: the command, and how it was answered."""

from collections.abc import Iterator
from typing import Final

from gatepost.model.evidence import AuthAttempt, CommandExchange, Evidence

LONGEST_LINE: Final = 998
"""Maximum octets of a line (RFC 5322 2.1.1)."""


def quote_reply(attempt: AuthAttempt) -> str:
    """Return the AUTH command and its reply."""
    return f"{command_of(attempt)} was answered {attempt.reply}"


def find_login_refusal(seen: Evidence) -> AuthAttempt | None:
    """Return the first login that was refused; None if none was."""
    refused = (each for each in seen.attempts if each.secret_sent and not each.reply.is_success)
    return next(refused, None)


def quote_login_refusal(seen: Evidence) -> Iterator[str]:
    """Yield how the login was refused."""
    if (attempt := find_login_refusal(seen)) is not None:
        yield quote_reply(attempt)


def command_of(attempt: AuthAttempt) -> str:
    """Return the AUTH command without a response; a log may hide the mechanism."""
    return f"AUTH {attempt.mechanism}".rstrip()


def quote_envelope(seen: Evidence) -> Iterator[tuple[CommandExchange, str]]:
    """Yield MAIL and each RCPT, with a quotation of the command and its reply."""
    for command in seen.envelope:
        verb = "MAIL FROM" if command is seen.mail.value else "RCPT TO"
        yield command, f"{verb}:<{command.argument}> was answered {command.reply}"
