"""What was found when a store was opened, kept for the operator if a command opened it first."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatepost.store.private_files import open_private

if TYPE_CHECKING:
    from gatepost.app.relay_store import RelayStore

FILE: Final = "store.news"
"""In the store's directory: what a command found, until a relay has reported it."""
News = Sequence[tuple[str, str]]
"""Events and their reasons."""


def news_of(store: "RelayStore") -> News:
    """Return what was found when ``store`` was opened."""
    events = (
        ("store_recovered", store.recovered),
        ("store_gone", store.begun),
        ("store_older", store.older),
    )
    return [(event, reason) for event, reason in events if reason]


def leave_news(data: Path, news: News) -> None:
    """Leave the news for the next relay. The caller has the store in ``data`` open."""
    lines = "".join([f"{json.dumps(each)}\n" for each in news])
    with suppress(OSError):  # on a full disk at least the command has shown them
        appending = open_private(data / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with os.fdopen(appending, "a", encoding="utf-8") as file:
            file.write(lines)


def take_news(data: Path) -> News:
    """Return the news that commands have left, and delete them."""
    news: list[tuple[str, str]] = []
    try:
        lines = (data / FILE).read_text("utf-8").splitlines()
        (data / FILE).unlink()
    except (OSError, UnicodeDecodeError):
        return news
    for line in lines:
        with suppress(ValueError, TypeError):  # it is incomplete: the disk was full or is defective
            event, reason = json.loads(line)
            news.append((str(event), str(reason)))
    return news
