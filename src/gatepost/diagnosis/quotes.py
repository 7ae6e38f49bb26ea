"""Quotes replies as proofs: the command, and how it was answered."""

from collections.abc import Iterator

from gatepost.model.evidence import AuthAttempt, CommandExchange, Evidence


def quote_reply(attempt: AuthAttempt) -> str:
    """Return the AUTH command and its reply."""
    return f"{command_of(attempt)} was answered {attempt.reply}"


def command_of(attempt: AuthAttempt) -> str:
    """Return the AUTH command without a response; a log may hide the mechanism."""
    return f"AUTH {attempt.mechanism}".rstrip()


def quote_envelope(seen: Evidence) -> Iterator[tuple[CommandExchange, str]]:
    """Yield MAIL and each RCPT, with a quotation of the command and its reply."""
    for command in seen.envelope:
        verb = "MAIL FROM" if command is seen.mail.value else "RCPT TO"
        yield command, f"{verb}:<{command.argument}> was answered {command.reply}"
