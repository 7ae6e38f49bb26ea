"""Every reply of the protocol: one name, one condition, one line.

A profile may override each by its name. Codes are those of RFC 5321 4.2.3, enhanced status codes
those of RFC 3463, RFC 5248 and RFC 4954 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from gatepost.model.reply import Esc, Reply


# fmt: off
@dataclass(frozen=True, slots=True)
class Replies:
    """The table. Names are upper case, because they are used like constants."""

    TLS_READY: Reply = Reply(220, "Ready to start TLS", Esc(2, 0, 0))
    GOODBYE: Reply = Reply(221, "Bye", Esc(2, 0, 0))
    HELP: Reply = Reply(214, "See RFC 5321", Esc(2, 0, 0))
    SIGNED_IN: Reply = Reply(235, "Authentication successful", Esc(2, 7, 0))
    OK: Reply = Reply(250, "OK", Esc(2, 0, 0))
    SENDER_OK: Reply = Reply(250, "Sender OK", Esc(2, 1, 0))
    RECIPIENT_OK: Reply = Reply(250, "Recipient OK", Esc(2, 1, 5))
    CHUNK_OK: Reply = Reply(250, "Chunk received", Esc(2, 0, 0))
    ACCEPTED: Reply = Reply(250, "OK queued as {id}", Esc(2, 0, 0))
    CANNOT_VERIFY: Reply = Reply(252, "Cannot verify, but will take the message", Esc(2, 1, 5))
    START_CONTENT: Reply = Reply(354, "Start mail input; end with <CRLF>.<CRLF>")

    TIMED_OUT: Reply = Reply(421, "Connection timed out", Esc(4, 4, 2))
    TOO_MANY_ERRORS: Reply = Reply(421, "Too many errors", Esc(4, 7, 0))
    TOO_MANY_COMMANDS: Reply = Reply(421, "Too many commands", Esc(4, 7, 0))
    TOO_MANY_MESSAGES: Reply = Reply(421, "Too many messages on this connection", Esc(4, 7, 0))
    TOO_MANY_CONNECTIONS: Reply = Reply(421, "Too many connections", Esc(4, 3, 2))
    SHUTTING_DOWN: Reply = Reply(421, "Service shutting down", Esc(4, 3, 2))
    MAILBOX_NOT_OPENED: Reply = Reply(430, "The mailbox cannot be opened", Esc(4, 2, 0))
    NOT_STORED: Reply = Reply(451, "Message could not be stored", Esc(4, 3, 0))
    STORE_FULL: Reply = Reply(452, "Insufficient system storage", Esc(4, 3, 1))
    TOO_MANY_RECIPIENTS: Reply = Reply(452, "Too many recipients", Esc(4, 5, 3))
    TLS_UNAVAILABLE: Reply = Reply(454, "TLS not available", Esc(4, 7, 0))
    AUTH_UNAVAILABLE: Reply = Reply(454, "Temporary authentication failure", Esc(4, 7, 0))
    GREYLISTED: Reply = Reply(450, "Greylisted, please try again later", Esc(4, 2, 0))
    EXCESSIVE_RATE: Reply = Reply(450, "Excessive message rate from sender", Esc(4, 7, 1))

    UNKNOWN_COMMAND: Reply = Reply(500, "Command not recognized", Esc(5, 5, 1))
    LINE_TOO_LONG: Reply = Reply(500, "Line too long", Esc(5, 5, 2))
    AUTH_LINE_TOO_LONG: Reply = Reply(500, "Authentication exchange line is too long", Esc(5, 5, 6))
    MALFORMED_LINE: Reply = Reply(500, "Control character in command", Esc(5, 5, 2))
    BAD_ARGUMENTS: Reply = Reply(501, "Syntax error in arguments", Esc(5, 5, 4))
    BAD_BASE64: Reply = Reply(501, "Cannot decode base64", Esc(5, 5, 2))
    BAD_RESPONSE: Reply = Reply(501, "Malformed authentication response", Esc(5, 5, 2))
    HELLO_REFUSED: Reply = Reply(501, "Invalid domain name", Esc(5, 5, 4))
    USERNAME_MALFORMED: Reply = Reply(501, "Invalid user name", Esc(5, 5, 2))
    BAD_SENDER: Reply = Reply(501, "Bad sender address syntax", Esc(5, 1, 7))
    BAD_RECIPIENT: Reply = Reply(501, "Bad recipient address syntax", Esc(5, 1, 3))
    BYTES_BEFORE_TLS: Reply = Reply(501, "Data behind STARTTLS", Esc(5, 5, 2))
    AUTH_CANCELLED: Reply = Reply(501, "Authentication cancelled", Esc(5, 7, 0))
    NOT_IMPLEMENTED: Reply = Reply(502, "Command not implemented", Esc(5, 5, 1))
    BAD_SEQUENCE: Reply = Reply(503, "Bad sequence of commands", Esc(5, 5, 1))
    AUTH_UNRECOGNIZED: Reply = Reply(504, "Unrecognized authentication type", Esc(5, 5, 4))
    AUTH_REQUIRED: Reply = Reply(530, "Authentication required", Esc(5, 7, 0))
    TLS_REQUIRED: Reply = Reply(530, "Must issue a STARTTLS command first", Esc(5, 7, 0))
    AUTH_FAILED: Reply = Reply(535, "Authentication credentials invalid", Esc(5, 7, 8))
    AUTH_NEEDS_TLS: Reply = Reply(538, "Encryption required for authentication", Esc(5, 7, 11))
    BARE_NEWLINE: Reply = Reply(550, "Bare CR or LF in message", Esc(5, 6, 11))
    RECIPIENT_RATE: Reply = Reply(550, "Too many recipients today", Esc(5, 1, 90))
    EXTERNAL_RATE: Reply = Reply(550, "Too many external recipients today", Esc(5, 7, 233))
    RECIPIENT_EXTERNAL: Reply = Reply(550, "External recipients are not allowed", Esc(5, 5, 105))
    NO_ROUTE: Reply = Reply(550, "Mail to this recipient is not relayed", Esc(5, 7, 1))
    SENDER_DOMAIN_NOT_LINKED: Reply = Reply(550, "Sender domain is not yours", Esc(5, 7, 1))
    SENDER_NOT_REGISTERED: Reply = Reply(550, "Sender address is not yours", Esc(5, 7, 1))
    MESSAGE_TOO_BIG: Reply = Reply(552, "Message size exceeds fixed maximum", Esc(5, 3, 4))
    NEEDS_SMTPUTF8: Reply = Reply(553, "Non-ASCII address without SMTPUTF8", Esc(5, 6, 7))
    ACCESS_DENIED: Reply = Reply(554, "Access denied", Esc(5, 7, 1))
    CONTENT_LINE_TOO_LONG: Reply = Reply(550, "Message has a line too long", Esc(5, 6, 0))
    HEADER_NOT_ASCII: Reply = Reply(550, "Header contains non-ASCII characters", Esc(5, 6, 0))
    FROM_MISSING: Reply = Reply(550, "Message has no From header", Esc(5, 6, 0))
    NUL_IN_MESSAGE: Reply = Reply(554, "NUL octet in message", Esc(5, 6, 0))
    TOO_MANY_HOPS: Reply = Reply(554, "Too many hops: the message is looping", Esc(5, 4, 6))
    NO_RECIPIENTS: Reply = Reply(554, "No valid recipients", Esc(5, 5, 1))
    NOT_SMTP: Reply = Reply(554, "This is an SMTP server", Esc(5, 5, 1))
    UNKNOWN_PARAMETER: Reply = Reply(555, "Parameter not recognized or not offered", Esc(5, 5, 4))
# fmt: on

NAMES = frozenset(field.name for field in fields(Replies))
"""Every name that a profile may override."""


def replies_with(overrides: Mapping[str, Reply]) -> Replies:
    """Return the table with some entries replaced. Raises ValueError for an unknown name."""
    unknown = sorted(set(overrides) - NAMES)
    if unknown:
        raise ValueError(f"no reply is named {', '.join(unknown)}")
    return Replies(**overrides)
