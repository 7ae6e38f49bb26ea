"""The statements of the SQL files, by their names."""

from pathlib import Path
from typing import Final

from gatepost.store.stored_values import read_statements

_FILES: Final = (
    "store.sql",
    "cluster.sql",
    "messages.sql",
    "deliveries.sql",
    "reports.sql",
    "notes.sql",
    "mailbox.sql",
    "health.sql",
)

SQL: Final = {
    name: statement
    for file in _FILES
    for name, statement in read_statements(Path(__file__).with_name(file)).items()
}
