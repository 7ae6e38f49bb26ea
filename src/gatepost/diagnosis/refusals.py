"""Refusals that name their cause: a table of codes, status and words."""

from dataclasses import dataclass
from typing import Final

from gatepost.model.evidence import DialoguePhase
from gatepost.model.finding import Confidence
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply at ``phase`` with one of ``codes``, whose status and words show the cause."""

    id: str
    phase: DialoguePhase
    codes: tuple[int, ...]
    status: str
    words: tuple[str, ...]
    """Any of them, in lower case; empty if code and status suffice."""
    confidence: Confidence
    summary: str = ""
    """What to say instead of the summary of the cause, if the refusal tells more."""
    fix: str = ""

    def is_match(self, reply: Reply) -> bool:
        """Tell whether the reply is this refusal."""
        if reply.code not in self.codes or (self.status and str(reply.status) != self.status):
            return False
        text = f"{reply.status} {reply.text}".lower()
        return not self.words or any(word in text for word in self.words)


# fmt: off
REFUSALS: Final = (
    Refusal("app_password_required", "auth", (534, 535), "5.7.9", (), "certain"),
    Refusal("smtp_auth_disabled_tenant", "auth", (535,), "5.7.139", ("for the tenant",), "certain"),
    Refusal("smtp_auth_disabled_mailbox", "auth", (535,), "5.7.139", ("for the mailbox",),
            "certain"),
    Refusal("security_defaults_block", "auth", (535,), "5.7.139", ("security defaults",),
            "certain"),
    Refusal("basic_auth_disabled", "auth", (535, 550), "5.7.139",
            ("basic authentication is disabled",), "certain"),
    Refusal("server_auth_backend_down", "auth", (454, 535), "",
            ("authentication server", "generic failure", "temporary authentication failure"),
            "likely"),
    Refusal("mechanism_advertised_but_broken", "auth", (432,), "4.7.12", (), "certain",
            "The server does not yet have the password in the form that this mechanism needs.",
            "Sign in once with PLAIN over TLS; afterwards this mechanism works, too (RFC 4954 6)."),
    Refusal("auth_throttled", "auth", (454, 421, 432), "", (), "possible"),
    Refusal("sender_domain_not_linked", "mail", (501, 550), "5.1.7", ("has not been linked",),
            "certain"),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "5.3.5",
            ("username is invalid",), "certain",
            "The sender is not among the registered senders of its domain.",
            "Register the local part of the From address as a sender of the domain (MailFrom "
            "address), or send from one that is; that is not the user name of the login."),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "",
            ("5.7.60", "sendasdenied", "not owned by", "send as this sender",
             "sender address rejected: access denied"), "likely"),
    Refusal("rate_limited", "mail", (450, 451, 421, 432, 454), "",
            ("excessive message rate", "sending rate", "rate limit", "too many messages",
             "throttl"), "certain"),
)
# fmt: on


def find_refusal(reply: Reply, phase: DialoguePhase) -> Refusal | None:
    """Return the first row of the table for a reply, because more specific ones come first."""
    return next((row for row in REFUSALS if row.phase == phase and row.is_match(reply)), None)


def meaning_of(reply: Reply, phase: DialoguePhase) -> str:
    """Return the id of the cause that a refusal alone proves or makes likely; empty for none."""
    row = find_refusal(reply, phase)
    return row.id if row is not None and row.confidence != "possible" else ""
