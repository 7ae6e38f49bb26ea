"""Values that are names, passwords, addresses, hosts or ports: their forms and marks."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from gatepost.doctor.credential_shapes import form_of, shape_of
from gatepost.doctor.settings_files.entry import FileEntry, seen_in, without_invisible
from gatepost.doctor.settings_files.roles import role_of
from gatepost.model.setting import Setting

_PLACEHOLDER: Final = re.compile(
    r"(?i)<[^<>]*>|\[[^\[\]]*\]|x{3,}|\.{3,}|change[-_ ]?(?:me|it|this).*|replace[-_ ]?(?:me|"
    r"with|this).*|"
    r"your[-_ .].*|your(?:password|user(?:name)?|email|secret|app\w*)|"
    r"my[-_](?:smtp[-_])?(?:password|secret)|"
    r"todo.*|tbd|fixme.*|(?:smtp|mail|email)[-_ ]?(?:user(?:name)?|password|pass)|"
    r"(?:insert|enter|put|add|type)[-_ ](?>.*?(?:here|password|secret|name|key)).*|.*[-_ ]here|"
    r"(?:api|smtp|app)[-_ ]?(?:key|password|secret)|undefined|placeholder|dummy|_+"
)
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLAIN_HOST: Final = re.compile(r"[A-Za-z0-9._:\-\[\]/]{1,300}")
_YAML: Final = frozenset({"yaml", "compose", "kubernetes", "spring"})
_LITERALS: Final = ("apikey", "resend", "emailapikey")
"""User names that providers give to all customers."""


class Task(NamedTuple):
    """An entry whose role is known; its secret parts are added to ``secrets``."""

    entry: FileEntry
    role: str
    kind: str
    secrets: list[str]


def of_text(task: Task) -> Iterator[Setting]:
    """Read a value as it is: a name, a password, a sender, a host."""
    entry, role = task.entry, task.role
    value = entry.value
    empty = not value.strip() or (entry.form != "text" and value.lower() in ("null", "none", "nil"))
    if role == "password" and value:
        task.secrets.extend((value, value.strip(), without_invisible(value)))
    visible = value.strip() if _PLAIN_HOST.fullmatch(value.strip()) and role not in (
        "password", "username") else ""  # fmt: skip
    marks = set(entry.marks)
    if entry.form in ("true", "false") and task.kind in _YAML:
        marks.add("number")
    if not empty:
        marks |= seen_in(value)
        if role in ("username", "password") and value.strip() not in _LITERALS:
            marks |= {"placeholder"} if _PLACEHOLDER.fullmatch(value.strip()) else set()
    secret = shape_of(value) if role == "password" and not empty else None
    form = form_of(value.strip()) if role in ("username", "sender") and not empty else ""
    if role == "username" and form == "name":
        form = _name_form(value.strip())
    if role == "sender" and not empty:
        visible, form = "", _sender_form(value)
    yield entry.setting(
        role, visible, state="empty" if empty else "set", form=form, secret=secret,
        marks=tuple(sorted(marks)),
    )  # fmt: skip


def _name_form(value: str) -> str:
    """Recognise literal names that providers require, and malformed Azure names."""
    if value in _LITERALS:
        return value
    if _GUID.search(value):
        return "entra_malformed"
    return "aws_key_id" if re.fullmatch(r"(?:AKIA|ASIA)[A-Z0-9]{16}", value) else "name"


def _sender_form(value: str) -> str:
    address = re.search(r"[^\s<>@\"']@([\w.-]+)", value)
    if address is None:
        return "no_address"
    domain = address[1].lower()
    unreal = re.search(
        r"(?:^|\.)(?:example\.(?:com|org|net)|localhost|local|test|invalid|localdomain)$", domain
    )
    return "example_address" if unreal else "address"


def of_host(task: Task) -> Iterator[Setting]:
    """Read a host, and what else is in it; HOST:PORT in one."""
    entry = task.entry
    value = without_invisible(entry.value.strip())
    marks = _host_marks(value, entry)
    if "list" in marks or entry.form == "elsewhere":
        return
    endpoint = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\s/]+):(\d{1,5})", value)
    for setting in of_text(task._replace(role="host")):
        all_marks = tuple(sorted({*setting.marks, *marks}))
        if endpoint is None or "://" in value:
            yield replace(setting, marks=all_marks)
            continue
        yield replace(setting, shown=endpoint[1] if setting.shown else "", marks=all_marks)
        yield entry.setting("endpoint", endpoint[2])


def _host_marks(value: str, entry: FileEntry) -> set[str]:
    marks = set()
    if re.match(r"[A-Za-z][\w+.\-]*://", value):
        marks.add("scheme")
    elif "/" in value:
        marks.add("path")
    if re.search(r"\s", value):
        marks.add("blank")
    if "," in value or ";" in value:
        marks.add("comma")
    if "@" in value:
        marks.add("at_sign")
    if re.fullmatch(r"[^:/\s]+:\d{1,5}", value) and role_of(entry.path) != "endpoint":
        marks.add("host_port")
    if value[:1] in "'\"" and value:
        marks.add("quotes_kept")
    return marks


def of_port(task: Task) -> Iterator[Setting]:
    """Read a port number."""
    entry = task.entry
    value = without_invisible(entry.value.strip())
    good = value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536
    marks = {*entry.marks, *seen_in(entry.value)} - {"edge_blank"}
    if value and not good:
        marks.add("port_malformed")
    state = "set" if value else "empty"
    yield entry.setting("port", value if good else "", state=state, marks=tuple(sorted(marks)))
