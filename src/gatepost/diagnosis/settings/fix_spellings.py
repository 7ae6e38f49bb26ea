"""How a fix is written for each framework (``View.spelling``)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# fmt: off
IMPLICIT: Final[Mapping[str, str]] = MappingProxyType({
    "django": "EMAIL_PORT = 465 with EMAIL_USE_SSL = True and EMAIL_USE_TLS = False",
    "mailers": '"port": 465 and "use_ssl": True in OPTIONS, without "use_tls"',
    "python": "port 465 with MAIL_USE_SSL = True and MAIL_USE_TLS = False",
    "laravel": "MAIL_PORT=465 with MAIL_SCHEME=smtps (before Laravel 11: MAIL_ENCRYPTION=ssl)",
    "spring": "spring.mail.port=465 with spring.mail.properties.mail.smtp.ssl.enable=true",
    "dotnet": "port 465 with MailKit and SecureSocketOptions.SslOnConnect (System.Net.Mail "
              "cannot do it)",
    "postfix": "relayhost = [HOST]:465, smtp_tls_wrappermode = yes, smtp_tls_security_level = "
               "encrypt",
    "msmtp": "port 465, tls on, tls_starttls off",
    "url": "smtps://USER:PASSWORD@HOST:465",
    "rails": "port: 465, ssl: true, without enable_starttls",
    "php": "$mail->Port = 465 with $mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS",
    "javascript": "port: 465, secure: true",
})
STARTTLS: Final[Mapping[str, str]] = MappingProxyType({
    "django": "EMAIL_PORT = 587 with EMAIL_USE_TLS = True and EMAIL_USE_SSL = False",
    "mailers": '"port": 587 and "use_tls": True in OPTIONS, without "use_ssl"',
    "python": "port 587 with MAIL_USE_TLS = True and MAIL_USE_SSL = False",
    "laravel": "MAIL_PORT=587 with MAIL_SCHEME=smtp (before Laravel 11: MAIL_ENCRYPTION=tls)",
    "spring": "spring.mail.port=587 with spring.mail.properties.mail.smtp.starttls.enable=true and "
              "starttls.required=true, without ssl.enable",
    "dotnet": "port 587 with EnableSsl true (MailKit: SecureSocketOptions.StartTls)",
    "postfix": "relayhost = [HOST]:587, smtp_tls_security_level = encrypt, no smtp_tls_wrappermode",
    "msmtp": "port 587, tls on, tls_starttls on",
    "url": "smtp://USER:PASSWORD@HOST:587",
    "rails": "port: 587, enable_starttls: true, without ssl and tls",
    "php": "$mail->Port = 587 with $mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS",
    "javascript": "port: 587, secure: false, requireTLS: true",
})
QUOTE: Final[Mapping[str, str]] = MappingProxyType({
    "dotenv": "Put the value in single quotes; for Compose's interpolation write $$ for each $.",
    "laravel": "Put the value in double quotes, and a backslash before each $ and \" in it.",
    "django": "Write the value as one quoted string (r'...' where it holds backslashes).",
    "mailers": "Write the value as one quoted string (r'...' where it holds backslashes).",
    "spring": "Put the value in single quotes (YAML), or double each backslash (.properties).",
    "properties": "Double each backslash; leave no space at the end of the line.",
    "yaml": "Put the value in single quotes, and double each single quote in it.",
    "compose": "Put the value in single quotes, and write $$ for each $.",
    "kubernetes": "Encode the value without a line end: printf %s VALUE | base64 -w0, or use "
                  "stringData.",
    "php": "Put the value in single quotes; PHP puts variables into double quoted strings.",
    "rails": "Put the value in single quotes, or read it from the credentials or ENV.",
    "javascript": "Write the value as a plain quoted string, or read it from process.env.",
    "ini": "Wrap the value in triple double quotes (Grafana) or backquotes (Gitea).",
    "url": "Percent-encode user name and password in the URL.",
    "postfix": "Keep the password only in the lookup table, without quotes, as USER:PASSWORD.",
    "sasl_passwd": "Write [HOST]:PORT USER:PASSWORD, without quotes, and run postmap.",
    "msmtp": "Write the password bare or in double quotes, or use passwordeval.",
    "dotnet": "Write the value as one JSON string, with \\\\ for each backslash.",
})
# fmt: on


def implicit(spelling: str) -> str:
    """Return how implicit TLS is set."""
    return IMPLICIT.get(spelling, "port 465 with implicit TLS (SSL on, STARTTLS off)")


def starttls(spelling: str) -> str:
    """Return how STARTTLS is set."""
    return STARTTLS.get(spelling, "port 587 with STARTTLS on and SSL (implicit TLS) off")


def quote(spelling: str) -> str:
    """Return how a value is quoted so that it is not changed."""
    return QUOTE.get(spelling, "Put the value in single quotes.")
