"""Refusals that name their cause: a table of codes, status and words."""

from dataclasses import dataclass
from typing import Final

from gatepost.model.evidence import Position
from gatepost.model.finding import Confidence
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply at ``position`` with one of ``codes`` whose status or text fits."""

    id: str
    position: Position
    codes: tuple[int, ...]
    status: str
    words: tuple[str, ...]
    """Any of them, in lower case; empty if code and status suffice."""
    confidence: Confidence
    summary: str
    fix: str


# fmt: off
REFUSALS: Final = (
    Refusal("app_password_required", "auth", (534, 535), "5.7.9", (), "certain",
            "The account's own password is not accepted: the provider requires an application "
            "password.",
            "Create an application password in the account's security settings, or use OAuth."),
    Refusal("smtp_auth_disabled_tenant", "auth", (535,), "5.7.139",
            ("for the tenant",), "certain",
            "SMTP login is switched off for the whole organisation.",
            "An administrator switches it on for the mailbox (Set-CASMailbox "
            "-SmtpClientAuthenticationDisabled $false), or use OAuth."),
    Refusal("smtp_auth_disabled_mailbox", "auth", (535,), "5.7.139",
            ("for the mailbox",), "certain",
            "SMTP login is switched off for this mailbox.",
            "An administrator switches it on: Set-CASMailbox "
            "-SmtpClientAuthenticationDisabled $false."),
    Refusal("security_defaults_block", "auth", (535,), "5.7.139",
            ("security defaults",), "certain",
            "The organisation's security defaults forbid logins with a password.",
            "Use OAuth, or have security defaults replaced by policies of your own."),
    Refusal("basic_auth_disabled", "auth", (535, 550), "5.7.139",
            ("basic authentication is disabled",), "certain",
            "Login with a password is switched off here.",
            "Use OAuth (XOAUTH2)."),
    Refusal("server_auth_backend_down", "auth", (454, 535), "",
            ("authentication server", "generic failure", "temporary authentication failure"),
            "likely",
            "The server cannot reach its password database.",
            "Nothing is wrong with the password: look at the server's authentication service."),
    Refusal("mechanism_advertised_but_broken", "auth", (432,), "4.7.12", (), "certain",
            "The server does not yet have the password in the form that this mechanism needs.",
            "Sign in once with PLAIN over TLS; afterwards this mechanism works, too (RFC 4954 6)."),
    Refusal("auth_throttled", "auth", (454, 421, 432), "", (), "possible",
            "The server accepts no logins at the moment: too many failures, or too many at a time.",
            "Wait some minutes, then try once; stop whatever repeats a wrong password."),
    Refusal("sender_domain_not_linked", "mail", (501, 550), "5.1.7",
            ("has not been linked",), "certain",
            "The sender's domain is not linked to the Communication Services resource.",
            "Link the domain to the resource that the user name names, or send from a linked one."),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "5.3.5",
            ("username is invalid",), "certain",
            "The sender is not among the registered senders of its domain.",
            "Register the local part of the From address as a sender of the domain (MailFrom "
            "address), or send from one that is; that is not the user name of the login."),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "",
            ("5.7.60", "sendasdenied", "not owned by", "send as this sender",
             "sender address rejected: access denied"), "likely",
            "The account that signed in may not send from this address.",
            "Send from the account's own address, or have this one allowed for it."),
    Refusal("rate_limited", "mail", (450, 451, 421, 432, 454), "",
            ("excessive message rate", "sending rate", "rate limit", "too many messages",
             "throttl"), "certain",
            "More messages were sent than the server accepts in this time.",
            "Send slower and over one connection; do not repeat at once, because refused attempts "
            "may count, too. Where the provider allows it, ask for a higher quota."),
)
# fmt: on


def fits(row: Refusal, reply: Reply) -> bool:
    """Tell whether the reply is the refusal that the row describes."""
    if reply.code not in row.codes or (row.status and str(reply.status) != row.status):
        return False
    said = f"{reply.status} {reply.text}".lower()
    return not row.words or any(word in said for word in row.words)


def meaning_of(reply: Reply, position: Position) -> str:
    """Return the id of the finding that a refusal alone proves or makes likely; empty for none."""
    rows = (row for row in REFUSALS if row.position == position and row.confidence != "possible")
    return next((row.id for row in rows if fits(row, reply)), "")
