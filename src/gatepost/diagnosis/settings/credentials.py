"""User name, password and sender: missing, of the wrong kind, or in the wrong format."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.finding import Confidence
from gatepost.model.setting import Setting

_WANT_LOGIN: Final = frozenset({
    "acs", "microsoft365", "gmail", "ses", "sendgrid", "mailgun", "postmark", "brevo", "mailjet",
    "zoho", "yandex", "qq", "netease", "yahoo", "icloud", "resend", "mailersend", "mail_ru", "gmx",
})  # fmt: skip
"""Providers that accept mail only after a login."""


_ADDRESS: Final = "Set the whole address of the mailbox (name@domain) as the user name."
_NEW_APP_PASSWORD: Final = (
    "Create an application password in the account's security settings, and use that."
)
# fmt: off
_SECRETS: Final[Mapping[tuple[str, str], tuple[Confidence, str, str]]] = MappingProxyType({
    ("acs", "guid"): ("likely", (" has the form of a GUID: that is the ID of a client secret, not "
        "its value"),
        "Set the secret's value, which Entra shows only once, when it is created."),
    ("acs", "connection_string"): ("certain", " is a connection string",
        "Set the client secret of the Entra application; connection strings are for the REST API."),
    ("acs", "access_key"): ("certain", " has the form of an access key",
        "Set the client secret of the Entra application; access keys are for the REST API."),
    ("ses", "aws_secret_key"): ("likely", " has the form of an AWS secret key (40 characters)",
        ("Derive the SMTP password (44 characters) from the secret key for this region, or make "
        "SMTP credentials.")),
    ("brevo", "brevo_api_key"): ("certain", " has the form of an API key (xkeysib)",
        "Set an SMTP key (xsmtpsib), from Brevo's page SMTP & API."),
})
"""Secrets of a wrong kind, by provider and format: the confidence, what is wrong, and the fix."""
_NAMES: Final[Mapping[tuple[str, str], tuple[Confidence, str, str]]] = MappingProxyType({
    ("acs", "guid"): ("likely", " is only a GUID",
        ("Set RESOURCE.APPLICATION.TENANT: the Communication Services resource's name, the "
        "application's ID, the tenant's ID, separated by dots.")),
    ("acs", "entra_malformed"): ("certain", " does not have the form RESOURCE.APPLICATION.TENANT",
        ("Set RESOURCE.APPLICATION.TENANT (or with | between): the Communication Services "
        "resource's name, the application's ID, the tenant's ID.")),
    ("acs", "connection_string"): ("certain", " is a connection string",
        "Set RESOURCE.APPLICATION.TENANT, or an SMTP user name of the resource."),
    ("microsoft365", "name"): ("likely", " is not an address", _ADDRESS),
    ("microsoft365", "domain_user"): ("likely", " has the form DOMAIN\\user", _ADDRESS),
    ("microsoft365", "guid"): ("likely", " is not an address", _ADDRESS),
    ("mailgun", "name"): ("likely", " is not an address",
        "Set the SMTP user of the domain (postmaster@DOMAIN)."),
    ("zoho", "name"): ("likely", " is not an address", _ADDRESS),
    ("ionos", "name"): ("likely", " is not an address", _ADDRESS),
    ("strato", "name"): ("likely", " is not an address", _ADDRESS),
    ("ovh", "name"): ("likely", " is not an address", _ADDRESS),
    ("icloud", "name"): ("possible", " is not an address", _ADDRESS),
    ("brevo", "name"): ("likely", " is not an address",
        "Set the login that Brevo's page SMTP & API shows."),
    ("ses", "address"): ("likely", " is an address",
        "Set the SMTP user name (AKIA..., 20 characters)."),
    ("ses", "name"): ("possible", " does not begin with AKIA",
        "Set the SMTP user name (AKIA..., 20 characters)."),
})
"""User names in a wrong format, in the same way."""
# fmt: on
_LITERAL: Final[Mapping[str, str]] = MappingProxyType({"sendgrid": "apikey", "resend": "resend"})
"""Providers at which all customers have the same user name."""
_APP_PASSWORDS: Final[Mapping[str, str]] = MappingProxyType({
    "gmail": "google_app_password", "yahoo": "google_app_password", "icloud": "apple_app_password",
})  # fmt: skip
"""The format of application passwords, by provider."""
_STRICT_SENDER: Final[Mapping[str, str]] = MappingProxyType({
    "acs": "sender_domain_not_linked",
    **dict.fromkeys(
        ("ses", "sendgrid", "postmark", "resend", "brevo", "mailjet", "mailersend"),
        "sender_not_verified",
    ),
    **dict.fromkeys(
        ("microsoft365", "yandex", "zoho", "qq", "netease"), "sender_not_authorised"
    ),
})  # fmt: skip
"""The finding for a sender other than the account's address, by provider."""
_LOGIN_ONLY: Final = frozenset({"acs", "microsoft365"})
"""Providers that list LOGIN and XOAUTH2, but not PLAIN."""


def missing(view: View) -> Iterator[Fault]:
    """User name and password are missing, or one of them is."""
    name, secret = view.first("username"), view.first("password")
    if view.is_not_smtp or view.has("maps"):
        return
    for one, other, what in ((name, secret, "password"), (secret, name, "user name")):
        if one is None or one.state == "empty":
            continue
        if other is not None and other.state == "empty":
            yield _missing(view, other, "certain", f" (the {what}) is empty")
        elif other is None and one.state != "set":
            continue
        elif other is None and what == "password" and view.host and view.kind in _WHOLE:
            yield _missing(view, one, "likely", " is set, and no password")
        elif other is None and what == "user name" and view.host:
            yield _missing(view, one, "likely", " is set, and no user name")
    host = view.first("host")
    if (
        host is None
        or not (view.providers & _WANT_LOGIN)
        or (view.has("url") and view.has("username"))
    ):
        return
    if (name is None or name.state == "empty") and (secret is None or secret.state == "empty"):
        text = f": {view.host} requires a login, and no user name is set"
        if view.kind in _WHOLE or name is not None:
            yield _missing(view, host, "likely", text)


_WHOLE: Final = frozenset({"django", "python", "dotnet", "spring", "msmtp", "rails", "php", "url",
                           "laravel", "javascript", "dotenv"})  # fmt: skip
"""Kinds of files that have all settings of a client."""


def _missing(view: View, setting: Setting, sure: Confidence, text: str) -> Fault:
    return view.fault(
        setting,
        "credentials_missing",
        sure,
        text,
        "Set both user name and password, or neither if the server needs no login.",
    )


_SWITCH_ON: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "php": ("$mail->SMTPAuth", "$mail->SMTPAuth = true;"), "msmtp": ("auth", "auth on"),
    "postfix": ("smtp_sasl_auth_enable", "smtp_sasl_auth_enable = yes"),
})  # fmt: skip
"""How these frameworks switch authentication on: the setting, and how it is written."""


def not_used(view: View) -> Iterator[Fault]:
    """There are credentials, but authentication is not switched on."""
    auth = view.first("auth")
    if not (view.has("password") or view.has("maps")) or (view.is_local and not view.has("maps")):
        return
    if view.kind in ("php", "msmtp") and auth is None:
        where = view.first("username") or view.first("password")
        if where is not None and view.host and (view.kind != "php" or "." not in where.key):
            name, fix = _SWITCH_ON[view.kind]
            text = f": {name} is not set, and without it the client does not sign in"
            yield view.fault(where, "auth_not_performed", "certain", text, fix)
    elif auth is not None and auth.on is False:
        if view.kind in ("spring", "javascript"):  # they sign in if a user name is set
            return
        sure: Confidence = "certain" if view.kind in ("php", "msmtp", "postfix") else "likely"
        text = ": there is a password, but authentication is not switched on"
        fix = _SWITCH_ON.get(view.kind, ("", "Switch authentication on."))[1]
        yield view.fault(auth, "auth_not_performed", sure, text, fix)


def postfix_sasl(view: View) -> Iterator[Fault]:
    """Postfix's own filter excludes the mechanisms that use passwords."""
    for setting in view.all("filter"):
        default = "noplaintext_default" in setting.marks
        text = (": smtp_sasl_security_options is not set, and its default excludes PLAIN and LOGIN"
                if default else " excludes PLAIN and LOGIN (noplaintext)")  # fmt: skip
        yield view.fault(setting, "client_mechanism_filter_wrong", "likely", text,
                    "smtp_sasl_security_options = noanonymous (and under TLS "
                    "smtp_sasl_tls_security_options = noanonymous).")  # fmt: skip
    auth = view.first("auth")
    if view.kind == "postfix" and auth is not None and auth.on and not view.has("maps"):
        text = " = yes, and smtp_sasl_password_maps is not set"
        yield _missing(view, auth, "certain", text)


def kinds(view: View) -> Iterator[Fault]:
    """A secret or user name has a format that the provider does not accept."""
    for provider in sorted(view.providers):
        for setting in view.all("password"):
            if setting.secret is None or "placeholder" in setting.marks:
                continue
            wrong = _SECRETS.get((provider, setting.secret.kind))
            if wrong is None and provider == "sendgrid" and setting.secret.kind != "sendgrid_key":
                wrong = ("likely", " does not begin with SG.",
                         "Set an API key (SG....) that may send mail.")  # fmt: skip
            if wrong is not None:
                sure, text, fix = wrong
                text = f" (the password){text}"
                yield view.fault(setting, "wrong_credential_kind", sure, text, fix)
            if setting.secret.kind != _APP_PASSWORDS.get(provider, setting.secret.kind):
                text = (" (the password) does not look like an application password, and the "
                        "account's own is not accepted")  # fmt: skip
                sure = "likely" if provider == "gmail" else "possible"
                yield view.fault(setting, "app_password_required", sure, text, _NEW_APP_PASSWORD)
        for setting in view.all("username"):
            if setting.state != "set" or "placeholder" in setting.marks:
                continue
            wrong = _NAMES.get((provider, setting.form))
            literal = _LITERAL.get(provider)
            if literal is not None and setting.form != literal:
                wrong = (
                    "certain",
                    f" is not {literal}",
                    f"Set the user name {literal} literally; the key is the password.",
                )
            if wrong is not None:
                sure, text, fix = wrong
                text = f" (the user name){text}"
                yield view.fault(setting, "username_format", sure, text, fix)


def mechanisms(view: View) -> Iterator[Fault]:
    """A mechanism is set that the provider does not list."""
    for setting in view.all("mechanism"):
        named = set(setting.shown.replace(",", " ").split())
        if named and named <= {"PLAIN", "CRAM-MD5"} and view.providers & _LOGIN_ONLY:
            text = f" = {setting.shown.lower()}, and {view.host} lists LOGIN and XOAUTH2 alone"
            fix = {
                "rails": "authentication: :login",
                "msmtp": "auth login",
                "postfix": "smtp_sasl_mechanism_filter = login",
            }.get(view.kind, "Set login.")
            yield view.fault(setting, "mechanism_not_offered", "certain", text, fix)


def senders(view: View) -> Iterator[Fault]:
    """The provider refuses this sender."""
    sender, name = view.first("sender"), view.first("username")
    provider = next((each for each in sorted(view.providers) if each in _STRICT_SENDER), "")
    if sender is not None and sender.state == "set" and sender.form == "no_address":
        if name is not None and name.state == "set" and name.form not in ("address", "empty"):
            text = " is not an address"
            yield view.fault(sender, "account_name_used_as_sender", "likely", text,
                        "Set an address of a domain that you may send from.")  # fmt: skip
        return
    if not provider or view.is_not_smtp:
        return
    if sender is not None and sender.state == "set" and sender.form == "example_address":
        text = " is an address of an example domain, which the provider does not accept"
        yield view.fault(sender, _STRICT_SENDER[provider], "likely", text,
                    "Set an address that the account may send from.")  # fmt: skip
    default = _DEFAULT_SENDERS.get(view.kind)
    where = view.first("host")
    if sender is None and default is not None and where is not None:
        text = f": {default}; the provider does not accept that"
        yield view.fault(
            where,
            _STRICT_SENDER[provider],
            "possible",
            text,
            f"Set {_SENDER_SETTING[view.kind]} to an address that the account may send from.",
        )


_DEFAULT_SENDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "django": "without DEFAULT_FROM_EMAIL Django sends from webmaster@localhost",
        "laravel": "without MAIL_FROM_ADDRESS Laravel sends from hello@example.com",
    }
)
_SENDER_SETTING: Final[Mapping[str, str]] = MappingProxyType(
    {"django": "DEFAULT_FROM_EMAIL", "laravel": "MAIL_FROM_ADDRESS"}
)


def filter_names(view: View) -> Iterator[Fault]:
    """A filter of Postfix names something that is not a mechanism, so that none is left."""
    if view.kind != "postfix":
        return
    for setting in view.all("mechanism"):
        named = setting.shown.replace(",", " ").split()
        if (
            named
            and not any(name in _MECHANISMS for name in named)
            and not any(name.startswith("!") for name in named)
        ):
            text = f" = {setting.shown.lower()} names no mechanism, so none is left"
            yield view.fault(setting, "client_mechanism_filter_wrong", "certain", text,
                        "smtp_sasl_mechanism_filter = plain, login (or leave it out).")  # fmt: skip


_MECHANISMS: Final = frozenset({
    "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "XOAUTH2", "OAUTHBEARER", "GSSAPI",
    "EXTERNAL", "SCRAM-SHA-1", "SCRAM-SHA-256", "GS2-KRB5", "GS2-IAKERB", "STATIC:ALL", "ALL",
})  # fmt: skip


def pass_not_password(view: View) -> Iterator[Fault]:
    """nodemailer reads auth.pass only, not auth.password."""
    if view.kind == "javascript":
        for setting in view.all("password"):
            if setting.key.rpartition(".")[2].lower() == "password":
                text = ": nodemailer reads auth.pass, not auth.password"
                yield _missing(view, setting, "likely", text)


RULES: Final = (
    filter_names,
    pass_not_password,
    missing,
    not_used,
    postfix_sasl,
    kinds,
    mechanisms,
    senders,
)
