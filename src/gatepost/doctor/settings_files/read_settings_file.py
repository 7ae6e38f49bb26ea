"""Configuration files of mail clients: read as their framework does, never executed, never shown.

``read_config`` recognises the kind of a file, and turns its mail settings into an Evidence of forms
and marks. No secret leaves this package; ``gatepost.diagnosis.settings`` judges.
"""

import re
from dataclasses import replace
from importlib import import_module
from posixpath import commonprefix
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Section
from gatepost.doctor.settings_files.kinds import KINDS, kind_of
from gatepost.model.evidence import ClientFacts, Evidence, Target
from gatepost.model.setting import MAILERS, ClientSettings, Setting, has_mailers

__all__ = ["MAX_CONFIG", "read_config"]

MAX_CONFIG: Final = 1024 * 1024
"""Octets of a configuration file; larger ones are refused."""
MAX_LINE: Final = 8_000
"""Characters of a line that are read; JSON may be one line."""
MAX_TEXT: Final = 384 * 1024
"""Characters of a file that are read: its beginning, as mail is set up in much smaller ones."""
_OF_A_LINE: Final = 64
"""What a line costs, in characters, besides its text."""
MAX_SECTIONS: Final = 50
_LEFT: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-[#"
"""How a line begins that begins something new."""
_MAILER: Final = re.compile(r"(?i)(.*(?:smtp|mail(?:er)?))")


def read_config(raw: bytes, name: str) -> Evidence:
    """Return the settings in the file ``name`` with the content ``raw``, which may be anything."""
    whole, wide = _text(raw)
    text = _beginning(whole)
    kind = kind_of(name, "\n".join(line[:MAX_LINE] for line in text.split("\n")))
    if kind not in ("json", "dotnet"):
        text = "\n".join(line[:MAX_LINE] for line in text.split("\n"))
    file = name.replace("\\", "/").rsplit("/", 1)[-1] if name != "-" else "standard input"
    configs = tuple(
        config for section in _sections(kind, text, name)[:MAX_SECTIONS]
        for config in _clients(_config(file, kind, section, wide)) if config.settings
    )[:MAX_SECTIONS]  # fmt: skip
    client = ClientFacts(KINDS[kind].library if kind else "", signs_in=True)
    return Evidence(
        "config", target=_target(configs), client=client, configs=configs, log_format=kind,
        left_out=len(whole) - len(text),
    )  # fmt: skip


def _beginning(text: str) -> str:
    """Return what is read of a text: all, or its beginning up to a line that is not indented."""
    if len(text) + _OF_A_LINE * text.count("\n") <= MAX_TEXT:
        return text
    left, at = MAX_TEXT, 0
    while left > 0 and at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        left -= end - at + _OF_A_LINE
        at = end
    at = min(at, MAX_TEXT)
    line = max((text.rfind(f"\n{each}", 0, at) for each in _LEFT), default=-1)
    return text[: line + 1] if line > 0 else text[:at]


def _clients(config: ClientSettings) -> list[ClientSettings]:
    """Separate the clients in one file, by the prefixes of their settings."""
    if has_mailers(config):
        return _mailers(config)
    hosts = {_group(each.key) for each in config.settings if each.role in ("host", "url")}
    if len(hosts) < 2 or config.kind in ("postfix", "sasl_passwd", "msmtp", "url"):
        return [config]
    own: dict[str, list[Setting]] = {group: [] for group in sorted(hosts)}
    for each in config.settings:
        group = _group(each.key)
        near = max(own, key=lambda other: len(commonprefix((other, group))))
        own[group if group in own else near].append(each)
    return [replace(config, settings=tuple(settings)) for settings in own.values()]


def _mailers(config: ClientSettings) -> list[ClientSettings]:
    """Separate the clients in Django's MAILERS; other settings, such as the sender, are for all."""
    shared = [each for each in config.settings if not each.key.startswith(MAILERS)]
    own: dict[str, list[Setting]] = {}
    for each in config.settings:
        if each.key.startswith(MAILERS):
            own.setdefault(each.key.split(".")[1], list(shared)).append(each)
    return [replace(config, settings=tuple(settings)) for settings in own.values()]


def _group(key: str) -> str:
    if key.endswith("]"):  # one of several URLs under one name
        return key.lower()
    match = _MAILER.match(key)
    return match[1].lower() if match else key.rpartition(".")[0].lower()


def _text(raw: bytes) -> tuple[str, bool]:
    """Return the file's text, and whether it is UTF-16, as PowerShell's > writes it."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace"), True
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("latin-1"), False


def _sections(kind: str, text: str, name: str) -> list[Section]:
    if kind == "url":
        return [
            Section("", [FileEntry("URL", 1, text.strip("\ufeff").strip().strip("'\""), "text")])
        ]
    if not kind:
        return []
    module = import_module(f"gatepost.doctor.settings_files.{_module(kind, text, name)}")
    if kind == "ini":
        return list(module.read_ini(text))
    if kind == "sasl_passwd":
        return list(module.read_table(text))
    if kind == "php":
        return list(module.read(text, dollars=True))
    return list(module.read(text))


def _module(kind: str, text: str, name: str) -> str:
    """Spring's settings come in two syntaxes."""
    if kind == "spring" and (
        name.lower().endswith((".yaml", ".yml")) or "\nspring:" in f"\n{text.lstrip()}"
    ):
        return "yaml"
    return KINDS[kind].reader


def _config(file: str, kind: str, section: Section, wide: bool) -> ClientSettings:
    from gatepost.doctor.settings_files import postfix_and_msmtp  # noqa: PLC0415 - read after the file is known
    from gatepost.doctor.settings_files.value_forms import config_of  # noqa: PLC0415

    if wide and kind in ("dotenv", "laravel", "properties", "spring", "postfix", "msmtp"):
        section.entries = [each.marked("utf16") for each in section.entries]
    if kind == "postfix":
        return postfix_and_msmtp.postfix_config(file, section)
    if kind == "sasl_passwd":
        return postfix_and_msmtp.table_config(file, section)
    if kind == "msmtp":
        return postfix_and_msmtp.msmtp_config(file, section)
    return config_of(file, kind, section)


def _target(configs: tuple[ClientSettings, ...]) -> Target | None:
    """Return the server that the first configuration names, if that is clear."""
    for config in configs:
        roles = {each.role: each for each in config.settings}
        host, port = roles.get("host"), roles.get("port") or roles.get("endpoint")
        if host is not None and host.shown and "/" not in host.shown and host.state == "set":
            number = int(port.shown) if port is not None and port.shown else 0
            return Target(host.shown.strip("[]").lower(), number) if number else None
    return None
