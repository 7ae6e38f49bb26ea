"""Where the mail of a data directory is: in it, or in a database that a file in it names.

So commands find it by the directory alone. The file has no secret, only where the secret is.
"""

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatepost.errors import Unreadable

if TYPE_CHECKING:  # a quick command need not load them
    from gatepost.config.settings import DatabaseSettings

FILE: Final = "store.json"
"""In the data directory, if its mail is in a database."""
DATABASE: Final = "store.db"
"""In the data directory, if it is here."""


def has_store(data: Path) -> bool:
    """Tell whether there is a store of ``data``."""
    return (data / DATABASE).exists() or (data / FILE).exists()


def find_database(data: Path) -> "DatabaseSettings | None":
    """Return the database with the mail of ``data``; None: it is in the directory. Raises
    Unreadable."""
    try:
        text = (data / FILE).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{data / FILE} cannot be read: {error}") from error
    from gatepost.client.named_secret import NamedSecret  # noqa: PLC0415
    from gatepost.config.settings import DatabaseSettings  # noqa: PLC0415

    try:
        fields = json.loads(text)
        times = {
            each: timedelta(seconds=fields[each])
            for each in ("beat", "dead_after")
            if each in fields
        }  # an older program has not written them
        return DatabaseSettings(
            NamedSecret(*fields["url"]), fields["schema"], fields["node"], **times
        )
    except (ValueError, TypeError, KeyError) as error:
        what = f"{data / FILE} is damaged; the next start of the relay writes it"
        raise Unreadable(what) from error


def note_database(data: Path, database: "DatabaseSettings | None") -> str:
    """Note where the mail of ``data`` is from now on; return a warning if it was elsewhere."""
    from gatepost.store.private_files import replace_private  # noqa: PLC0415

    file, before = data / FILE, None
    with suppress(Unreadable):
        before = find_database(data)
    if database is None:
        if before is None:
            return ""
        file.unlink(missing_ok=True)
        return f"mail is stored in {data} from now on; what is in the database stays there"
    if database != before:
        url = database.url
        name = str(Path(url.name).absolute()) if url.kind == "file" else url.name
        fields = {
            "url": [url.kind, name],
            "schema": database.schema,
            "node": database.node,
            "beat": database.beat.total_seconds(),
            "dead_after": database.dead_after.total_seconds(),
        }
        replace_private(file, json.dumps(fields) + "\n")
    if before is None and (data / DATABASE).exists():
        return f"mail is stored in a database from now on; what is in {data} stays there"
    return ""
