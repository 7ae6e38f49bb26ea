"""``[failures]``: whether rules of scripted failures are allowed, and where they are."""

from gatepost.config import value_syntax as values
from gatepost.config.settings import FailureSettings
from gatepost.config.table_reader import TableReader

ALLOWED = "rules may delay, refuse and cut off the mail of clients: this is for tests"


def read_failures(root: TableReader) -> FailureSettings | None:
    """Return the settings; None if no rules are allowed."""
    table = root.table("failures")
    allow = table.take("allow", values.flag, False)
    file = table.take("file", values.optional_path, "")
    if file and not allow and not table.is_mistaken("allow"):
        name = table.name("file")
        table.fault("file", f"{name} is ignored: rules need {table.name('allow')} = true")
    if allow:
        table.warn(f"{table.name('allow')} = true: {ALLOWED}", "allow")
    table.finish()
    return FailureSettings(file) if allow else None
