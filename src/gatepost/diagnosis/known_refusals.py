"""Refusals that name their cause: a table of codes, status and words."""

from dataclasses import dataclass
from typing import Final

from gatepost.model.evidence import DialoguePhase
from gatepost.model.finding import Confidence
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply at ``phase`` with one of ``codes``, whose status and words show the cause.

    The phase ``mail`` includes RCPT and the message, ``greeting`` includes EHLO.
    """

    id: str
    phase: DialoguePhase
    codes: tuple[int, ...]
    status: str | tuple[str, ...]
    """One, or several; empty for any."""
    words: tuple[str, ...]
    """Any of them, in lower case; empty if code and status suffice."""
    confidence: Confidence
    summary: str = ""
    """What to say instead of the summary of the cause, if the refusal tells more."""
    fix: str = ""

    def is_match(self, reply: Reply) -> bool:
        """Tell whether the reply is this refusal."""
        statuses = (self.status,) if isinstance(self.status, str) else self.status
        if reply.code not in self.codes or not {"", str(reply.status)}.intersection(statuses):
            return False
        text = f"{reply.status} {reply.text}".lower()
        return not self.words or any(word in text for word in self.words)


_POLICY: Final = (421, 450, 451, 521, 550, 554)
_FULL: Final = (422, 450, 451, 452, 550, 552, 554)
_NO_NAME: Final = (
    "cannot find your hostname", "cannot find your reverse hostname", "have a ptr record",
    "no ptr record", "dns ptr resource record", "fix reverse dns", "no rdns",
)  # fmt: skip

# fmt: off
REFUSALS: Final = (
    Refusal("app_password_required", "auth", (534, 535), "5.7.9",
            ("application-specific", "application specific", "app password",
             "application password"), "certain"),
    Refusal("app_password_required", "auth", (534, 535), "5.7.9", ("web browser", "weblogin"),
            "likely"),
    Refusal("smtp_auth_disabled_tenant", "auth", (535,), "5.7.139", ("for the tenant",), "certain"),
    Refusal("smtp_auth_disabled_mailbox", "auth", (535,), "5.7.139", ("for the mailbox",),
            "certain"),
    Refusal("security_defaults_block", "auth", (535,), "5.7.139", ("security defaults",),
            "certain"),
    Refusal("basic_auth_disabled", "auth", (535, 550), ("5.7.139", "5.7.30"),
            ("basic authentication is disabled", "basic authentication is not supported"),
            "certain"),
    Refusal("token_expired", "auth", (501, 535), ("5.5.127", "5.7.142", "5.7.143"), (), "certain",
            fix="Get a new token; one that outlives the session, so renew it 20 minutes early."),
    Refusal("role_missing", "auth", (535,), "5.7.144", (), "certain",
            "The token has no permission to send.",
            "Add the permission (High Volume Email: Mail.Send) to the application, have an "
            "administrator consent, and get a new token."),
    Refusal("role_missing", "auth", (535, 550), "5.7.240", (), "certain",
            "The application is not allowed for this High Volume Email account.",
            "Add-HVEAppAccess -Identity ACCOUNT -AppIds OBJECT_ID, the object id of the "
            "enterprise application; it counts after five minutes."),
    Refusal("commands_out_of_order", "auth", (503,), "",
            ("already authenticated", "no identity changes permitted",
             "mail transaction in progress"), "likely"),
    Refusal("server_auth_backend_down", "auth", (454, 535), "",
            ("authentication server", "generic failure", "temporary authentication failure"),
            "likely"),
    Refusal("server_auth_backend_down", "auth", (451, 454, 500, 535), "",
            ("ldap", "connectionerror"), "likely"),
    Refusal("mechanism_advertised_but_broken", "auth", (432,), "4.7.12", (), "likely",
            "The server does not yet have the password in the form that this mechanism needs.",
            "Sign in once with PLAIN over TLS; afterwards this mechanism works, too (RFC 4954 6)."),
    Refusal("auth_throttled", "auth", (454, 421, 432), "", (), "possible"),
    Refusal("weak_password_refused", "auth", (534, 535, 550, 554), "",
            ("password is too simple", "password is too weak", "too weak for security policy",
             "must change password", "passphrase expired"), "certain"),
    Refusal("weak_password_refused", "auth", (534, 535), "",
            ("password expired", "password has expired"), "likely"),

    Refusal("provider_account_inactive", "auth", (454, 535, 550), "",
            ("account is not activated", "account is not active", "account is suspended",
             "account has been suspended"), "certain"),
    Refusal("tls_version_too_old", "greeting", (421,), "4.7.66", (), "certain"),
    Refusal("client_certificate_required", "greeting", (421, 450, 550, 554), "",
            ("no client certificate",), "certain"),
    Refusal("reverse_dns_missing", "greeting", _POLICY, "", _NO_NAME, "certain"),
    Refusal("reverse_dns_missing", "greeting", _POLICY, ("4.7.25", "5.7.25"), (), "likely"),
    Refusal("reverse_dns_missing", "mail", _POLICY, "", _NO_NAME, "certain"),
    Refusal("reverse_dns_missing", "mail", _POLICY, ("4.7.25", "5.7.25"), (), "likely"),
    Refusal("address_blocklisted", "greeting", _POLICY, "", ("client host rejected",), "likely"),
    Refusal("address_blocklisted", "mail", _POLICY, "",
            ("client host rejected: access denied", "client host rejected: blocked"), "likely"),
    Refusal("provider_account_inactive", "mail", (550,), "5.1.8", ("bad outbound sender",),
            "likely"),
    Refusal("sender_domain_unknown", "mail", (450, 451, 550), "", ("sender verify callout",),
            "likely"),
    Refusal("sender_unauthenticated", "mail", (421, 550, 554),
            ("4.7.26", "5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.26", "5.7.515"), (),
            "certain"),
    Refusal("sender_unauthenticated", "mail", (421, 550, 554), "",
            ("authenticate with dkim", "authenticate with spf", "spf or dkim", "dmarc policy",
             "sender policy framework", "no dmarc alignment"), "certain"),
    Refusal("role_missing", "mail", (550,), "5.7.240", (), "certain",
            "The application is not allowed for this High Volume Email account.",
            "Add-HVEAppAccess -Identity ACCOUNT -AppIds OBJECT_ID, the object id of the "
            "enterprise application; it counts after five minutes."),
    Refusal("sender_not_authorised", "mail", (550, 554), ("5.6.241", "5.7.62"), (), "likely",
            fix="An account of High Volume Email sends only as itself: set MAIL FROM and From to "
            "its own address."),
    Refusal("wrong_submission_host", "mail", (550, 554), "5.2.240", (), "likely",
            "The login is no High Volume Email account.",
            "Use smtp.office365.com for a mailbox, or sign in as an account that was created for "
            "High Volume Email."),
    Refusal("recipient_restricted", "mail", (550,),
            ("5.5.105", "5.7.12", "5.7.13", "5.7.124", "5.7.133", "5.7.134", "5.7.135", "5.7.193"),
            (), "certain"),
    Refusal("recipient_restricted", "mail", (550,), "5.7.1",
            ("resolver.rst.authrequired", "resolver.rst.notauthorized"), "certain"),
    Refusal("recipient_suppressed", "mail", (406, 422, 550, 554, 605, 606, 607), "",
            ("suppression list", "recipient address suppressed", "marked as inactive",
             "inactive recipient", "previously bounced address", "recipients were suppressed"),
            "certain"),
    Refusal("daily_quota_exceeded", "mail", (454, 550, 554), "",
            ("submission quota exceeded", "daily message quota exceeded"), "certain"),
    Refusal("too_large", "mail", (552,), "", ("larger than the current system limit",), "likely"),
    Refusal("mailbox_full", "mail", _FULL, ("4.2.2", "5.2.2"),
            ("full", "quota", "storage", "space", "exceed"), "certain"),
    Refusal("mailbox_full", "mail", _FULL, "",
            ("mailbox full", "mailbox is full", "inbox is full", "mailbox for user is full",
             "user is over quota", "user over quota"), "certain"),
    Refusal("commands_out_of_order", "mail", (502, 503), "",
            ("nested mail command", "sender already specified", "need mail command",
             "need rcpt command", "please say mail first", "out of sequence"), "likely"),
    Refusal("mail_loop", "mail", (450, 451, 500, 550, 552, 554), ("4.4.6", "5.4.6", "5.4.14"),
            ("loop", "hop count", " hops"), "certain"),
    Refusal("mail_loop", "mail", (450, 451, 500, 550, 552, 554), "",
            ("too many hops", "hop count exceeded", "mail loop", "routing loop",
             "message is looping", "too many received headers"), "certain"),
    Refusal("content_not_encoded", "mail", (500, 501, 550, 554), ("5.6.0", "5.6.1", "5.6.3"),
            ("8-bit data in message body", "8-bit data to 7-bit", "8bitmime", "eight bit data",
             "body type", "binarymime", "nul characters"), "certain"),
    Refusal("delivery_expired", "mail", (450, 451, 550, 551, 554), "",
            ("queue.expired", "queue expired", "delivery expired", "in the queue too long"),
            "certain"),
    Refusal("sender_domain_not_linked", "mail", (501, 550), "5.1.7", ("has not been linked",),
            "certain"),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "5.3.5",
            ("username is invalid",), "certain",
            "The sender is not among the registered senders of its domain.",
            "Register the local part of the From address as a sender of the domain (MailFrom "
            "address), or send from one that is; that is not the user name of the login."),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "",
            ("sendasdenied", "not owned by", "send as this sender",
             "sender address rejected: access denied"), "likely"),
    Refusal("sender_not_authorised", "mail", (550, 553, 554), "5.7.60", (), "likely"),
    Refusal("address_blocklisted", "mail", (421, 451), "", ("due to ip reputation",), "likely"),
    Refusal("rate_limited", "mail", (450, 451, 421, 432, 454), "",
            ("excessive message rate", "too many messages"), "certain"),
    Refusal("rate_limited", "mail", (450, 451, 421, 432, 454), "",
            ("sending rate", "rate limit", "throttl"), "likely"),
)
# fmt: on


def find_refusal(reply: Reply, phase: DialoguePhase) -> Refusal | None:
    """Return the first row of the table for a reply, because more specific ones come first."""
    return next((row for row in REFUSALS if row.phase == phase and row.is_match(reply)), None)


def meaning_of(reply: Reply, phase: DialoguePhase) -> str:
    """Return the id of the cause that a refusal alone proves or makes likely; empty for none."""
    row = find_refusal(reply, phase)
    return row.id if row is not None and row.confidence != "possible" else ""
