"""Which deliveries a selection matches; all stores ask here, so that they agree."""

from collections.abc import Callable
from typing import Final

from gatepost.model.delivery import Delivery
from gatepost.model.wildcards import matches_parts
from gatepost.queue.deliveries_contract import Action, MessageOrigin, QueueSelection

_NULL_SENDER: Final = "<>"


class DeliveryMatcher:
    """Tells whether a delivery is selected.

    ``may_match`` needs little of it: what it refuses need not be read.
    """

    def __init__(self, selection: QueueSelection) -> None:
        self._selection = selection
        self._states = selection.states or ("waiting", "leased", "held")
        self._is_sender = _address_test(selection.sender)
        self._is_recipient = _address_test(selection.recipient)

    def may_match(self, next_hop: str, accepted: MessageOrigin) -> bool:
        """Tell whether a delivery can be selected: ``next_hop`` is its key."""
        chosen = self._selection
        return (
            chosen.next_hop in ("", next_hop)
            and (chosen.received_before is None or accepted.at <= chosen.received_before)
            and (chosen.received_after is None or accepted.at >= chosen.received_after)
            and (not chosen.sender or self._is_sender(accepted.sender or _NULL_SENDER))
        )

    def matches(self, delivery: Delivery) -> bool:
        """Tell whether one that may match is selected."""
        chosen = self._selection
        last = delivery.history[-1] if delivery.history else None
        if delivery.state not in self._states:
            return False
        if chosen.changed_by is not None and not is_changed_by(chosen.changed_by, delivery):
            return False
        if chosen.cause and (last is None or last.finding != chosen.cause):
            return False
        if chosen.target:
            is_first = delivery.next_hop.route in chosen.first_of
            tried = "" if last is None or delivery.next_hop.target else last.contact.target
            if not (tried == chosen.target if tried else is_first):
                return False
        if not chosen.recipient:
            return True
        recipients = delivery.waiting or [each.recipient for each in delivery.addressees]
        return any(self._is_recipient(str(each.address)) for each in recipients)


def is_changed_by(action: Action, delivery: Delivery) -> bool:
    """Tell whether an operator's action changes a delivery."""
    state = delivery.state
    if action == "hold":
        return state == "waiting" or (state == "leased" and not delivery.to_be_held)
    if action == "release":
        return state == "held" or delivery.to_be_held
    return state == "waiting" if action == "retry" else state != "settled"


def _address_test(pattern: str) -> Callable[[str], bool]:
    """Return a test for addresses; a pattern that begins with ``@`` is for their domains."""
    parts, is_of_domain = pattern.casefold().split("*"), pattern.startswith("@")

    def is_meant(address: str) -> bool:
        text = address.casefold()
        return matches_parts(parts, f"@{text.rpartition('@')[2]}" if is_of_domain else text)

    return is_meant
