"""Mail of ``bounce_targets`` goes to one recipient at a time, unless the target says otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gatepost.config.settings import EventSettings
from gatepost.config.table_reader import TableReader
from gatepost.model.route import Capture, Route, Target

_KEY: Final = "recipients_per_message"
_SHARED: Final = (
    "those who share a message can report bounces of each other, so that none is suppressed"
)


def separate_recipients(
    root: TableReader, routes: Sequence[Route], events: EventSettings | None
) -> tuple[Route, ...]:
    """Return the routes with such targets: the address for bounces of a message to several would
    not tell whose bounce comes back. Warns where the file wants it otherwise."""
    bouncing = () if events is None else events.bounce_targets
    tables = root.named("target") if bouncing else {}
    for name in bouncing:
        if name not in tables:
            continue
        if not tables[name].has(_KEY):
            tables[name].replace_default(_KEY, 1)
        elif not tables[name].is_said(_KEY, 1):
            tables[name].warn(f"{tables[name].name(_KEY)} with bounce_targets: {_SHARED}", _KEY)

    def separated(target: Target) -> Target:
        if isinstance(target, Capture) or target.name not in bouncing or target.name not in tables:
            return target
        if tables[target.name].has(_KEY):
            return target
        return replace(target, limits=replace(target.limits, recipients=1))

    return tuple([replace(each, chain=tuple(map(separated, each.chain))) for each in routes])
