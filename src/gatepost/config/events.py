"""``[events]``: what subscribers learn of relayed mail, and who gets none."""

import re
from collections.abc import Sequence
from typing import Any, Final

from gatepost.config import value_syntax as values
from gatepost.config.settings import AzureDirectorySettings, DirectorySettings, EventSettings
from gatepost.config.table_reader import TableReader

_RESOURCE: Final = re.compile(
    r"/subscriptions/[^/\s]{1,100}/resourceGroups/[^/\s]{1,100}"
    r"/providers/Microsoft\.Communication/communicationServices/[^/\s]{1,100}",
    re.IGNORECASE,
)


def read_events(
    root: TableReader, directories: Sequence[DirectorySettings]
) -> EventSettings | None:
    """Return the settings, if the file has any."""
    table = root.table("events")
    if not root.has("events"):
        return None
    settings = EventSettings(
        table.take("topic", _topic, ""),
        table.take("suppress", values.flag, True),
    )
    has_resources = any(isinstance(each, AzureDirectorySettings) for each in directories)
    if not settings.topic and not has_resources and not table.is_mistaken("topic"):
        problem = 'without a directory of kind "azure", events need the id of a resource'
        table.lack("topic", f"{table.name('topic')} is missing: {problem}")
    table.finish()
    return settings


def _topic(value: Any) -> str:
    """The id of a Communication Services resource, which events have as their topic."""
    if isinstance(value, str) and (_RESOURCE.fullmatch(value) or not value):
        return value
    raise ValueError(
        "must be the id of a resource: /subscriptions/ID/resourceGroups/GROUP/providers/"
        "Microsoft.Communication/communicationServices/NAME"
    )
