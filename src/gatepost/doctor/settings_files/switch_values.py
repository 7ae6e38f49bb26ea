"""Values of switches: on or off, or modes, as each framework reads them."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.doctor.settings_files.credential_values import Task
from gatepost.doctor.settings_files.entry import FileEntry, without_invisible
from gatepost.doctor.settings_files.roles import ENCRYPTIONS, words_of
from gatepost.model.setting import Setting

_TRUE: Final = frozenset({"true", "1", "yes", "on", "y", "t", "enabled", "always", "required",
                          "mandatory", "enable"})  # fmt: skip
_FALSE: Final = frozenset({"false", "0", "no", "off", "n", "f", "disabled", "never", "", "none",
                           "null", "disable"})  # fmt: skip
_TYPED: Final = frozenset({"django", "python", "javascript"})
"""In these, every string is true."""


def truth(entry: FileEntry, kind: str) -> tuple[bool | None, tuple[str, ...]]:
    """Return how the framework reads a switch, and what is unusual about it."""
    low = without_invisible(entry.value).strip().lower()
    if entry.form in ("true", "false"):
        return entry.form == "true", ()
    if entry.form == "text" and kind in _TYPED:
        odd = ("false_text",) if low in _FALSE and entry.value else ()
        return bool(entry.value), odd
    if low in _TRUE or low in _FALSE:
        return low in _TRUE, ()
    return None, ()


def of_switch(task: Task) -> Iterator[Setting]:
    """Read a value that is on or off, or a mode as a word."""
    entry, role = task.entry, task.role
    on, marks = truth(entry, task.kind)
    low = entry.value.strip().lower()
    if role == "tls_off":
        if on:
            yield entry.setting("clear", low[:8], on=True)
        return
    if on is None and low in ENCRYPTIONS and role in ("implicit", "tls", "starttls"):
        yield from of_encryption(task)
        return
    if role == "starttls" and low in ("auto", "opportunistic", "when_available"):
        on = True
    if role == "enable_ssl":
        role = "starttls"
    yield entry.setting(role, low if re.fullmatch(r"\w{1,12}", low) else "", on=on, marks=marks)


def of_encryption(task: Task) -> Iterator[Setting]:
    """Read a word for a TLS mode, or nodemailer's ``secure``, a switch for implicit TLS."""
    entry = task.entry
    low = entry.value.strip().lower()
    words = words_of(entry.path)
    switch, marks = truth(entry, task.kind)
    says_how = low in ENCRYPTIONS and task.kind != "javascript"
    if not says_how and switch is not None and words.endswith("secure"):
        yield entry.setting("implicit", low[:8], on=switch, marks=marks)
        return
    if words.endswith(("scheme", "protocol")):
        if task.kind == "laravel" and low not in ("smtp", "smtps", "", "null"):
            yield entry.setting("implicit", marks=("bad_scheme",))
            return
        if low in ("smtp", "tls", "ssl", "none", "") and task.kind != "laravel":
            return
    means = ENCRYPTIONS.get(low)
    if means is not None:
        yield entry.setting(means, low, on=True)


def of_verify(task: Task) -> Iterator[Setting]:
    """Read whether certificates are verified."""
    entry, role = task.entry, task.role
    on, low = truth(entry, "")[0], entry.value.strip().lower()
    if role == "trust":
        if entry.value.strip() == "*":
            yield entry.setting("verify", "*", on=False)
        return
    if role == "verify_off" and on is not None:
        on = not on
    if on is not None or low == "peer":
        shown = low if re.fullmatch(r"\w{1,8}", low) else ""
        yield entry.setting("verify", shown, on=on is not False)


def of_mechanism(task: Task) -> Iterator[Setting]:
    """Read how to sign in, or whether."""
    entry = task.entry
    on, _ = truth(entry, task.kind)
    name = entry.value.strip().strip(":").upper()
    if entry.form in ("true", "false") or (on is not None and name != "NONE"):
        yield entry.setting("auth", on=on)
    elif re.fullmatch(r"[A-Z][A-Z0-9_ ,-]{1,60}", name):
        yield entry.setting("mechanism", name.replace("_", "-"))


def of_backend(task: Task) -> Iterator[Setting]:
    """Read what sends the mail."""
    entry = task.entry
    value = entry.value.strip()
    if re.fullmatch(r"[\w.\\]{1,100}", value):
        yield entry.setting("backend", value)
