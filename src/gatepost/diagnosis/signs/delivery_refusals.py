"""Refusals that are not about the login or the dialogue: the server's state, the recipient, the
sender's domain, the content, the route (RFC 3463 3.2 to 3.8)."""

from typing import Final

from gatepost.diagnosis.signs.login import has_signed_in
from gatepost.diagnosis.signs.network import LISTED
from gatepost.diagnosis.signs.sender_and_message import RATE
from gatepost.diagnosis.signs.sign import Sign
from gatepost.model.evidence import DialoguePhase

_MAIL: Final[tuple[DialoguePhase | None, ...]] = ("mail", "rcpt", "data", None)
_ANY: Final[tuple[DialoguePhase | None, ...]] = ("greeting", "ehlo", "starttls", *_MAIL)

_NO_RELAY = (
    "relay access denied", "relaying denied", "relay denied", "unable to relay",
    "relay not permitted", "relaying not allowed", "relay prohibited", "cannot relay",
    "not permitted to relay", "no relaying", "not a relay", "do not relay", "relaying is not",
    "not allowed to relay", "relaying not permitted",
)  # fmt: skip
_IN_TROUBLE = (
    "insufficient system storage", "space shortage", "insufficient system resources",
    "insufficient disk", "queue file write error", "no space left", "disk full", "out of disk",
    "out of memory", "temporary lookup failure", "server configuration", "configuration error",
    "configuration problem", "temporary local problem", "local error in processing",
    "under maintenance", "in maintenance", "down for maintenance", "system not accepting",
    "not accepting network messages", "not accepting messages", "internal server error",
    "internal software error", "temporary server error", "temporary system problem",
    "temporary system failure", "mail system*temporarily unavailable", "service shutting down",
    "server shutting down", "filter*unavailable", "scanner*unavailable",
    "policy service*unavailable", "milter", "content filter*fail", "database*unavailable",
    "unexpected failure", "rejecting connections on daemon", "resource temporarily unavailable",
    "temporary failure",
)  # fmt: skip
_CONTENT = (
    "message content rejected", "content rejected", "rejected*spam", "contains spam",
    "considered spam", "looks like spam", "classified as spam", "identified as spam",
    "detected as spam", "spam message", "spam content", "spam detected", "high spam", "spam score",
    "probability of spam",
    "contains a virus", "contains virus", "virus found", "virus detected", "infected",
    "unsolicited mail", "attachment*not allowed", "attachment*blocked", "banned attachment",
    "blocked attachment", "attachment type", "file type*not allowed", "executable",
    "prohibited content", "blocked*content", "content policy", "phishing", "dt:spm",  # NetEase
)  # fmt: skip
_NO_CERTIFICATE = (
    "no client certificate", "client certificate not", "certificate required",
    "did not return a certificate", "requires a client certificate",
    "client certificate is required", "present a*client certificate", "valid client certificate",
)  # fmt: skip
_NOT_THIS_HOST = (
    "client host rejected", "cannot find your hostname", "cannot find your reverse",
    "no reverse dns", "reverse dns*required", "ptr record", "connection refused by policy",
    "connection denied", "traffic not accepted from this ip", "banned sending ip",
    "your ip*not allowed", "your host*not allowed", "access denied to your ip",
)  # fmt: skip

_LINE_ENDS = ("bare lf", "bare linefeed", "bare newline", "bare cr", "line ending")
NOT_THE_NAME: Final = (
    *_NO_CERTIFICATE, *_IN_TROUBLE, *_NOT_THIS_HOST, *RATE, *LISTED, *_LINE_ENDS,
)  # fmt: skip
"""A refusal of EHLO with one of these texts is not about the name."""

# fmt: off
SIGNS: Final = (
    Sign("recipient_domain_not_hosted", _NO_RELAY, at=("rcpt", None), when=has_signed_in),
    Sign("sender_not_authorised", _NO_RELAY, at=("mail", "rcpt", None), when=has_signed_in),
    Sign("recipient_unknown", ("invalid recipient",), at=("rcpt",), when=has_signed_in),
    # an unhandled exception, as aiosmtpd reports it
    # these have the same code, but the server is not in trouble
    Sign("address_blocklisted", _NOT_THIS_HOST, at=("mail", "rcpt", None), when=has_signed_in),
    # a client that is refused with the greeting could not sign in
)
# fmt: on
