"""AUTH: the exchange, and refusals of user names and passwords."""

import re
from typing import Final

from gatepost.diagnosis.recognise_provider import OWN_PASSWORD_REFUSED
from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.offered_mechanisms import UNKNOWN_COMMAND
from gatepost.diagnosis.signs.sign import Sign, has_words

PASSWORD_REFUSED: Final = (
    "535", "534", "authentication failed", "auth failed", "invalid login", "login failed",
    "auth_failed", "authentication_failed",
    "authentication unsuccessful", "authentication credentials invalid", "bad username",
    "username and password not accepted", "authenticationfailed", "could not authenticate",
    "login denied", "invalid user", "incorrect authentication data", "authentication failure",
    "auth failure", "failed to authenticate", "authentication rejected", "invalid credentials",
    "wrong username or password", "incorrect password", "535-", "smtpauthenticationerror",
)  # fmt: skip
_BAD: Final = frozenset({535, 534, 435})


def is_login_refused(reading: Reading) -> bool:
    """A login was refused, in any words."""
    return any(each.phase == "auth" for each in reading.refusals) or any(
        has_words(reading.text, word) for word in PASSWORD_REFUSED
    )


def is_plainly_refused(reading: Reading) -> bool:
    """A login was refused, and no text says why."""
    return any(each.reply and each.reply.code in _BAD for each in reading.refusals) or (
        not reading.refusals and is_login_refused(reading)
    )


def is_refused_by_server(reading: Reading) -> bool:
    """The server itself refused the login, so the client did try one."""
    return any(each.phase == "auth" and each.by_server for each in reading.refusals)


def has_signed_in(reading: Reading) -> bool:
    """The log has a 235."""
    return reading.seen.is_signed_in


def has_tried(reading: Reading, *names: str) -> bool:
    """One of these mechanisms was tried, or is named in the log outside of a list."""
    if any(each.mechanism in names for each in reading.seen.attempts):
        return True
    lines = [line for line in reading.text.split("\n") if not _A_LIST.search(line)]
    return any(name.lower() in line for line in lines for name in names)


_A_LIST: Final = re.compile(
    r"250[ -]auth|\b(?:plain|login)[ ,]+(?:login|plain|cram-md5|xoauth2|ntlm|digest-md5)\b"
)


def is_token_login(reading: Reading) -> bool:
    """The client signs in with an access token."""
    return has_tried(reading, "XOAUTH2", "OAUTHBEARER") or "oauth" in reading.context


def has_no_auth(reading: Reading) -> bool:
    """There is a dialogue without AUTH, or no dialogue and no text about a refused login."""
    return not reading.seen.attempts and not any(
        each.phase == "auth" and each.reply and each.reply.code in (535, 534, 504)
        for each in reading.refusals
    )


def user_form(reading: Reading) -> str:
    """Return the format of the user name in the log; empty if it is hidden."""
    login = reading.seen.login.value
    forms = [each.username_form for one in reading.seen.attempts for each in one.responses]
    return next(filter(None, reversed(forms)), login.username_form if login else "")


_REGION: Final = re.compile(
    r"\b(?:us|eu|ap|sa|ca|af|me|il)-(?:north|south|east|west|central)\w*-\d\b"
)
_NAMED_USER: Final = re.compile(
    r"\b(?:user(?:[ _-]?name)?|login|account)\b\W{0,3}(?:is|was)?\W{0,3}([\w.+@\\-]{2,80})"
)
_QUOTED_USER: Final = re.compile(r"\buser(?:[ _-]?name)?\b[ =:]{1,3}['\"`]([\w.+@\\-]{2,80})['\"`]")
"""In free text, a word after ``user`` is a user name only in quotes."""
_SET_ID: Final = re.compile(r"\(set_id=([^)\s]{1,80})\)")
"""How Exim logs the user name."""


def has_two_regions(reading: Reading) -> bool:
    """Two or more regions of a cloud are named."""
    return len(set(_REGION.findall(f"{reading.text} {reading.context}"))) > 1


def has_short_name(reading: Reading) -> bool:
    """The log names the user, and that is not an address."""
    match = (_NAMED_USER.search(reading.context) or _QUOTED_USER.search(reading.text)
             or _SET_ID.search(reading.text))  # fmt: skip
    return match is not None and "@" not in match[1] and match[1] not in ("and", "or", "name")


_GBK = ("\\xc7\\xeb", "\\xca\\xda\\xc8\\xa8", "<gbk", "授权")
_CONFIG = (
    ".env", "env file", "environment variable", "docker-compose", "docker compose", "compose file",
    "dotenv", "\\$", "quotes", "quoting", "special character", "escaped", "escaping",
    "kubernetes secret", "helm values", "pass*#",
)  # fmt: skip

_BY_ENVIRONMENT = (
    "mastodon", "typebot", "authentik", "vaultwarden", "bitwarden", "umami", "outline", "plane",
    "immich", "cal.com", "calcom", "directus", "supabase", "gotrue", "rallly", "chatwoot",
    "formbricks", "documenso", "langfuse", "dify", "appsmith", "nocodb", "paperless", "netbox",
    "docker", "compose", "kubernetes", "helm", "container", "dotenv", ".env", "environment",
)  # fmt: skip
"""Programs that get their password from .env files and Compose."""

# fmt: off
SIGNS: Final = (
    # texts of the exchange
    Sign("client_mechanism_filter_wrong", ("no mechanism available", "mechanism_filter",
         "offered no compatible authentication mechanisms"),
         when=lambda r: not is_refused_by_server(r)),
    Sign("client_mechanism_filter_wrong", ("no worthy mechs", "sasl_mechanism_filter"),
         when=lambda r: not is_refused_by_server(r)),
    Sign("auth_command_too_long", ("line too long", "command too long", "line length exceeded"),
         when=lambda r: is_token_login(r) and r.seen.content.value is None),
    Sign("auth_command_too_long", codes=(500, 501, 555), at=("auth",),
         when=lambda r: has_tried(r, "XOAUTH2", "OAUTHBEARER")),
    Sign("auth_command_too_long", codes=(555,), when=lambda r: has_tried(r, "XOAUTH2")),
    Sign("auth_command_too_long", ("too long",), when=lambda r: has_tried(r, "XOAUTH2")),
    Sign("base64_line_wrapped", UNKNOWN_COMMAND, when=lambda r: is_login_refused(r) and any(word
         in r.text for word in ("base64", "sendgrid", "apikey"))),
    Sign("login_initial_response_rejected", codes=(500, 501, 502, 503, 504, 550), at=("auth",),
         when=lambda r: any(a.mechanism == "LOGIN" and a.form == "initial" for a
         in r.seen.attempts)),
    Sign("login_initial_response_rejected", ("initial response", "initial-response"),
         when=lambda r: not has_tried(r, "PLAIN") or "auth login" in r.text),
    Sign("initial_response_required", ("with the initial response*works",
         "works with*initial response", "initial response on the same line*works",
         "initial response*235"), when=is_login_refused),
    Sign("login_initial_response_rejected", when=lambda r: not r.refusals and any(a.mechanism
         == "LOGIN" and a.form == "initial" and not a.reply.code for a in r.seen.attempts) and any(w
         in r.text for w in ("invalid", "recogni", "syntax", "hang", "timeout")),
         proof="AUTH LOGIN with the user name on its line is not accepted"),
    Sign("mechanism_advertised_but_broken", when=lambda r: is_plainly_refused(r)
         and has_tried(r, "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1"),
         proof="the refused sign-in was by a mechanism that needs the password stored in a special "
               "form; servers often list it without"),
    Sign("mechanism_advertised_but_broken", ("cram_md5", "cram-md5"), when=is_login_refused),

    # the service
    # Postfix's SASL library found no credentials, before the server was asked
    Sign("server_tls_state_bug", codes=(538, 530, 504), at=("auth",), when=lambda r: any(word
         in r.text for word in ("is tls", "tls already", "already encrypted", "already tls",
         "is encrypted", "under tls already", "tls is up"))),

    # the credentials
    Sign("app_password_required", ("badcredentials",), when=is_token_login, against=True),
    Sign("app_password_required", _GBK, when=is_login_refused),
    Sign("app_password_required", when=lambda r: is_plainly_refused(r) and not is_token_login(r)
         and bool(r.providers & OWN_PASSWORD_REFUSED),
         proof="this provider does not accept account passwords from applications"),
    Sign("app_password_required", ("smtp_ssl", "ssl://", "smtps"), provider=("qq", "netease"),
         when=lambda r: "closed" in r.text or "disconnect" in r.text),
    Sign("wrong_credential_kind", when=lambda r: is_plainly_refused(r) and "ses" in r.providers,
         proof="Amazon SES does not accept an IAM secret key as the SMTP password"),
    Sign("wrong_credential_kind", when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"sendgrid", "mailgun", "postmark", "brevo", "mailjet", "resend", "mailersend",
         "smtp2go"}), proof="this provider requires a separate key, not the account's password"),
    Sign("wrong_credential_kind", ("account's password", "account password", "login password",
         "normal password", "dashboard password"),
         when=lambda r: is_login_refused(r) and not r.providers & OWN_PASSWORD_REFUSED),
    Sign("app_password_required",
         ("account's password", "account password", "login password", "normal password"),
         when=lambda r: is_login_refused(r) and bool(r.providers & OWN_PASSWORD_REFUSED)),
    Sign("wrong_credential_kind", ("instead of apikey", "instead of the api key",
         "instead of 'apikey'", "instead of \"apikey\""), when=is_login_refused),
    Sign("wrong_credential_kind",
         ("secret key", "iam", "access key", "api key", "40 char", "connection string"),
         when=is_login_refused),
    Sign("wrong_credential_kind", context=("access key", "api key", "secret key", "secret id",
         "connection string", "iam user", "iam access"), when=is_plainly_refused,
         proof="another kind of secret than the SMTP password is named"),
    Sign("wrong_credential_kind", when=lambda r: is_plainly_refused(r) and "acs" in r.providers,
         proof="Azure requires the client secret's value, neither its id nor an access key"),
    Sign("credential_wrong_region",
         when=lambda r: is_plainly_refused(r) and "ses" in r.providers,
         proof="SMTP credentials of SES are valid only in the region for which they were created"),
    Sign("credential_wrong_region", ("region",), provider=("ses",), when=is_login_refused),
    Sign("credential_wrong_region", when=lambda r: is_login_refused(r) and has_two_regions(r),
         proof="two regions of the provider are named"),
    Sign("stored_secret_undecryptable",
         when=lambda r: is_plainly_refused(r) and ("ses" in r.providers),
         proof="a stored secret may have been read back wrongly"),
    Sign("username_format", when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"sendgrid", "resend"}) and user_form(r) in ("", "address"),
         proof="this provider's user name is a fixed word (apikey, resend)"),
    Sign("username_format", when=lambda r: is_plainly_refused(r) and "acs" in r.providers
         and (user_form(r) != "entra"),
         proof="Azure's user name is RESOURCE.APPLICATION.TENANT or an SMTP user name"),
    Sign("username_format", ("user name*must be", "username*must be"), when=is_plainly_refused),
    Sign("username_format", when=lambda r: is_plainly_refused(r) and user_form(r) == "name"
         and not (r.providers & {"sendgrid", "resend", "ses", "mailjet", "brevo", "acs"}),
         proof="the user name is not an e-mail address, which most providers require"),
    Sign("username_format", when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"strato", "ionos", "ovh", "gmx"}),
         proof="this provider requires the full address as the user name"),
    Sign("username_format", when=lambda r: is_plainly_refused(r) and has_short_name(r)
         and bool(r.providers & {"strato", "ionos", "ovh", "gmx", "microsoft365", "zoho", "mailgun"}
         or "set_id=" in r.text),
         proof="this provider requires the full address as the user name, and another one is used"),
    Sign("bad_credentials", when=lambda r: is_plainly_refused(r) and not is_token_login(r),
         proof="the login was refused, and no text says why"),
    # the code of a temporary failure, and words for a permanent one
    Sign("credential_mangled_by_config", when=lambda r: is_plainly_refused(r) and any(word
         in r.context for word in _BY_ENVIRONMENT),
         proof="the client is set up by environment variables, whose readers change characters"),
    Sign("credential_mangled_by_config", _CONFIG, when=is_plainly_refused),
    Sign("credential_mangled_by_config", when=lambda r: is_plainly_refused(r)
         and bool(r.providers & {"microsoft365"}) and not is_token_login(r),
         proof="the mailbox's other logins work with the same password"),
    Sign("smtp_auth_disabled_mailbox", ("authentication unsuccessful",), codes=(535,),
         status=("5.7.3",), when=lambda r: not r.providers and not is_token_login(r)),
    Sign("smtp_auth_disabled_mailbox",
         ("mailbox cannot be accessed", "mailbox is disabled", "mailbox disabled"), codes=(550,),
         when=lambda r: not r.seen.is_signed_in),
    Sign("smtp_auth_disabled_mailbox", when=lambda r: is_plainly_refused(r) and ("microsoft365"
         in r.providers) and not is_token_login(r) and "5.7.139" not in r.text,
         proof="Microsoft 365 refuses so, too, where SMTP is switched off for the mailbox"),
    Sign("server_auth_backend_bug", ("server log*traceback", "server log*exception",
         "server log*error", "server's log*error", "server's log*exception",
         "authenticator*typeerror", "authenticator*exception"), when=is_plainly_refused),
    Sign("server_auth_backend_bug", when=lambda r: is_plainly_refused(r) and not r.providers
         and any(word in r.context for word in ("own server", "self-hosted", "localhost",
         "test server")), proof="the server is one's own: its log tells"),
    Sign("initial_response_required", when=lambda r: any(a.mechanism == "PLAIN" and a.form
         == "bare" and not a.accepted and a.reply.code in (535, 501, 500) and not a.responses for a
         in r.seen.attempts), proof="AUTH PLAIN alone was refused although a 334 was expected"),
)
# fmt: on
