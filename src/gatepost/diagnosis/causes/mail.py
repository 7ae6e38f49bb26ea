"""Causes in the envelope and the message."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    # MAIL, RCPT
    Cause("envelope_sender_missing", "mail", 1,
          "MAIL FROM is empty.",
          "Set a sender address in the client.",
          probe="the same with a real sender", topic="sender", seen_in="reply"),
    Cause("account_name_used_as_sender", "mail", 2,
          "The login's name, which is not an address, is used as the sender.",
          "Set the From address apart from the user name.",
          probe="MAIL FROM with a real address", topic="sender", seen_in="reply"),
    Cause("sender_not_authorised", "mail", 6,
          "The account that signed in may not send from this address.",
          "Send from the account's own address, or have this one allowed for it.",
          probe="MAIL FROM the account's own address", topic="sender", seen_in="reply"),
    Cause("sender_not_verified", "mail", 1,
          "The provider requires that this sender is verified first.",
          "Verify the sender's address or domain at the provider, or send from one that is.",
          probe="send from a verified address", seen_in="reply"),
    Cause("sender_domain_not_linked", "mail", 1,
          "The sender's domain is not linked to the Communication Services resource.",
          "Link the domain to the resource that the user name names, or send from a linked one.",
          probe="MAIL FROM an address of a linked domain", topic="sender", seen_in="reply"),
    Cause("provider_sandbox", "mail", 1,
          "The account is still in the provider's sandbox: it may send only to or from verified "
          "addresses.",
          "Ask the provider to leave the sandbox, or verify the recipient's address.",
          probe="send to a verified recipient", seen_in="reply"),
    Cause("provider_account_inactive", "mail", 1,
          "The account at the provider is not active.",
          "Activate it, or have it unblocked, in the provider's panel.",
          probe="the provider's panel", seen_in="reply"),
    Cause("daily_quota_exceeded", "mail", 2,
          "The account has reached its daily quota.",
          "Wait until the quota is renewed, or use an account or provider with a higher one.",
          probe="one message on the next day", seen_in="reply"),
    Cause("rate_limited", "mail", 1,
          "More was sent than the server accepts in this time.",
          "Send slower and over one connection; do not repeat at once, because refused attempts "
          "may count, too. Where the provider allows it, ask for a higher quota.",
          probe="one message over one connection, after a pause", seen_in="reply"),
    Cause("too_many_recipients", "rcpt", 1,
          "The message has more recipients than the server accepts.",
          "Split it: send to fewer recipients at a time.",
          probe="the same with one recipient", seen_in="reply"),
    Cause("greylisted", "rcpt", 1,
          "The server defers unknown senders for some minutes (greylisting).",
          "Try again after some minutes, as a queue does; a client that gives up needs a relay.",
          probe="the same after ten minutes", seen_in="reply"),
    Cause("recipient_unknown", "rcpt", 2,
          "The server does not know this recipient.",
          "Correct the address. If it is right, the domain's mail is handled by another server, "
          "or the mailbox no longer exists.",
          probe="the same with --to another address of that domain", seen_in="reply"),
    Cause("sender_domain_unknown", "mail", 2,
          "The server cannot find the sender's domain, or the sender.",
          "Send from a domain that has an MX or address record in the public DNS: a host's own "
          "name (root@localhost, app@web.internal) has none. If it has one, check the server's "
          "resolver.",
          probe="resolve the domain of --from from the server", seen_in="reply"),
    Cause("mail_system_failure", "mail", 2,
          "The mail system itself has a problem: the client has done nothing wrong.",
          "On a server of your own, its log says what is missing: disk space, a service that it "
          "uses (filter, policy, lookup), a setting that it cannot read. Elsewhere, wait and try "
          "again, as a queue does.",
          probe="the same in ten minutes, and the server's log", seen_in="reply"),

    # the message
    Cause("content_rejected", "data", 1,
          "The server refuses the content of the message, not its sender.",
          "Its reply names the reason: words or links that look like spam, a forbidden type of "
          "attachment, a virus. Send a plain text first, then add one part at a time.",
          probe="the same with a plain text of one line", seen_in="reply"),
    Cause("too_large", "data", 2,
          "The message is too large for the server.",
          "Send less: attachments grow by 37 % in base64. SIZE in EHLO is the limit.",
          probe="a small message", seen_in="reply"),
    Cause("bare_lf", "data", 3,
          "The message contains line ends that are not CRLF.",
          "Write CRLF at the end of every line, headers and body.",
          probe="the raw bytes of the message", topic="line_ends", seen_in="reply"),
    Cause("line_too_long", "data", 1,
          "The message contains lines of more than 998 octets.",
          "Encode the body (quoted-printable or base64), or break its lines.",
          probe="the longest line of the message", topic="short_lines", seen_in="reply"),
    Cause("raw_utf8_headers", "data", 1,
          "Header fields contain non-ASCII bytes.",
          "Encode them (RFC 2047): most libraries do when the header is set through them.",
          probe="the same message with an ASCII subject", topic="ascii_headers", seen_in="reply"),
    Cause("missing_from_header", "data", 1,
          "The message has no From header, or an empty one.",
          "Set one From header with an address.",
          probe="the headers of the message", topic="from_header", seen_in="reply"),
    Cause("smtputf8_not_supported_downstream", "data", 1,
          "The message needs SMTPUTF8, and a server on its way does not support it.",
          "Use ASCII addresses and encoded headers (RFC 2047), or a server that lists SMTPUTF8.",
          probe="the same message with ASCII addresses and headers", seen_in="reply"),
)
# fmt: on
