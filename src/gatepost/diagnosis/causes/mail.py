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
    Cause("envelope_address_malformed", "mail", 2,
          "An address in MAIL or RCPT does not have the form of one.",
          "Pass the bare address (user@example.com) to MAIL and RCPT, one at a time: no display "
          "name, second pair of angle brackets, blank, comma or line end.",
          probe="print the address in quotes just before it is sent", topic="addresses",
          seen_in="reply",
          relay_fix="The application that gave the message to this relay named the address: "
                    "correct it there."),
    Cause("commands_out_of_order", "mail", 1,
          "The server refuses a command because an earlier one is missing or was refused.",
          "Look at the reply before it: the client goes on after a refusal. Otherwise, greet with "
          "EHLO, and send MAIL, RCPT and DATA in this order.",
          probe="the whole session, with each command and its reply", seen_in="reply"),
    Cause("reverse_dns_missing", "mail", 2,
          "The address that connects has no name in the DNS (PTR), or that name does not lead "
          "back to it.",
          "Have the owner of the address, usually the hosting provider, set a PTR record, and let "
          "that name resolve to the address; or send through a provider's relay.",
          probe="resolve the public address of the sending machine, and the result again",
          seen_in="reply",
          relay_fix="Have a PTR record set for this machine's address, set hostname to its name, "
                    "or deliver through a provider's smarthost."),
    Cause("recipient_restricted", "rcpt", 2,
          "The recipient takes mail only from certain senders, or from those who have signed in.",
          "Have the owner of the mailbox or group allow the sender or senders outside, or sign in "
          "as somebody who may.",
          probe="the same to another recipient of that domain", seen_in="reply"),
    Cause("recipient_suppressed", "rcpt", 2,
          "The provider does not send to this recipient: it is on the account's suppression list.",
          "If the address works again, remove it from the suppression list in the provider's "
          "panel or API.",
          probe="the suppression list of the provider", seen_in="reply"),
    Cause("recipient_domain_not_hosted", "rcpt", 1,
          "The server does not take mail for the recipient's domain.",
          "Correct the domain's MX, or add the domain to those that the server hosts or relays "
          "for. A server for submission takes it after a login.",
          probe="the same after a login, and to the hosts in the MX of the domain",
          seen_in="reply"),
    Cause("mailbox_full", "rcpt", 2,
          "The recipient's mailbox is full.",
          "Only its owner can empty it; try again later. If it is yours, delete mail or raise the "
          "quota.",
          probe="the same to another recipient of that domain", seen_in="reply"),
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
    Cause("sender_unauthenticated", "data", 3,
          "The receiver requires SPF, DKIM or DMARC to pass for the sender's domain.",
          "Publish an SPF record that includes the sending host, sign with DKIM for the domain in "
          "From, and let one of them match that domain (DMARC); or send through a provider that "
          "does.",
          probe="the Authentication-Results of a message to a mailbox elsewhere",
          seen_in="reply"),
    Cause("content_not_encoded", "data", 2,
          "The message has 8-bit or binary octets that this server, or the next one, does not "
          "take.",
          "Encode the body and attachments (quoted-printable or base64), or send 8-bit only where "
          "EHLO lists 8BITMIME, with BODY=8BITMIME.",
          probe="the same message in pure ASCII", topic="encoded_body", seen_in="reply",
          relay_fix='Set eight_bit = "encode" at the target.'),
    Cause("mail_loop", "data", 2,
          "The message goes in a circle: it has passed through too many servers.",
          "Find the two servers that send it to each other in its Received fields; usually an MX, "
          "smarthost or forwarding points back.",
          probe="the Received fields of the bounce", seen_in="reply"),
    Cause("delivery_expired", "data", 1,
          "A queue gave up because the message could not be delivered in time.",
          "The reason is in the deferrals before: look for them in the server's log.",
          probe="the deferrals of this message in the server's log", seen_in="reply"),
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
