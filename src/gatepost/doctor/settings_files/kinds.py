"""The kinds of settings files; a file's kind shows by its name, then by its content."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gatepost.doctor.settings_files.urls import is_dsn


class Kind(NamedTuple):
    """A kind of file, with its title, the module that reads it, and the library that uses it, if
    that is certain."""

    title: str
    reader: str
    library: str = ""


KINDS: Final[Mapping[str, Kind]] = MappingProxyType({
    "dotenv": Kind("environment variables", "dotenv"),
    "laravel": Kind("Laravel's .env", "dotenv", "laravel"),
    "django": Kind("Django settings", "python", "django"),
    "python": Kind("Python settings", "python"),
    "dotnet": Kind("appsettings.json", "json", "system-net-mail"),
    "json": Kind("JSON", "json"),
    "spring": Kind("Spring's application.properties or .yaml", "properties", "spring"),
    "properties": Kind("Java properties", "properties"),
    "yaml": Kind("YAML", "yaml"),
    "compose": Kind("a Compose file", "yaml"),
    "kubernetes": Kind("a Kubernetes Secret", "yaml"),
    "postfix": Kind("Postfix's main.cf", "postfix", "postfix"),
    "sasl_passwd": Kind("Postfix's sasl_passwd", "postfix", "postfix"),
    "msmtp": Kind("msmtprc", "msmtp", "msmtp"),
    "url": Kind("a URL", ""),
    "rails": Kind("Rails", "pairs_in_code", "ruby-net-smtp"),
    "php": Kind("PHP", "pairs_in_code", "phpmailer"),
    "javascript": Kind("JavaScript", "pairs_in_code", "nodemailer"),
    "ini": Kind("an .ini file", "properties"),
})  # fmt: skip
_BY_NAME: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("dotenv", r"\.env(?:\..+)?|.+\.env|env(?:\.list|file)?|environment"),
        ("postfix", r"main\.cf(?:\..+)?"),
        ("sasl_passwd", r"(?:sasl|relay)[_-]?(?:passwd|passwords?)(?:\..+)?"),
        ("msmtp", r"\.?msmtprc(?:\..+)?"),
        ("compose", r"(?:docker-)?compose(?:\..+)?\.ya?ml"), ("yaml", r".+\.ya?ml"),
        ("python", r".+\.py"), ("json", r".+\.jsonc?"), ("properties", r".+\.properties"),
        ("ruby", r".+\.rb"), ("php", r".+\.php"), ("javascript", r".+\.[cm]?[jt]s"),
        ("ini", r".+\.(?:ini|cfg)"),
    )
)  # fmt: skip
_BY_CONTENT: Final = tuple(
    (kind, re.compile(pattern, re.MULTILINE))
    for kind, pattern in (
        ("php", r"\A\s*<\?php|->(?:Host|SMTPSecure|SMTPAuth|Password)\s*="),
        ("json", r"\A(?:\s++|//[^\n]*+|/\*(?s:.*?)\*/)*+\{\s*+(?:[\"/}]|$)"),
        ("ruby", r"smtp_settings|action_mailer"),
        ("javascript", r"createTransport\s*\("),
        ("python",
         r"^[ \t]*(?:E?MAIL_\w+|MAILERS|DEFAULT_FROM_\w+) += |^import |^from \S+ import "),
        ("postfix", r"^(?:relayhost|smtp_sasl_\w+|smtp_tls_\w+|myhostname|mydestination)\s*="),
        ("msmtp", r"^[ \t]*(?:defaults\s*$|(?:account|tls_starttls|passwordeval)\s+\S)"),
        ("properties", r"^[ \t]*(?:spring|mail|quarkus|smtp)\.[\w.\[\]-]+\s*[=:]"),
        ("ini", r"^\[[\w. -]+\]\s*$"),
        ("sasl_passwd", r"^\[?[\w-]+\.[\w.-]+\]?(?::\w+)?[ \t]+[^\s:=]+:\S"),
        ("dotenv", r"^[ \t]*(?:export\s+)?[A-Za-z_]\w*=[^=]"),
        ("yaml", r"^[\w.-]+:(?:\s|$)"),
    )
)  # fmt: skip


def kind_of(name: str, text: str) -> str:
    """Return the kind of a file, which determines its reader and the library for fixes."""
    text = text.replace("\r\n", "\n")
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    kind = next((kind for kind, pattern in _BY_NAME if pattern.fullmatch(base)), "")
    if not kind:
        stripped = text.strip().strip("\ufeff'\"")
        if "\n" not in stripped and is_dsn(stripped):
            return "url"
        kind = next((kind for kind, pattern in _BY_CONTENT if pattern.search(text)), "")
    return _special(kind, base, text)


def _special(kind: str, base: str, text: str) -> str:
    """Distinguish frameworks with the same syntax."""
    if kind == "dotenv" and re.search(
        r"(?m)^[ \t]*MAIL_(?:MAILER|DRIVER|ENCRYPTION|SCHEME)\s*=", text
    ):
        return "laravel"
    if kind == "python":
        django = re.search(
            r"\bEMAIL_(?:HOST|PORT|USE_|BACKEND|URL)|DEFAULT_FROM_EMAIL|INSTALLED_APPS|\bMAILERS\b",
            text,
        )
        return "django" if django else "python"
    if kind == "json":
        return "dotnet" if base.lower().startswith(("appsettings", "secrets")) or re.search(
            r'(?i)"(?:Logging|ConnectionStrings|AllowedHosts|Serilog|EnableSsl|SmtpSettings|'
            r'EmailSettings|MailSettings)"', text) else "json"  # fmt: skip
    if kind == "properties":
        return "spring" if "spring.mail" in text.lower() or base.startswith("application") else kind
    if kind in ("yaml", "compose"):
        if re.search(r"(?m)^[ \t]*kind:\s*Secret\s*$", text):
            return "kubernetes"
        if kind == "compose" or re.search(r"(?m)^services:[ \t]*$", text):
            return "compose"
        spring = re.search(r"(?m)^[ \t]*spring:\s*$|^[ \t]*spring\.mail", text)
        return "spring" if spring or base.lower().startswith("application") else "yaml"
    return "rails" if kind == "ruby" else kind
