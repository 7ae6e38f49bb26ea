"""Which mail is marked, and how: that of targets about whose mail something comes back."""

from collections.abc import Mapping
from typing import Final

from gatepost.config.settings import Configuration
from gatepost.model.http_provider import strings_in
from gatepost.model.provider_events import CarriedMark
from gatepost.model.route import HttpApiTarget, Target
from gatepost.queue.delivery_marks import DeliveryMarks
from gatepost.relay.transport.marked import TargetMarks
from gatepost.relay.transport.provider_request import DELIVERY

MARKS: Final = "delivery marks"
"""The purpose of the key that signs them."""


def target_marks(config: Configuration, marks: DeliveryMarks) -> Mapping[str, TargetMarks]:
    """Return how the mail of each target is marked, by its name; others are left as they are."""
    if config.events is None:
        return {}
    carried: dict[str, CarriedMark | None] = {}
    for provider in config.events.providers:
        carried |= dict.fromkeys(provider.targets, provider.provider.mark)
    for each in config.events.bounce_targets:
        carried.setdefault(each, None)
    domain = config.events.bounce_domain
    targets = {target.name: target for route in config.routes for target in route.chain}
    return {
        name: TargetMarks(
            name,
            marks,
            None if _has_place(targets.get(name)) else mark,
            domain if name in config.events.bounce_targets else "",
        )
        for name, mark in carried.items()
    }


def _has_place(target: Target | None) -> bool:
    """Tell whether the API of a target takes the mark outside of the message."""
    if not isinstance(target, HttpApiTarget):
        return False
    return any(DELIVERY in each for each in strings_in(target.provider.body.members))
