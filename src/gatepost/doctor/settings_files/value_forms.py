"""Turns entries into settings: each value becomes its form, so that later code never sees the
value."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.doctor.settings_files import urls
from gatepost.doctor.settings_files.credential_values import Task, of_host, of_port, of_text
from gatepost.doctor.settings_files.entry import FileEntry, Section, is_reference, seen_in
from gatepost.doctor.settings_files.roles import is_about_mail, role_of, words_of
from gatepost.doctor.settings_files.switch_values import (
    of_backend,
    of_encryption,
    of_mechanism,
    of_switch,
    of_verify,
)
from gatepost.model.setting import ClientSettings, Setting

MAX_ENTRIES: Final = 20_000
"""Maximum entries that are read."""
MAX_SETTINGS: Final = 500
"""Maximum settings that are kept of one client."""
_DEFAULT_HOSTS: Final = {
    "gmail": "smtp.gmail.com", "sendgrid": "smtp.sendgrid.net", "ses": "email-smtp.amazonaws.com",
    "mailgun": "smtp.mailgun.org", "postmark": "smtp.postmarkapp.com", "resend": "smtp.resend.com",
    "brevo": "smtp-relay.brevo.com", "mailjet": "in-v3.mailjet.com",
}  # fmt: skip
_ELSEWHERE: Final = frozenset({"file", "path", "cmd", "command", "eval", "arn"})
"""Ends of names that say where a value is stored."""
_MAIL_KINDS: Final = frozenset({"rails", "php", "javascript"})
"""Kinds whose reader accepts short names: ``host`` without ``smtp`` before it."""


@dataclass(slots=True)
class _Reading:
    """The conversion of one section."""

    kind: str
    settings: list[Setting] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


def config_of(file: str, kind: str, section: Section) -> ClientSettings:
    """Return a section's settings, the last of each role and name."""
    reading = _Reading(kind)
    for entry in section.entries[:MAX_ENTRIES]:
        reading.settings += _settings(entry, reading)
    last = {(each.role, each.key.lower()): each for each in reading.settings}
    last_settings = [each for each in reading.settings if last[each.role, each.key.lower()] is each]
    hidden = {each for each in reading.secrets if each}
    if len(hidden) > MAX_SETTINGS:  # no configuration has so many; show nothing at all
        settings = (replace(each, shown="", key=each.role) for each in last_settings[:MAX_SETTINGS])
    else:
        settings = (_concealed(each, hidden) for each in last_settings[:MAX_SETTINGS])
    return ClientSettings(file, kind, section.name, tuple(settings))


def _concealed(setting: Setting, secrets: Iterable[str]) -> Setting:
    """Hide values that contain a secret: a server's key may also be its user name."""
    if any(each in setting.shown or each in setting.key for each in secrets if len(each) > 1):
        key = "" if any(each in setting.key for each in secrets if len(each) > 1) else setting.key
        return replace(setting, shown="", key=key or setting.role)
    return setting


def _settings(entry: FileEntry, reading: _Reading) -> Iterator[Setting]:
    role = _role(entry, reading.kind)
    if (
        role == "url"
        or (role not in ("password", "host") and urls.is_dsn(entry.value))
        or (role == "host" and urls.is_dsn(entry.value) and _may_be_url(entry))
    ):
        urls_in_value = urls.each_dsn(entry.value)
        for number, one in enumerate(urls_in_value, 1):
            path = f"{entry.path}[{number}]" if len(urls_in_value) > 1 else entry.path
            yield from _of_url(replace(entry, path=path), one, reading)
        return
    if not role:
        yield from _of_file(entry)
        return
    if entry.form == "elsewhere":
        if role == "password" and entry.value:
            reading.secrets.append(entry.value)
        marks = tuple(entry.marks & {"untyped" if role in _SWITCHES else "unstripped"})
        plain = _SWITCHES.get(role, role)
        if plain not in ("verify", "encryption", "tls_off"):
            yield entry.setting(plain, state="elsewhere", marks=marks)
        return
    yield from _READERS.get(role, of_text)(Task(entry, role, reading.kind, reading.secrets))


def _of_file(entry: FileEntry) -> Iterator[Setting]:
    """Handle ``SMTP_PASSWORD_FILE`` and the like: the value is stored or computed elsewhere."""
    words, _, end = words_of(entry.path).rpartition("_")
    role = role_of(words)
    is_login = role in ("username", "password") and is_about_mail(words)
    if end in _ELSEWHERE and entry.value and is_login:
        yield entry.setting(role, state="elsewhere")


def _may_be_url(entry: FileEntry) -> bool:
    """Tell whether it may be a URL: a server may be one, a host only with user information."""
    return "@" in entry.value or not words_of(entry.path).endswith(("host", "hostname", "address"))


def _role(entry: FileEntry, kind: str) -> str:
    """Return an entry's role; in .env files and the like only if its name is about mail."""
    words = words_of(entry.path)
    if words in ("node_tls_reject_unauthorized", "pythonhttpsverify"):
        return "verify"
    if kind not in _MAIL_KINDS and not is_about_mail(entry.path):
        return ""
    if kind in _MAIL_KINDS and re.search(r"(?:imap|pop|ldap|redis|database|db)_", words):
        return ""
    if words.endswith("mailer_dsn"):
        return "url"  # whatever its scheme is
    role = role_of(entry.path)
    if role == "host" and entry.value.startswith("{"):
        return ""
    if (
        role == "host"
        and "@" in entry.value
        and "://" not in entry.value
        and words.endswith("address")
    ):
        return "sender"
    if role == "" and words.endswith(("from_address", "email_from")) and "@" in entry.value:
        return "sender"
    if kind == "dotnet" and role == "auth" and words.endswith("default_credentials"):
        return ""
    if kind in ("django", "python") and role == "tls":
        return "starttls"
    if words in ("email_use_tls", "mail_use_tls"):
        return "starttls"
    return role


def _of_url(entry: FileEntry, url: str, reading: _Reading) -> Iterator[Setting]:
    if entry.form == "elsewhere" or is_reference(url):
        yield entry.setting("url", state="elsewhere")
        return
    url = urls.with_references_named(url)
    dsn = urls.parse(url)
    if dsn is None or urls.NOT_SMTP.fullmatch(dsn.scheme):
        return
    reading.secrets += [each for each in (*dsn.held, dsn.password or "") if each]
    marks = (entry.marks | dsn.marks | seen_in(url)) - {"backslash", "dollar_ok"}
    if "$" not in url:
        marks -= {"dollar"}
    if dsn.password is None and dsn.username is None:
        marks -= {"hash", "dollar"}
    yield entry.setting("url", dsn.scheme, marks=tuple(sorted(marks)))
    if dsn.username is None and "after_quote" in entry.marks:
        return  # the quote may be in the user name or password, and this the beginning of it
    yield from _parts(entry, dsn, reading)


def _parts(entry: FileEntry, dsn: urls.MailUrl, reading: _Reading) -> Iterator[Setting]:
    host = dsn.host if dsn.sure else ""
    if urls.REFERENCE in host:
        host = ""
    if dsn.host == "default":
        host = _DEFAULT_HOSTS.get(dsn.scheme.partition("+")[0], "")
    yield entry.setting("host", host, state="set" if dsn.host else "empty")
    if dsn.port.isdecimal() and 0 < int(dsn.port[:6]) < 65536:
        yield entry.setting("port", dsn.port)
    yield from _login(entry, dsn, reading)
    if dsn.scheme in ("smtps", "submissions", "smtp+ssl") or dsn.scheme.endswith("+smtps"):
        yield entry.setting("implicit", dsn.scheme, on=True)
    elif dsn.scheme in ("smtp+tls", "smtp+starttls"):
        yield entry.setting("starttls", dsn.scheme, on=True)
    for name, value in dsn.query:
        if re.fullmatch(r"[\w.\-\[\]]{1,60}", name) and "://" not in value:
            inner = FileEntry(f"smtp.{name}", entry.line, value)
            yield from (replace(each, key=entry.path) for each in _settings(inner, reading)
                        if each.role != "url")  # fmt: skip


def _login(entry: FileEntry, dsn: urls.MailUrl, reading: _Reading) -> Iterator[Setting]:
    """Return user name and password in a URL; for some providers there is only a key."""
    key_alone = dsn.password is None and dsn.scheme.partition("+")[0] in _DEFAULT_HOSTS
    if dsn.username is not None and key_alone:
        key = replace(entry, value=dsn.username, form="text", marks=frozenset())
        yield from of_text(Task(key, "password", reading.kind, reading.secrets))
        yield entry.setting("username", state="elsewhere")
    elif dsn.username is not None:
        for role, value in (("username", dsn.username), ("password", dsn.password)):
            if value is None:
                continue
            if is_reference(value) or urls.REFERENCE in value:
                yield entry.setting(role, state="elsewhere")
            else:
                part = replace(entry, value=value, form="text", marks=frozenset())
                yield from of_text(Task(part, role, reading.kind, reading.secrets))


_SWITCHES: Final = {"starttls": "starttls", "implicit": "implicit", "tls": "tls", "auth": "auth",
                    "enable_ssl": "starttls", "encryption": "encryption", "verify_off": "verify",
                    "trust": "verify"}  # fmt: skip
_READERS: Final = {
    "host": of_host, "endpoint": of_host, "port": of_port, "starttls": of_switch,
    "implicit": of_switch, "tls": of_switch, "tls_off": of_switch,
    "enable_ssl": of_switch, "auth": of_switch, "sending": of_switch,
    "encryption": of_encryption, "verify": of_verify, "verify_off": of_verify,
    "trust": of_verify, "mechanism": of_mechanism, "backend": of_backend,
}  # fmt: skip
