"""Causes in EHLO, and before it: what the client says first."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    Cause("helo_rejected", "ehlo", 8,
          "The server refuses the client's name in EHLO.",
          "Set the client's name in EHLO to its own full host name, or to its address in brackets.",
          probe="EHLO with a name that resolves to the client's address",
          topic="hello", seen_in="reply"),
    Cause("auth_not_advertised", "ehlo", 1,
          "The server does not offer AUTH: clients cannot sign in here.",
          "Use the provider's submission port (587 or 465; 25 is for mail exchange), switch AUTH "
          "on in your own server, or send without signing in if it trusts your address.",
          probe="EHLO before and after TLS; MAIL and RCPT without AUTH",
          relay_fix="Use the submission port (587 or 465), switch AUTH on in your own server, or "
                    "remove the credential from the target if the server trusts this relay's "
                    "address.", topic="no_auth"),
    Cause("client_skipped_ehlo", "ehlo", 1,
          "The client greets with HELO or not at all, so it sees no AUTH.",
          "Make the client greet with EHLO (mailsend -ehlo, smtp-cli --force-ehlo).",
          probe="EHLO lists AUTH where HELO does not"),
    Cause("client_ehlo_parse_bug", "ehlo", 1,
          "The server lists the mechanism, but the client does not recognise it.",
          "Update the client, or make the server list AUTH on another line.",
          probe="check in which line of the EHLO reply AUTH is"),
    Cause("client_no_ehlo_after_starttls", "ehlo", 1,
          "The client does not send EHLO again after STARTTLS (RFC 3207 4.2).",
          "Make the client send EHLO after the TLS handshake, before AUTH.",
          probe="EHLO after TLS, then AUTH"),
    Cause("client_speaks_http", "ehlo", 1,
          "The client speaks HTTP to a mail port.",
          "Point the HTTP client (a health check, a webhook, a browser) to an HTTP port; a check "
          "of the mail port should wait for 220 and send QUIT.",
          probe="which program connects from that address"),
    Cause("other_protocol", "greeting", 3,
          "This port does not speak SMTP.",
          "Use the server's port for submission: 587 (STARTTLS) or 465 (implicit TLS). IMAP (143, "
          "993) and POP3 (110, 995) fetch mail, they do not send it.",
          probe="ask the ports 587 and 465 of the same host"),
    Cause("client_left_after_greeting", "greeting", 1,
          "The client disconnects after the greeting, without EHLO.",
          "If this is a health check or a port scan, nothing is wrong. Otherwise the client "
          "rejected the greeting, or it came too late: increase the client's timeout, and check "
          "its log.",
          probe="what the client logs at the same moment"),
    Cause("pipelining_not_offered", "ehlo", 1,
          "The client sends commands before the replies, and the server does not offer PIPELINING.",
          "Make the client wait for each reply (RFC 5321 4.3.1), or switch its pipelining off if "
          "EHLO does not list PIPELINING (RFC 2920).",
          probe="the same commands, each after the reply to the one before"),
    Cause("client_reply_desync", "ehlo", 1,
          "The client sends before the reply is complete: it assigns replies to the wrong "
          "commands.",
          "Update the client: a reply ends at the line with a space after its code (RFC 5321 "
          "4.2.1).",
          probe="the order of lines in the client's log"),
)
# fmt: on
