"""Postfix and msmtp: their parameters have special names, and important defaults."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Section, seen_in
from gatepost.doctor.settings_files.switch_values import truth
from gatepost.doctor.settings_files.value_forms import config_of
from gatepost.model.setting import ClientSettings, Role, Setting

_MSMTP: Final = {
    "host": "smtp.host", "port": "smtp.port", "user": "smtp.username", "password": "smtp.password",
    "from": "smtp.from", "domain": "smtp.helo",
}  # fmt: skip
_POSTFIX: Final = {"sasl username": "smtp.username", "sasl password": "smtp.password"}
_RELAYHOST: Final = re.compile(r"(\[?)([\w.\-]+)\]?(?::(\w+))?")
_NO_HOST: Final = (
    ("scheme", re.compile(r"^\w+://")), ("comment", re.compile(r"\s#")),
    ("quotes_kept", re.compile(r"^['\"]")), ("comma", re.compile(r"[,;]")),
    ("blank", re.compile(r"\s")), ("at_sign", re.compile("@")),
    ("bracket_port", re.compile(r"^\[[^\]]*:\d+\]")),
)  # fmt: skip
"""What is wrong with a relayhost that is not one; the first that is found."""
_SERVICES: Final = {"smtp": "25", "submission": "587", "submissions": "465", "smtps": "465"}


def msmtp_config(file: str, section: Section) -> ClientSettings:
    """Return an account of msmtprc."""
    config = config_of(file, "msmtp", _renamed(section, _MSMTP))
    by_name = {each.path: each for each in section.entries}
    settings = [_named(each, _MSMTP) for each in config.settings]
    if "host" in by_name:
        settings += _msmtp_switches(by_name)
    return ClientSettings(file, "msmtp", section.name, tuple(settings))


def _renamed(section: Section, names: dict[str, str]) -> Section:
    entries = [
        FileEntry(names[each.path], each.line, each.value, "text", each.marks)
        for each in section.entries if each.path in names
    ]  # fmt: skip
    return Section(section.name, entries)


def _named(setting: Setting, names: dict[str, str]) -> Setting:
    """Give a setting the name that it has in the file."""
    short = next((name for name, long in names.items() if long == setting.key), setting.key)
    if short.startswith("sasl "):
        short = "smtp_sasl_password_maps"
    return replace(setting, key=short)


def _msmtp_switches(by_name: dict[str, FileEntry]) -> Iterator[Setting]:
    tls, starttls = by_name.get("tls"), by_name.get("tls_starttls")
    on = truth(tls, "msmtp")[0] if tls else False
    upgrade = truth(starttls, "msmtp")[0] if starttls else True
    if not on:
        line = tls.line if tls else (by_name.get("host") or FileEntry("", 0)).line
        yield Setting("clear", "tls" if tls else "host", line, "off" if tls else "", on=True,
                      marks=() if tls else ("default",))  # fmt: skip
    else:
        which = starttls or tls
        if which is not None:
            role: Role = "starttls" if upgrade else "implicit"
            yield which.setting(role, which.value, on=True)
    auth = by_name.get("auth")
    if auth is not None and auth.value.lower() not in ("on", "off", "yes", "no"):
        yield Setting("mechanism", "auth", auth.line, auth.value.upper())
        yield Setting("auth", "auth", auth.line, on=True)
    elif auth is not None:
        yield Setting("auth", "auth", auth.line, on=auth.value.lower() in ("on", "yes"))
    check = by_name.get("tls_certcheck")
    if check is not None:
        yield Setting("verify", "tls_certcheck", check.line, check.value, on=truth(check, "")[0])
    for name in ("passwordeval", "passwordeval_cmd"):
        if name in by_name:
            yield Setting("password", name, by_name[name].line, state="elsewhere")


def postfix_config(file: str, section: Section) -> ClientSettings:
    """Return what main.cf says of the relayhost."""
    by_name = {each.path: each for each in section.entries}
    config = config_of(file, "postfix", _renamed(section, _POSTFIX))
    settings = [_named(each, _POSTFIX) for each in config.settings]
    settings += [*_relayhost(by_name), *_postfix_tls(by_name), *_postfix_sasl(by_name)]
    return ClientSettings(file, "postfix", "", tuple(settings))


def table_config(file: str, section: Section) -> ClientSettings:
    """Return a line of sasl_passwd, whose fields have no names."""
    config = config_of(file, "sasl_passwd", section)
    settings = tuple(replace(each, key="this line") for each in config.settings)
    return replace(config, settings=settings)


def _relayhost(by_name: dict[str, FileEntry]) -> Iterator[Setting]:
    relay = by_name.get("relayhost")
    if relay is None or not relay.value:
        return
    value = relay.value
    if "$" in value:
        yield Setting("host", "relayhost", relay.line, state="elsewhere")
        return
    marks = set(seen_in(value))
    match = _RELAYHOST.fullmatch(value)
    if match is None:
        marks.add(next((mark for mark, pattern in _NO_HOST if pattern.search(value)), "path"))
    yield Setting(
        "host", "relayhost", relay.line, match[2] if match else "", marks=tuple(sorted(marks))
    )
    if match is not None:
        port = _SERVICES.get(match[3] or "smtp", match[3] or "25")
        yield Setting("port", "relayhost", relay.line, port if port.isdecimal() else "")


def _postfix_tls(by_name: dict[str, FileEntry]) -> Iterator[Setting]:
    wrapper, level = by_name.get("smtp_tls_wrappermode"), by_name.get("smtp_tls_security_level")
    relay = by_name.get("relayhost")
    old = by_name.get("smtp_use_tls") or by_name.get("smtp_enforce_tls")
    if wrapper is not None and wrapper.value.lower() == "yes":
        yield wrapper.setting("implicit", "yes", on=True)
        if level is None or level.value.lower() in ("may", "none", ""):
            where = level or wrapper
            yield Setting(
                "implicit", where.path, where.line, on=True, marks=("wrapper_needs_encrypt",)
            )
        return
    which = level or old
    if which is not None and which.value.lower() not in ("none", "no", ""):
        yield which.setting("starttls", which.value, on=True)
    elif relay is not None:
        where = which or relay
        yield where.setting("clear", on=True, marks=() if which else ("default",))


def _postfix_sasl(by_name: dict[str, FileEntry]) -> Iterator[Setting]:
    enable, maps = by_name.get("smtp_sasl_auth_enable"), by_name.get("smtp_sasl_password_maps")
    if maps is not None:
        yield maps.setting("maps", "" if maps.value == "static" else maps.value)
        yield Setting("auth", (enable or maps).path, (enable or maps).line,
                      on=enable is not None and enable.value.lower() == "yes")  # fmt: skip
    elif enable is not None:
        yield enable.setting("auth", on=enable.value.lower() == "yes")
    options = by_name.get("smtp_sasl_security_options")
    under_tls = by_name.get("smtp_sasl_tls_security_options") or options
    signs_in = enable is not None and enable.value.lower() == "yes"
    if (
        enable is not None
        and signs_in
        and (under_tls is None or "noplaintext" in under_tls.value.lower())
    ):
        where, mark = under_tls or enable, "noplaintext" if under_tls else "noplaintext_default"
        yield where.setting("filter", marks=(mark,))
    names = by_name.get("smtp_sasl_mechanism_filter")
    if names is not None and re.fullmatch(r"[\w!,\s-]{1,100}", names.value):
        yield names.setting("mechanism", names.value.upper().replace(",", " "))
