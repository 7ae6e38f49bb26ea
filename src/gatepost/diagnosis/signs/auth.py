"""AUTH: the exchange, and refusals of user names and passwords."""

import re
from typing import Final

from gatepost.diagnosis.providers import OWN_PASSWORD_REFUSED
from gatepost.diagnosis.signs.offer import UNKNOWN_COMMAND
from gatepost.diagnosis.signs.reading import Reading
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


_BACKEND = (
    "generic failure", "authentication server", "saslauthd", "auth socket", "private/auth failed",
    "unable to authenticate at present", "sasl: connect to", "authentication backend",
    "internal authentication error", "auth backend", "auth server", "temporary auth",
    "no secrets database", "authentication service*unavailable",
    "temporarily unable to authenticate", "ldap*(?:fail|down)", "authentication temporarily",
    "internal error*auth", "auth*internal error", "unable to check password",
)  # fmt: skip
_THROTTLED = (
    "too many login", "too many failed", "too many auth", "too many bad auth", "too many invalid",
    "temporarily locked", "temporarily blocked", "login attempts", "too many failures",
    "account*locked", "rate limited login", "try again later*auth", "authentication throttl",
    "too many connections*auth", "blocked due to*fail", "fail2ban",
)  # fmt: skip
_APP = (
    "app password", "app-specific password", "invalidsecondfactor", "authorization code",
    "authorisation code", "please log in via your web browser", "less secure app",
    "service.mail.qq.com", "auth005", "#auth00", "help.yahoo", "apppassword",
    "application password", "weblogin", "badcredentials", "does not have access rights", "授权码",
    "application-specific", "2-step", "two-factor", "appspecific",
)  # fmt: skip
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
    Sign("client_host_mismatch", 16, ("wrong host name",)),
    Sign("auth_before_tls_refused_by_client", 16, ("unencrypted connection",
         "refusing to send*clear", "will not send*clear",
         "cannot use a secure authentication method", "not sent over an unencrypted",
         "insecure connection*auth", "auth*insecure connection", "plaintext auth*disabled",
         "won't send*unencrypted", "password*unencrypted")),
    Sign("client_sasl_plugin_missing", 14, ("no worthy mechs",)),
    Sign("client_sasl_plugin_missing", 11, ("no mechanism available", "sasl(-4)",
         "sasl*no such mechanism", "libsasl", "authen::sasl", "authen/sasl",
         "no authenticators available", "sasl plugin", "cyrus-sasl", "sasl2-modules")),
    Sign("client_sasl_plugin_missing", -12, ("modules is installed", "modules are installed",
         "modules installed", "plugins are installed", "plug-ins are installed",
         "plugins are present")),
    Sign("client_mechanism_filter_wrong", 10, ("no mechanism available", "mechanism_filter",
         "offered no compatible authentication mechanisms"),
         when=lambda r: not is_refused_by_server(r)),
    Sign("client_mechanism_filter_wrong", 6, ("no worthy mechs", "sasl_mechanism_filter"),
         when=lambda r: not is_refused_by_server(r)),
    Sign("client_mechanism_filter_wrong", 3, ("no mechanism available",),
         context=("image", "docker", "container", "chart"), unless=("no worthy mechs",)),
    Sign("client_mechanism_filter_wrong", 9, ("offered no compatible authentication",)),
    Sign("auth_command_too_long", 16, ("too long", "command line length", "line length exceeded"),
         at=("auth",)),
    Sign("auth_command_too_long", 12, codes=(555, 500), status=("5.5.2",), at=("auth",)),
    Sign("auth_command_too_long", 16, ("line too long", "command too long", "line length exceeded"),
         when=lambda r: is_token_login(r) and r.seen.content.value is None),
    Sign("auth_command_too_long", 10, codes=(500, 501, 555), at=("auth",),
         when=lambda r: has_tried(r, "XOAUTH2", "OAUTHBEARER")),
    Sign("auth_command_too_long", 9, codes=(555,), provider=("gmail",)),
    Sign("auth_command_too_long", 12, codes=(555,), when=lambda r: has_tried(r, "XOAUTH2")),
    Sign("auth_command_too_long", 5, ("too long",), when=lambda r: has_tried(r, "XOAUTH2")),
    Sign("base64_line_wrapped", 10, ("base64*line break", "base64*newline", "wrapped", "76 char",
         "60 char", "72 char", "64 char", "line feed*base64", "encode64", "encode_base64",
         "multi*line*base64", "base64 -w", "split*base64", "base64*two lines",
         "base64*second line")),
    Sign("base64_line_wrapped", 7, UNKNOWN_COMMAND, when=lambda r: is_login_refused(r) and any(word
         in r.text for word in ("base64", "sendgrid", "apikey"))),
    Sign("base64_line_wrapped", 3,
         ("long password", "long secret", "long api", "long token", "long key")),
    Sign("credentials_not_base64", 13, ("invalid base64", "cannot decode", "can't decode",
         "base64 decod", "not base64", "illegal base64", "base64 error", "bad base64",
         "malformed auth", "invalid character*base64", "base64 data", "base64-encod")),
    Sign("credentials_not_base64", 6, codes=(501,), at=("auth",)),
    Sign("login_initial_response_rejected", 9, codes=(500, 501, 502, 503, 504, 550), at=("auth",),
         when=lambda r: any(a.mechanism == "LOGIN" and a.form == "initial" for a
         in r.seen.attempts)),
    Sign("login_initial_response_rejected", 9, ("auth login *invalid command",
         "auth login *not recogn", "auth login *unrecogn", "auth login *syntax error")),
    Sign("login_initial_response_rejected", 9, ("initial response", "initial-response"),
         when=lambda r: not has_tried(r, "PLAIN") or "auth login" in r.text),
    Sign("initial_response_required", 9, ("with the initial response*works",
         "works with*initial response", "initial response on the same line*works",
         "initial response*235"), when=is_login_refused),
    Sign("login_initial_response_rejected", 7, when=lambda r: not r.refusals and any(a.mechanism
         == "LOGIN" and a.form == "initial" and not a.reply.code for a in r.seen.attempts) and any(w
         in r.text for w in ("invalid", "recogni", "syntax", "hang", "timeout")),
         proof="AUTH LOGIN with the user name on its line is not accepted"),
    Sign("authzid_not_permitted", 12, ("authorization failed", "not authorized to act",
         "authorization identity", "proxy auth*not", "authzid", "not authorized to proxy")),
    Sign("client_sasl_bug", 9, ("security layer", "mechanism*aborted", "authentication cancel",
         "auth*aborted", "unexpected challenge", "unexpected server", "digest-md5*bug",
         "not a valid challenge", "authentication exchange*abort", "no challenge",
         "malformed challenge", "unable to find callback")),
    Sign("mechanism_advertised_but_broken", 11, when=lambda r: is_plainly_refused(r)
         and has_tried(r, "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1"),
         proof="the refused sign-in was by a mechanism that needs the password stored in a special "
               "form; servers often list it without"),
    Sign("mechanism_advertised_but_broken", 10, ("login works", "plain works", "works with plain",
         "works with login", "works with auth login", "disabling cram", "cram-md5 fails",
         "cram-md5 authentication failed", "digest-md5 authentication failed")),
    Sign("mechanism_advertised_but_broken", 9, ("cram_md5", "cram-md5"), when=is_login_refused),

    # the service
    Sign("server_auth_backend_down", 15, _BACKEND, unless=("cannot authenticate to server",)),
    # Postfix's SASL library found no credentials, before the server was asked
    Sign("unwanted_auth_attempt", 14, ("cannot authenticate to server*generic failure",)),
    Sign("credentials_missing", 9, ("cannot authenticate to server*generic failure",)),
    Sign("server_tls_state_bug", 16, codes=(538, 530, 504), at=("auth",), when=lambda r: any(word
         in r.text for word in ("is tls", "tls already", "already encrypted", "already tls",
         "is encrypted", "under tls already", "tls is up"))),
    Sign("server_auth_backend_down", 7, codes=(454, 451, 421), at=("auth",)),
    Sign("server_auth_backend_down", 6, ("internal server error", "internal error"),
         codes=(454, 451, 421), at=("auth",)),
    Sign("auth_throttled", 15, _THROTTLED, unless=("#auth005",)),
    Sign("auth_throttled", 9, codes=(454,), at=("auth", "mail", None),
         unless=("tls not available", "throttling failure")),
    Sign("auth_throttled", 8, codes=(421,), at=("auth",)),
    Sign("auth_throttled", 7, ("connection lost to authentication server",)),

    # the credentials
    Sign("app_password_required", 18, codes=(534,), at=("auth",), unless=("5.7.139", "5.7.14")),
    Sign("app_password_required", 15, codes=(534,), status=("5.7.9", "5.7.14")),
    Sign("app_password_required", 15, _APP),
    Sign("app_password_required", -9, ("badcredentials",), when=is_token_login),
    Sign("app_password_required", 14, _GBK, when=is_login_refused),
    Sign("app_password_required", 13, when=lambda r: is_plainly_refused(r) and not is_token_login(r)
         and bool(r.providers & OWN_PASSWORD_REFUSED),
         proof="this provider does not accept account passwords from applications"),
    Sign("app_password_required", 6, ("eof", "closed", "reset", "disconnect"),
         provider=("qq", "netease")),
    Sign("app_password_required", 5, ("smtp_ssl", "ssl://", "smtps"), provider=("qq", "netease"),
         when=lambda r: "closed" in r.text or "disconnect" in r.text),
    Sign("wrong_credential_kind", 10, when=lambda r: is_plainly_refused(r) and "ses" in r.providers,
         proof="Amazon SES does not accept an IAM secret key as the SMTP password"),
    Sign("wrong_credential_kind", 8, when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"sendgrid", "mailgun", "postmark", "brevo", "mailjet", "resend", "mailersend",
         "smtp2go"}), proof="this provider requires a separate key, not the account's password"),
    Sign("wrong_credential_kind", 5, ("account's password", "account password", "login password",
         "normal password", "dashboard password"),
         when=lambda r: is_login_refused(r) and not r.providers & OWN_PASSWORD_REFUSED),
    Sign("app_password_required", 6,
         ("account's password", "account password", "login password", "normal password"),
         when=lambda r: is_login_refused(r) and bool(r.providers & OWN_PASSWORD_REFUSED)),
    Sign("wrong_credential_kind", 9, ("instead of apikey", "instead of the api key",
         "instead of 'apikey'", "instead of \"apikey\""), when=is_login_refused),
    Sign("wrong_credential_kind", 6,
         ("secret key", "iam", "access key", "api key", "40 char", "connection string"),
         when=is_login_refused),
    Sign("wrong_credential_kind", 9, context=("access key", "api key", "secret key", "secret id",
         "connection string", "iam user", "iam access"), when=is_plainly_refused,
         proof="another kind of secret than the SMTP password is named"),
    Sign("wrong_credential_kind", 5, when=lambda r: is_plainly_refused(r) and "acs" in r.providers,
         proof="Azure requires the client secret's value, neither its id nor an access key"),
    Sign("credential_wrong_region", 6,
         when=lambda r: is_plainly_refused(r) and "ses" in r.providers,
         proof="SMTP credentials of SES are valid only in the region for which they were created"),
    Sign("credential_wrong_region", 8, ("region",), provider=("ses",), when=is_login_refused),
    Sign("credential_wrong_region", 12, when=lambda r: is_login_refused(r) and has_two_regions(r),
         proof="two regions of the provider are named"),
    Sign("stored_secret_undecryptable", 3,
         when=lambda r: is_plainly_refused(r) and ("ses" in r.providers),
         proof="a stored secret may have been read back wrongly"),
    Sign("username_format", 10, when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"sendgrid", "resend"}) and user_form(r) in ("", "address"),
         proof="this provider's user name is a fixed word (apikey, resend)"),
    Sign("username_format", 6, when=lambda r: is_plainly_refused(r) and "acs" in r.providers
         and (user_form(r) != "entra"),
         proof="Azure's user name is RESOURCE.APPLICATION.TENANT or an SMTP user name"),
    Sign("username_format", 15, ("username must", "user name must"), by_server=True),
    Sign("username_format", 15, ("invalid user name", "invalid username", "full email address",
         "full e-mail address", "username is not of the form", "username*without the domain",
         "user name*without the domain", "use*full*address*username", "invalid format of user",
         "msg0049"), unless=("sender address", "from address", "from_address",
         "invalid username or pass", "invalid username and pass", "invalid username/pass",
         "invalid user name or pass", "invalid user name and pass")),
    Sign("username_format", 12, ("user name*must be", "username*must be"), when=is_plainly_refused),
    Sign("username_format", 9, when=lambda r: is_plainly_refused(r) and user_form(r) == "name"
         and not (r.providers & {"sendgrid", "resend", "ses", "mailjet", "brevo", "acs"}),
         proof="the user name is not an e-mail address, which most providers require"),
    Sign("username_format", 4, when=lambda r: is_plainly_refused(r) and bool(r.providers &
         {"strato", "ionos", "ovh", "gmx"}),
         proof="this provider requires the full address as the user name"),
    Sign("username_format", 9, when=lambda r: is_plainly_refused(r) and has_short_name(r)
         and bool(r.providers & {"strato", "ionos", "ovh", "gmx", "microsoft365", "zoho", "mailgun"}
         or "set_id=" in r.text),
         proof="this provider requires the full address as the user name, and another one is used"),
    Sign("username_format", 8, codes=(501,), provider=("strato",)),
    Sign("bad_credentials", 6, when=lambda r: is_plainly_refused(r) and not is_token_login(r),
         proof="the login was refused, and no text says why"),
    Sign("bad_credentials", 0.4, ("username and password not accepted", "bad username",
         "invalid user or password", "incorrect authentication data", "wrong password",
         "password is incorrect", "invalid password")),
    Sign("bad_credentials", 3, ("credentials were incorrect", "credentials are incorrect",
         "password is wrong", "password mismatch")),
    Sign("bad_credentials", 5, ("login denied",), client=("curl",)),
    # the code of a temporary failure, and words for a permanent one
    Sign("bad_credentials", 7.5,
         ("authentication failed", "could not authenticate", "invalid credentials", "login failed"),
         codes=(421, 450, 451), at=("auth",), unless=("temporar", "internal", "try again")),
    Sign("bad_credentials", 6, codes=(435,)),
    Sign("bad_credentials", 7, codes=(435,), provider=("mailjet",)),
    Sign("credential_mangled_by_config", 2, when=lambda r: is_plainly_refused(r) and any(word
         in r.context for word in _BY_ENVIRONMENT),
         proof="the client is set up by environment variables, whose readers change characters"),
    Sign("credential_mangled_by_config", 5.5,
         when=lambda r: is_plainly_refused(r) and not is_token_login(r),
         proof="a refused password is often another one than was set"),
    Sign("credential_mangled_by_config", 7, _CONFIG, when=is_plainly_refused),
    Sign("credential_mangled_by_config", 1, when=lambda r: is_plainly_refused(r)
         and bool(r.providers & {"microsoft365"}) and not is_token_login(r),
         proof="the mailbox's other logins work with the same password"),
    Sign("smtp_auth_disabled_mailbox", 6.2, ("authentication unsuccessful",), codes=(535,),
         status=("5.7.3",), when=lambda r: not r.providers and not is_token_login(r)),
    Sign("smtp_auth_disabled_mailbox", 14,
         ("mailbox cannot be accessed", "mailbox is disabled", "mailbox disabled"), codes=(550,),
         when=lambda r: not r.seen.is_signed_in),
    Sign("smtp_auth_disabled_mailbox", 7, when=lambda r: is_plainly_refused(r) and ("microsoft365"
         in r.providers) and not is_token_login(r) and "5.7.139" not in r.text,
         proof="Microsoft 365 refuses so, too, where SMTP is switched off for the mailbox"),
    Sign("empty_password_sent", 15, ("invalid format", "no password given", "empty password",
         "password is empty", "blank password", "password*empty", "password not set")),
    Sign("server_auth_backend_bug", 14, ("server log*traceback", "server log*exception",
         "server log*error", "server's log*error", "server's log*exception",
         "authenticator*typeerror", "authenticator*exception"), when=is_plainly_refused),
    Sign("server_auth_backend_bug", 3, when=lambda r: is_plainly_refused(r) and not r.providers
         and any(word in r.context for word in ("own server", "self-hosted", "localhost",
         "test server")), proof="the server is one's own: its log tells"),
    Sign("initial_response_required", 8, when=lambda r: any(a.mechanism == "PLAIN" and a.form
         == "bare" and not a.accepted and a.reply.code in (535, 501, 500) and not a.responses for a
         in r.seen.attempts), proof="AUTH PLAIN alone was refused although a 334 was expected"),
    Sign("initial_response_required", 6, ("auth plain*535", "exim*auth plain")),
)
# fmt: on
