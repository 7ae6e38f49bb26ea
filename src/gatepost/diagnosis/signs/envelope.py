"""MAIL, RCPT and the message."""

import re
from typing import Final

from gatepost.diagnosis.signs.auth import has_no_auth, has_signed_in, is_token_login
from gatepost.diagnosis.signs.offer import TLS_OFF
from gatepost.diagnosis.signs.reading import Reading
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
_HELO = (
    "helo command rejected", "invalid helo", "invalid ehlo", "(ehlo)",
    "need fully-qualified hostname", "helo argument", "ehlo argument", "invalid domain name",
    "helo name", "ehlo name", "helo rejected", "ehlo rejected", "hostname*helo", "helo hostname",
    "bad helo", "illegal helo", "unqualified helo", "helo*fully qualified",
    "closing connection. (ehlo", "helo was rejected", "ehlo*not accepted", "host not found*helo",
    "hello name", "argument to ehlo", "does not like*helo", "helo requires", "ehlo requires",
    "domain name*helo", "helo*invalid", "ehlo*invalid",
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
_NOT_VERIFIED = (
    "sender identity", "domain is not verified", "not a verified", "sender*not verified",
    "unverified sender", "unverified domain", "domain*not*verified", "sender signature",
    "verify your*domain", "from address*verif", "domain not verified", "address is not confirmed",
    "sender*not been confirmed", "must be verified", "not been verified",
    "sender address*valid*sender",
)  # fmt: skip
_TOO_LARGE = (
    "too much mail data", "message size exceed", "max message size", "maximum message size",
    "message too big", "size limit", "exceeds fixed", "exceeds size",
    "exceeded storage allocation*size", "too large", "maximum size", "message file too big",
    "size exceeds", "exceeds the maximum", "message length exceeds", "message exceeds",
    "larger than", "smtpmaxsize",
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
_QUOTA = (
    "daily user sending", "daily limit", "daily quota", "sending limit", "quota exceeded",
    "daily message quota", "per day", "exceeded*daily", "24 hour", "24-hour", "sending quota",
    "maximum credits", "monthly limit", "daily*limit", "credits exceeded", "message limit",
    "messages limit", "monthly quota", "free plan", "day*limit", "send limit exceeded",
    "send limit reached", "sent limit", "limit*24h", "daily cap", "quota*reached",
    "quota*exhausted", "out of credits", "no credits", "insufficient credits", "plan limit",
    "emails remaining: 0", "quota has been exceeded", "exceeded your*quota",
    "exceeded*sending*allow", "limit of outgoing", "reached your*limit", "limit for today",
    "sending capacity",
)  # fmt: skip
_SYNTAX = ("invalid argument", "invalid parameter", "bad parameter", "syntax error")
_GREY = (
    "greylist", "graylist", "grey-list", "gray-list", "postgrey", "grey list", "gray list",
    "deferred for*seconds", "please retry later*policy",
)  # fmt: skip
_MANY = (
    "recipient limit", "number of recipients", "recipients exceed", "max recipients",
    "maximum recipients", "recipients limit", "recipients per message", "max*recipients",
    "recipient count", "too many rcpt", "many recipients", "more than*recipients",
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
_RAW = (
    "invalid characters", "non-ascii", "8-bit", "8bit", "unencoded", "illegal 8", "raw utf",
    "unprintable", "not rfc 2047", "rfc2047", "bad header", "header contains", "illegal character",
    "invalid header", "non ascii",
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
    Sign("helo_rejected", 16, _HELO),
    Sign("helo_rejected", 14, at=("ehlo",),
         codes=(450, 451, 500, 501, 502, 503, 504, 550, 553, 554, 421, 555),
         unless=("obtained from helo",)),
    Sign("helo_rejected", 10, ("try again later, closing connection",), codes=(421,)),
    Sign("helo_rejected", 14, ("relay denied", "relay not allowed", "registered*workspace",
         "registered*g suite", "mail relay"), provider=("gmail_relay",)),
    Sign("helo_rejected", 5, codes=(421,), provider=("gmail_relay", "gmail"),
         at=("ehlo", None, "greeting")),
    Sign("helo_rejected", 4, ("192.168.", "[127.0.0.1]", "localhost.localdomain", "[10.", "[172."),
         provider=("gmail_relay",), context=("ip allow", "allow-list", "allowlist", "whitelist")),
    Sign("wrong_submission_host", 10,
         ("relay denied", "isn't registered", "not registered", "invalid credentials for relay"),
         provider=("gmail_relay",)),
    Sign("wrong_submission_host", 6,
         ("isn't registered", "is not registered", "g suite account", "workspace account"),
         provider=("gmail_relay",)),
    Sign("wrong_submission_host", 5, ("@gmail.com",), provider=("gmail_relay",)),
    # a host of Microsoft 365 that accepts only mail for known addresses
    Sign("wrong_submission_host", 12.5, ("tenantattribution",)),
    Sign("wrong_submission_host", 13, ("mail relay denied*invalid credentials for relay",)),
    Sign("wrong_submission_host", 9, ("relay denied", "invalid credentials for relay"),
         context=("gmail.com account", "consumer", "personal", "free gmail", "@gmail.com")),
    # SPF and DKIM: they are not about who signed in
    Sign("auth_not_performed", -20, ("5.7.26", "spf or dkim", "dmarc")),
    Sign("client_credentials_dropped", -20, ("5.7.26", "spf or dkim", "dmarc")),
    Sign("sender_not_authorised", -8, ("5.7.26", "spf or dkim", "dmarc"), unless=("send as",)),
    Sign("auth_not_performed", 11, _NEEDS_AUTH,
         when=lambda r: has_no_sign_in(r) and "gmail_relay" not in r.providers,
         unless=("secure connection or the client", "5.7.57", "535", "504 ", "5.7.139")),
    Sign("auth_not_performed", 7, ("rcpt failed: 55", "mail failed: 53", "rcpt failed: 53"),
         client=("curl",), when=has_no_sign_in),
    Sign("auth_not_performed", 7, codes=(530,), unless=("5.7.57", "ssl", "tls", "535"),
         when=has_no_sign_in),
    Sign("starttls_required", 14, ("5.7.57", "530"), context=TLS_OFF, when=has_no_sign_in),
    Sign("starttls_required", 14, ("5.7.57", "530"),
         when=lambda r: (has_no_sign_in(r) and any(words in r.text for words in TLS_OFF))),
    Sign("auth_not_performed", 5, ("5.7.57",), when=has_no_sign_in, unless=("5.7.139",)),
    Sign("client_credentials_dropped", 11.5, (*_NEEDS_AUTH, "secure connection or the client"),
         client=("system-net-mail", "powershell"), when=has_no_sign_in,
         unless=("5.7.139", "5.7.57", "starttls", "5.7.3 ", "5.7.4 ", "535", "504", "5.7.0 must")),
    Sign("client_credentials_dropped", 5, _NEEDS_AUTH, when=has_no_sign_in,
         unless=("unable to relay", "relay access denied")),
    # Exchange: the client may also have found no mechanism to sign in with
    Sign("mechanism_not_offered", 5.5, ("client was not authenticated",), when=has_no_sign_in,
         unless=("secure connection or the client", "5.7.57")),
    Sign("client_credentials_dropped", 9, ("usedefaultcredentials",)),
    Sign("client_credentials_dropped", 14, ("usedefaultcredentials = true",
         "usedefaultcredentials=true", "usedefaultcredentials*after*credentials",
         "credentials*then*usedefaultcredentials")),
    Sign("client_skipped_ehlo", 6.5, _NEEDS_AUTH, client=("",),
         context=("mailsend", "smtp-cli", "blat"), when=has_no_sign_in),
    Sign("client_skipped_ehlo", 17, _NEEDS_AUTH, when=has_only_helo),
    Sign("auth_not_performed", -6, _NEEDS_AUTH, when=has_only_helo),
    Sign("client_skipped_ehlo", 5, _NEEDS_AUTH,
         context=("mailsend", "smtp-cli", "blat", "firmware", "esp32", "arduino", "busybox"),
         when=has_no_sign_in),
    Sign("ehlo_after_auth_resets_session", 13, ("authenticate first",), provider=("brevo",)),
    Sign("ehlo_after_auth_resets_session", 7, ("authenticate first",),
         client=("python-smtplib", "django")),
    Sign("sender_not_authorised", 15, _NOT_YOURS,
         unless=("verified sender", "not verified", "greylist", "helo")),
    # Postfix's text for every refusal because of the sender
    Sign("sender_not_authorised", 9, ("sender address rejected",), unless=("helo", "greylist")),
    Sign("sender_not_authorised", 13, ("relaying disallowed",), provider=("zoho",)),
    Sign("sender_not_authorised", 9, codes=(553,), at=("mail", "data", "rcpt", None),
         unless=("auth failure",)),
    Sign("sender_not_authorised", 4, ("sender", "from address", "from:", "mail from"),
         codes=(501, 550, 553, 554), unless=("helo", "ehlo", "syntax", "<>", "empty", "blank")),
    # without a login, no address belongs to the client
    Sign("sender_not_authorised", -16, ("not logged in", "unauthenticated sender"),
         when=has_no_sign_in),
    Sign("auth_not_performed", 6, ("not logged in", "unauthenticated sender"), when=has_no_sign_in),
    Sign("client_credentials_dropped", 7, ("not logged in", "unauthenticated sender"),
         client=("system-net-mail", "powershell"), when=has_no_sign_in),
    # an unknown error in a command
    Sign("helo_rejected", 6, _SYNTAX, codes=(501,), at=(None,)),
    Sign("account_name_used_as_sender", 5, _SYNTAX, codes=(501,), at=(None,)),
    Sign("credentials_not_base64", 4, _SYNTAX, codes=(501,), at=(None,)),
    Sign("sender_not_authorised", 5, codes=(550, 553, 554), at=("mail",), when=has_signed_in),
    Sign("sender_not_verified", 15, ("sender*not validated", "not been validated",
         "sender*not*validat", "sender signature", "from address*not validated",
         "domain*not validated")),
    Sign("sender_not_verified", 15, _NOT_VERIFIED, unless=("identities failed the check",)),
    Sign("provider_sandbox", 17, ("identities failed the check", "sandbox", "testing emails",
         "authorized recipients", "trial account", "trial mode", "test mode",
         "only send*to your own", "only send testing", "free accounts*authorized",
         "development mode"), unless=("activate your",)),
    Sign("provider_sandbox", 20, ("recipient addresses must share", "must share the same domain",
         "only send to verified", "only to verified recipients")),
    Sign("provider_sandbox", 12, ("email address is not verified",), provider=("ses",)),
    Sign("sender_not_verified", 12, ("not verified*no-reply@", "not verified*noreply@",
         "not verified*info@", "not verified*hello@", "not verified*support@",
         "not verified*admin@", "not verified*notifications@")),
    Sign("sender_not_verified", 6, ("not verified",), context=("production",)),
    Sign("sender_not_verified", 8,
         ("email address is not verified", "identities failed the check")),
    Sign("provider_account_inactive", 17, ("activate your", "not activated", "account*suspended",
         "not yet activated", "not yet active", "account*disabled", "account is not active",
         "account inactive", "account*deactivated", "account is inactive",
         "account*not been activated", "under review", "pending approval", "account*blocked",
         "account*on hold"), unless=("disabled for the tenant", "smtpclientauthentication")),
    Sign("sender_domain_not_linked", 18, ("has not been linked", "domain*not linked")),
    Sign("sender_domain_not_linked", 13, status=("5.1.7",), provider=("acs",)),
    Sign("account_name_used_as_sender", 8, ("sender address syntax", "5.1.7", "invalid address",
         "bad sender address", "malformed address", "invalid mail from", "syntax error*mail",
         "mail from*invalid", "domain missing", "sender address*domain", "not a valid*address",
         "sender syntax", "invalid from address", "invalid `from`", "invalid sender address",
         "bad address syntax"), unless=("linked", "ehlo", "helo")),
    Sign("account_name_used_as_sender", 17, ("domain name required for sender",)),
    Sign("sender_not_authorised", -16, ("domain name required for sender",)),
    Sign("account_name_used_as_sender", 17, ("sender address rejected: need fully-qualified",)),
    Sign("account_name_used_as_sender", -16,
         ("@*>: sender address rejected: need fully-qualified",)),
    Sign("sender_domain_unknown", 17, ("@*>: sender address rejected: need fully-qualified",)),
    Sign("sender_not_authorised", -16, ("sender address rejected: need fully-qualified",)),
    # JavaMail's text for any refused recipient
    Sign("account_name_used_as_sender", -8, ("invalid addresses",)),
    Sign("account_name_used_as_sender", 4, codes=(501, 553), at=("mail",)),
    Sign("account_name_used_as_sender", 12, ("sender*: apikey", "sender*: resend", "from*: apikey",
         "from*: resend", "sender*<apikey>", "sender*'apikey'", "sender*\"apikey\"",
         "from*\"apikey\"")),
    Sign("account_name_used_as_sender", 14,
         ("invalid address*(from)", "(from): apikey", "missing final '@domain'", "(from): resend")),
    Sign("account_name_used_as_sender", 5,
         ("from:<apikey", "from:<resend", "<apikey>", "<resend>", "from: apikey"),
         when=lambda r: not r.seen.attempts and any(w in r.text for w in ("sender", "from",
         "address"))),
    Sign("envelope_sender_missing", 18, ("smtpsenderrefused*, '')", 'smtpsenderrefused*, "")')),
    Sign("envelope_sender_missing", 16,
         ("<>: sender address rejected", "from=<>*sender*rejected", "rejected*from=<>")),
    Sign("sender_not_authorised", -21, ("<>: sender address rejected",)),
    Sign("sender_not_authorised", -32, _NOT_YOURS,
         when=lambda r: (r.seen.mail.value is not None and not r.seen.mail.value.argument)),
    Sign("envelope_sender_missing", 19, when=lambda r: r.seen.mail.value is not None and (not
         r.seen.mail.value.argument) and r.seen.mail.value.reply.code >= 500,
         proof="MAIL FROM is empty, and was refused"),
    Sign("envelope_sender_missing", 16, ("blank sender", "empty sender", "null sender", "<> ",
         "empty from", "empty envelope", "from is empty", "sender is empty", "missing sender",
         "sender missing", "no sender", "sender address is required", "from:<>")),
    Sign("greylisted", 17, _GREY),
    Sign("greylisted", 6, codes=(450, 451), at=("rcpt",)),
    Sign("greylisted", 5, ("try again", "recipient address rejected", "later"), codes=(450, 451),
         at=("rcpt",)),
    Sign("greylisted", 4, ("try again later", "try again in", "please try later"),
         codes=(450, 451)),
    Sign("rate_limited", 15, RATE),
    Sign("rate_limited", 14, codes=(432,), unless=("transition",)),  # RFC 4954 6 has another
    Sign("rate_limited", 9, codes=(450, 451, 421), status=("4.5.127", "4.7.1", "4.3.2", "4.7.28"),
         unless=("internal server error", "internal error", "relay access denied",
         "client host rejected")),
    Sign("daily_quota_exceeded", 17, _QUOTA, unless=("hourly", "per hour", "per minute")),
    Sign("daily_quota_exceeded", 15, status=("5.4.5",)),
    Sign("too_many_recipients", 17, _MANY),
    Sign("too_many_recipients", 14, status=("4.5.3", "5.5.3")),
    Sign("too_large", 17, _TOO_LARGE, unless=("helo", "recipient")),
    Sign("too_large", 13, codes=(552,),
         unless=("recipient", "suspended", "quota", "5.7.0", "mailbox")),
    Sign("too_large", 9, status=("5.3.4", "5.2.3")),
    Sign("bare_lf", 16, _BARE, unless=("<crlf>",)),
    Sign("bare_lf", 12, codes=(521, 451), status=("5.5.2",)),
    Sign("line_too_long", 14, _LONG, unless=("auth xoauth2", "auth plain", "auth login")),
    Sign("line_too_long", -10, _LONG,
         when=lambda r: is_token_login(r) and r.seen.content.value is None),
    Sign("line_too_long", 4, _LONG, at=("data",)),
    Sign("line_too_long", 4, codes=(500, 501), at=("data",)),
    Sign("missing_from_header", 16, ("missing*from", "no from header", "without a from",
         "from header*missing", "valid address in from", "no from:", "from: header", "5322*from",
         "from field*missing", "multiple from", "missing header", "required header"),
         unless=("missing*from*environment",)),
    Sign("raw_utf8_headers", 15, _RAW, by_server=True),
    Sign("raw_utf8_headers", 3, ("subject", "header"), by_server=True, at=("data", None)),
    Sign("smtputf8_not_supported_downstream", 18, ("5.6.7", "utf8smtp", "internationalized",
         "smtputf8 is", "smtputf8*requir", "requir*smtputf8", "smtputf8*not", "not*smtputf8",
         "smtputf8 support", "need*smtputf8", "without smtputf8", "no smtputf8")),
)
# fmt: on
