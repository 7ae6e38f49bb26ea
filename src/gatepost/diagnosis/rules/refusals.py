"""Refusals that say themselves what is wrong: a table of status and words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from gatepost.model.evidence import Evidence, Position
from gatepost.model.finding import Confidence, Finding
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply at ``position`` with one of ``codes`` whose status or text fits."""

    id: str
    position: Position
    codes: tuple[int, ...]
    status: str
    words: tuple[str, ...]
    """Any of them, lower case; empty when code and status suffice."""
    confidence: Confidence
    summary: str
    fix: str


# fmt: off
REFUSALS: Final = (
    Refusal("app_password_required", "auth", (534, 535), "5.7.9", (), "certain",
            "The account's own password is not taken: the provider wants one for applications.",
            "Make an application password in the account's security settings, or use OAuth."),
    Refusal("smtp_auth_disabled_tenant", "auth", (535,), "5.7.139",
            ("for the tenant",), "certain",
            "SMTP sign-in is switched off for the whole organisation.",
            "An administrator switches it on for the mailbox (Set-CASMailbox "
            "-SmtpClientAuthenticationDisabled $false), or use OAuth."),
    Refusal("smtp_auth_disabled_mailbox", "auth", (535,), "5.7.139",
            ("for the mailbox",), "certain",
            "SMTP sign-in is switched off for this mailbox.",
            "An administrator switches it on: Set-CASMailbox "
            "-SmtpClientAuthenticationDisabled $false."),
    Refusal("security_defaults_block", "auth", (535,), "5.7.139",
            ("security defaults",), "certain",
            "The organisation's security defaults forbid sign-in with a password.",
            "Use OAuth, or have security defaults replaced by policies of your own."),
    Refusal("basic_auth_disabled", "auth", (535, 550), "5.7.139",
            ("basic authentication is disabled",), "certain",
            "Sign-in with a password is switched off here.",
            "Use OAuth (XOAUTH2)."),
    Refusal("server_auth_backend_down", "auth", (454, 535), "",
            ("authentication server", "generic failure", "temporary authentication failure"),
            "likely",
            "The server cannot reach what it checks passwords against.",
            "Nothing is wrong with the password: look at the server's authentication service."),
    Refusal("auth_throttled", "auth", (454, 421, 432), "", (), "possible",
            "The server takes no sign-in now: too many failures, or too many at a time.",
            "Wait some minutes, then try once; stop whatever repeats a wrong password."),
    Refusal("sender_domain_not_linked", "mail", (501, 550), "5.1.7",
            ("has not been linked",), "certain",
            "The sender's domain is not linked to the Communication Services resource.",
            "Link the domain to the resource that the user name names, or send from a linked one."),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "",
            ("5.7.60", "sendasdenied", "not owned by user", "send as this sender",
             "sender address rejected"), "likely",
            "Whoever signed in may not send from this address.",
            "Send from the account's own address, or have this one allowed for it."),
)
# fmt: on


def refused(row: Refusal, seen: Evidence) -> Finding | None:
    """Return the finding of ``row`` when a reply in the evidence fits it."""
    for command, reply in _replies(seen, row.position):
        if not _fits(row, reply):
            continue
        earlier = REFUSALS[: REFUSALS.index(row)]
        if any(_fits(other, reply) for other in earlier if other.position == row.position):
            return None  # a more telling row has it
        return Finding(
            row.id,
            row.confidence,
            row.summary,
            (f"{command} was answered {reply}",),
            row.position,
            row.fix,
            explains=("mail",) if row.position == "auth" else ("rcpt",),
        )
    return None


def names_its_cause(reply: Reply) -> bool:
    """Return whether a refused AUTH says by itself what is wrong."""
    return any(
        row.position == "auth" and row.confidence == "certain" and _fits(row, reply)
        for row in REFUSALS
    )


def _fits(row: Refusal, reply: Reply) -> bool:
    if reply.code not in row.codes or (row.status and str(reply.status) != row.status):
        return False
    said = f"{reply.status} {reply.text}".lower()
    return not row.words or any(word in said for word in row.words)


def _replies(seen: Evidence, position: Position) -> Iterator[tuple[str, Reply]]:
    if position == "auth":
        for attempt in seen.attempts:
            yield f"AUTH {attempt.mechanism}", attempt.reply
        return
    if seen.mail.value is not None:
        yield "MAIL FROM", seen.mail.value.reply
    for recipient in seen.rcpt.value or ():
        yield "RCPT TO", recipient.reply
    if seen.content.value is not None:
        yield "the message", seen.content.value


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = tuple(
    partial(refused, row) for row in REFUSALS
)
