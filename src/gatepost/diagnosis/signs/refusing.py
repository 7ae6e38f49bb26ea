"""Refusals that are not about the login or the dialogue: the server's state, the recipient, the
sender's domain, the content, the route (RFC 3463 3.2 to 3.8)."""

from typing import Final

from gatepost.diagnosis.signs.auth import has_signed_in
from gatepost.diagnosis.signs.envelope import RATE
from gatepost.diagnosis.signs.network import LISTED
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
_NO_RECIPIENT = (
    "user unknown", "unknown user", "no such user", "no such recipient", "no such mailbox",
    "unrouteable address", "recipient unknown", "recipient not found", "mailbox not found",
    "mailbox does not exist", "user does not exist", "user doesn't exist", "user not found",
    "account that you tried to reach does not exist", "recipient*does not exist",
    "no mailbox here by that name", "address does not exist", "unknown recipient",
    "recipient address rejected: domain not found", "unknown local part", "addressee unknown",
)  # fmt: skip
_NO_DOMAIN = (
    "sender address rejected: domain not found", "domain of sender address*does not exist",
    "sender address rejected: unverified address", "unable to verify sender",
    "could not verify sender", "cannot resolve*sender", "sender domain*not exist",
    "sender domain*not found", "sender domain*not resolv", "domain of sender*not resolve",
    "unresolvable*sender", "sender*unresolvable", "sender domain must", "cannot find your domain",
    "sender address rejected: malformed dns", "sender*has no mx", "sender domain has no a",
    "sender address rejected: undeliverable", "sender verify", "sender domain has an invalid",
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

NOT_THE_NAME: Final = (*_NO_CERTIFICATE, *_IN_TROUBLE, *_NOT_THIS_HOST, *RATE, *LISTED)
"""A refusal of EHLO with one of these texts is not about the name."""

# fmt: off
SIGNS: Final = (
    Sign("sender_not_authorised", 15, _NO_RELAY, at=("mail", "rcpt", None), when=has_signed_in),
    Sign("recipient_unknown", 15, _NO_RECIPIENT, codes=(450, 451, 550, 551, 553, 554), at=_MAIL),
    Sign("recipient_unknown", 12, status=("5.1.1", "5.1.10", "4.1.1"), at=("rcpt", "data", None)),
    Sign("recipient_unknown", 13, ("recipient address rejected: access denied",),
         status=("5.4.1",), at=("rcpt", "data", None)),  # Exchange Online
    Sign("recipient_unknown", 13, ("invalid recipient",), at=("rcpt",), when=has_signed_in),
    Sign("recipient_unknown", -16, ("unverified address", "verification in progress"),
         codes=(450, 451)),
    Sign("sender_domain_unknown", 17, _NO_DOMAIN),
    Sign("sender_domain_unknown", 14, status=("4.1.8", "5.1.8"), at=_MAIL,
         unless=("bad outbound sender",)),
    Sign("provider_account_inactive", 17, ("bad outbound sender",)),  # Microsoft: locked for spam
    Sign("sender_not_authorised", -16, _NO_DOMAIN),
    Sign("mail_system_failure", 15, _IN_TROUBLE, codes=(421, 431, 450, 451, 452, 454, 550, 554),
         at=_ANY),
    Sign("mail_system_failure", 12, status=("4.3.0", "4.3.1", "4.3.5", "5.3.0", "5.3.5"), at=_ANY,
         unless=("too many", "rate", "limit")),
    Sign("mail_system_failure", 10,
         ("service unavailable", "service not available", "service temporarily unavailable"),
         codes=(421, 451), at=("greeting",)),
    # an unhandled exception, as aiosmtpd reports it
    Sign("mail_system_failure", 16, ("error: (*error)", "error: (*exception)"), codes=(500, 451),
         at=("ehlo", *_MAIL)),
    Sign("server_auth_backend_down", 16, ("error: (*error)", "error: (*exception)"),
         codes=(500, 454), at=("auth",)),
    # these have the same code, but the server is not in trouble
    Sign("greylisted", -12, _IN_TROUBLE, codes=(450, 451)),
    Sign("rate_limited", -9, _IN_TROUBLE, codes=(421, 450, 451)),
    Sign("server_tls_misconfigured", -16, status=("4.3.0",), at=("starttls",),
         unless=("tls not", "start tls")),
    Sign("content_rejected", 16, _CONTENT, codes=(450, 451, 550, 551, 552, 553, 554, 571),
         at=("data", "rcpt", None)),
    Sign("client_certificate_required", 17, _NO_CERTIFICATE,
         unless=("client certificate not requested", "no client certificate ca names",
                 "no client certificate set")),  # lines that swaks and s_client always print
    Sign("address_blocklisted", 13, _NOT_THIS_HOST, at=("greeting",)),
    Sign("address_blocklisted", 9, _NOT_THIS_HOST, at=("mail", "rcpt", None), when=has_signed_in),
    Sign("address_blocklisted", 13, status=("5.7.501", "5.7.502", "5.7.503", "5.7.708"), at=_ANY),
    # a client that is refused with the greeting could not sign in
    Sign("auth_not_performed", -14, codes=(421, 450, 451, 521, 550, 554), at=("greeting",)),
    Sign("helo_rejected", -14, NOT_THE_NAME, at=("ehlo",)),
)
# fmt: on
