"""msmtprc: ``defaults``, accounts, and accounts that inherit from others."""

from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Section

_COMMANDS: Final = frozenset({
    "host", "port", "user", "password", "from", "domain", "tls", "tls_starttls", "tls_certcheck",
    "auth", "passwordeval", "passwordeval_cmd",
})  # fmt: skip
"""Commands that matter here."""
_SWITCHES: Final = frozenset({"auth", "tls", "tls_starttls", "tls_certcheck"})
"""They are on without a value."""


def read(text: str) -> list[Section]:
    """Return one section for each account, with what it inherits."""
    defaults: dict[str, FileEntry] = {}
    accounts: dict[str, dict[str, FileEntry]] = {}
    now = defaults
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        command, value = (*line.split(None, 1), "")[:2]
        if command == "defaults":
            now = defaults
        elif command == "account":
            name, _, bases = value.partition(":")
            now = accounts.setdefault(name.strip(), dict(defaults))
            for base in bases.split(","):
                now.update(accounts.get(base.strip(), {}))
        elif command in _COMMANDS:
            now[command] = _entry(command, value, number, raw)
    if not accounts and defaults:
        accounts = {"": defaults}
    aliases = [name for name, own in accounts.items() if name == "default" and own in
               [other for each, other in accounts.items() if each != "default"]]  # fmt: skip
    return [
        Section(name, list(own.values())) for name, own in accounts.items() if name not in aliases
    ]


def _entry(command: str, value: str, line: int, raw: str) -> FileEntry:
    marks = set()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    elif value[:1] == '"':
        marks.add("quote_open")
    if raw.endswith("\r") and value:
        marks.add("cr")
    if not value and command in _SWITCHES:
        value = "on"
    return FileEntry(command, line, value, marks=frozenset(marks))
