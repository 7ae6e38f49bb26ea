"""MAIL, RCPT and the message."""

import re
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.login import has_no_auth, has_signed_in, is_token_login
from gatepost.diagnosis.signs.offered_mechanisms import TLS_OFF
from gatepost.diagnosis.signs.sign import Sign

_NEEDS_AUTH = (
    "authentication required", "authentication is required", "auth required", "must authenticate",
    "relay access denied", "relaying denied", "relay denied", "unable to relay",
    "relay not permitted",
    "relaying not allowed", "relaying disallowed", "not authenticated", "authenticate first",
    "please authenticate", "client host rejected", "client was not authenticated",
    "requires authentication", "log in first", "smtp authentication", "unauthenticated",
    "need to authenticate", "authentication needed", "sender must be authenticated",
    "relay prohibited", "cannot relay", "not permitted to relay", "no relaying", "login first",
    "5.7.0 authentication", "do not allow relay", "authorize yourself", "mail relay denied",
    "not logged in", "you must log in", "cannot deliver mail for", "can't deliver mail for",
    "not a relay", "we do not relay", "relaying is not", "relaying not",
    "authenticate before", "authentication first", "access denied*auth", "5.7.1 relay",
    "auth is required", "turn on smtp auth", "enable smtp auth",
    "while in auth state",  # nginx's mail proxy
)  # fmt: skip
_NOT_YOURS = (
    "not owned by user", "sendasdenied", "send as this sender", "not allowed to send as",
    "not permitted to send as", "5.7.60", "5.2.252", "send as denied",
    "permission to send as", "not own", "not allowed to use*sender", "sender*not allowed",
    "not authorized to send", "must match*authenticated", "not authorised to send",
    "from address*not*match", "mail from*must*same", "sender is not allowed",
    "relaying disallowed as",
    "sender verify failed", "sender rejected", "no rights to send", "sender not permitted",
    "does not have permissions to send", "from*does not match*auth", "wrong sender",
    "mail from must equal", "username is invalid", "you are not allowed to send",
    "sender address is not", "address not allowed", "not authorized to use", "not match with login",
    "unauthorized sender", "sender unauthorized", "sender mismatch", "invalid sender",
    "sender*not belong", "from*does not belong", "from*not one of your", "not local sender",
    "sender*not permitted", "cannot send from", "cannot send as", "can't send from",
    "can't send as", "may not send from", "may not send as", "not allowed to send from",
    "not permitted to send from", "not allowed to use the*sender", "not allowed to use*domain",
    "must be same as", "must be the same as", "same as authorization user", "must equal authorized",
    "sender*must be the authenticated", "sender*not the authenticated", "sender*does not match",
    "from*must be the login", "sender domain*not allowed", "sender*is not authori",
    "unauthorised sender", "address*not allowed for this account", "sender spoofing",
    "not authorized for sending", "from*not match the authenticated", "sender alias",
    "send mail as this", "not owned by auth", "not allowed as sender", "from address*not permitted",
    "sender address*not owned", "user not allowed to send from", "not a valid sender for",
    "sender*not associated with", "from header*not match", "not allowed to send mail from",
    "forged sender", "sender*does not exist in your account", "dt:sum",  # NetEase
)  # fmt: skip
RATE = (
    "rate limit", "too many messages", "too many emails", "sending rate", "throttl", "rate-limit",
    "message rate", "thread limit exceeded", "too many concurrent", "concurrent connections",
    "slow down", "too fast", "ratelimit", "exceeded*per minute", "exceeded*per hour",
    "too many requests", "hourly limit", "emails per hour", "messages per", "too much mail",
    "temporarily deferred", "rate exceeded", "sender rate", "submission rate",
    "too many connections", "too quickly", "too many times", "max*per hour", "emails per second",
    "too many sessions", "at a rate that",
)  # fmt: skip
_GREY = (
    "greylist", "graylist", "grey-list", "gray-list", "postgrey", "grey list", "gray list",
    "deferred for*seconds", "please retry later*policy",
)  # fmt: skip
_BARE = (
    "bare lf", "bare newline", "bare <lf>", "bare cr", "barelinefeed", "smtplf", "stray newline",
    "stray linefeed", "lone lf", "lone cr", "bare linefeed", "5.6.11", "bare_lf", "line feed",
    "bare carriage", "not properly terminated", "linefeeds", "crlf", "bare-lf", "line ending",
    "cr without lf", "lf without cr", "unix line",
)  # fmt: skip
_LONG = (
    "line too long", "line length", "lines too long", "lines longer than", "maximum line",
    "line is too long", "998 char", "998 octets", "998 bytes", "limit*998", "than 998", "998 limit",
    "over 998", "max line", "line exceeds", "long lines",
)  # fmt: skip


def has_only_helo(reading: Reading) -> bool:
    """The client uses HELO, never EHLO, so AUTH is not available."""
    text = (
        reading.text
        + "\n"
        + "\n".join(line.text.lower() for line in reading.seen.transcript if line.speaker == "C")
    )
    return _HELO_LINE.search(text) is not None and "ehlo" not in text


_HELO_LINE: Final = re.compile(
    r"(?m)^[\W\d]{0,12}(?:c|client|sent|send|=>)?[\]:>\s-]{0,6}helo \S+\s*$"
)


def has_no_sign_in(reading: Reading) -> bool:
    """Nothing shows that the client signed in."""
    return has_no_auth(reading) and not has_signed_in(reading)


# fmt: off
SIGNS: Final = (
    # a host of Microsoft 365 that accepts only mail for known addresses
    # SPF and DKIM: they are not about who signed in
    Sign("auth_not_performed", _NEEDS_AUTH,
         when=lambda r: has_no_sign_in(r) and "gmail_relay" not in r.providers,
         unless=("secure connection or the client", "5.7.57", "535", "504 ", "5.7.139")),
    Sign("auth_not_performed", ("rcpt failed: 55", "mail failed: 53", "rcpt failed: 53"),
         client=("curl",), when=has_no_sign_in),
    Sign("auth_not_performed", codes=(530,), unless=("5.7.57", "ssl", "tls", "535"),
         when=has_no_sign_in),
    Sign("starttls_required", ("5.7.57", "530"), context=TLS_OFF, when=has_no_sign_in),
    Sign("starttls_required", ("5.7.57", "530"),
         when=lambda r: (has_no_sign_in(r) and any(words in r.text for words in TLS_OFF))),
    Sign("auth_not_performed", ("5.7.57",), when=has_no_sign_in, unless=("5.7.139",)),
    Sign("client_credentials_dropped", (*_NEEDS_AUTH, "secure connection or the client"),
         client=("system-net-mail", "powershell"), when=has_no_sign_in,
         unless=("5.7.139", "5.7.57", "starttls", "5.7.3 ", "5.7.4 ", "535", "504", "5.7.0 must")),
    Sign("client_credentials_dropped", _NEEDS_AUTH, when=has_no_sign_in,
         unless=("unable to relay", "relay access denied")),
    # Exchange: the client may also have found no mechanism to sign in with
    Sign("mechanism_not_offered", ("client was not authenticated",), when=has_no_sign_in,
         unless=("secure connection or the client", "5.7.57")),
    Sign("client_skipped_ehlo", _NEEDS_AUTH, client=("",),
         context=("mailsend", "smtp-cli", "blat"), when=has_no_sign_in),
    Sign("client_skipped_ehlo", _NEEDS_AUTH, when=has_only_helo),
    Sign("auth_not_performed", _NEEDS_AUTH, when=has_only_helo, against=True),
    Sign("client_skipped_ehlo", _NEEDS_AUTH,
         context=("mailsend", "smtp-cli", "blat", "firmware", "esp32", "arduino", "busybox"),
         when=has_no_sign_in),
    # Postfix's text for every refusal because of the sender
    # without a login, no address belongs to the client
    Sign("sender_not_authorised", ("not logged in", "unauthenticated sender"),
         when=has_no_sign_in, against=True),
    Sign("auth_not_performed", ("not logged in", "unauthenticated sender"), when=has_no_sign_in),
    Sign("client_credentials_dropped", ("not logged in", "unauthenticated sender"),
         client=("system-net-mail", "powershell"), when=has_no_sign_in),
    # an unknown error in a command
    Sign("sender_not_authorised", codes=(550, 553, 554), at=("mail",), when=has_signed_in),
    # JavaMail's text for any refused recipient
    Sign("account_name_used_as_sender",
         ("from:<apikey", "from:<resend", "<apikey>", "<resend>", "from: apikey"),
         when=lambda r: not r.seen.attempts and any(w in r.text for w in ("sender", "from",
         "address"))),
    Sign("sender_not_authorised", _NOT_YOURS,
         when=lambda r: (r.seen.mail.value is not None and not r.seen.mail.value.argument),
         against=True),
    Sign("envelope_sender_missing", when=lambda r: r.seen.mail.value is not None and (not
         r.seen.mail.value.argument) and r.seen.mail.value.reply.code >= 500,
         proof="MAIL FROM is empty, and was refused"),
    Sign("line_too_long", _LONG,
         when=lambda r: is_token_login(r) and r.seen.content.value is None, against=True),
)
# fmt: on
