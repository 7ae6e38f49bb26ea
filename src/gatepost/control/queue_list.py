"""``gatepost queue list``: deliveries, page by page, newest message first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatepost.control.look_through import look_through, pages_from
from gatepost.control.queue_control import QueueControl, as_due, document_of, selection_of
from gatepost.control.queue_documents import Document, count_document, message_document
from gatepost.model.delivery import Delivery
from gatepost.queue.deliveries_contract import Cursor, QueueSelection

MOST: Final = 10_000
"""Maximum number of deliveries in a listing."""
_DIGITS: Final = 18
"""Of a number in a cursor, at most."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The last delivery of a listing, behind which the next one begins."""

    listed: int = 0
    """The number of those before it, and itself."""
    page: Cursor | None = None
    """Where its page of the store begins."""
    number: int = -1
    """Its place there."""
    id: str = ""

    def __str__(self) -> str:
        page = "" if self.page is None else f"{self.page[0]}.{self.page[1]}"
        return f"{self.listed}/{page}/{self.number}/{self.id}"

    def behind(self, page: Sequence[Delivery]) -> int:
        """Return where the next one is in the same page: if this one has been settled meanwhile, it
        is where this one was."""
        return next((at + 1 for at, each in enumerate(page) if each.id == self.id), self.number + 1)


async def list_queue(control: QueueControl, fields: dict[str, Any]) -> Document:
    """Return up to ``limit`` selected deliveries behind the cursor ``after``, and the next cursor.
    Raises ValueError."""
    selection, last = await selection_of(control, fields), _read_cursor(fields.get("after"))
    limit = min(int(fields.get("limit", MOST)), MOST)
    chosen: list[tuple[_Place, Delivery]] = []
    async for begin, page, _ in pages_from(last.page, control.deliveries, selection):
        first = last.behind(page) if begin == last.page else 0
        for number, each in enumerate(page[first:], first):
            chosen.append((_Place(last.listed + len(chosen) + 1, begin, number, each.id), each))
        if len(chosen) > limit:
            break
    is_cut, chosen = len(chosen) > limit, chosen[: max(0, limit)]
    place = chosen[-1][0] if chosen else last
    more = await _more(control, selection, place.listed, is_first=not last.id) if is_cut else 0
    documents = []
    for delivery in await as_due(control, [each for _, each in chosen]):
        message = await control.deliveries.message(delivery.message)
        envelope = message_document(message)
        del envelope["id"]
        age = (control.now() - message.received_at).total_seconds()
        documents.append(document_of(control, delivery) | envelope | {"age": max(0, round(age))})
    return {
        "deliveries": documents,
        "more": more,
        "next_hops": count_document(await control.deliveries.count()),
        "cursor": str(place) if is_cut else None,
    }


def _read_cursor(text: Any) -> _Place:
    """Return the place that a cursor names. Raises ValueError."""
    if text in (None, ""):
        return _Place()
    listed, _, rest = str(text).partition("/")
    page, _, rest = rest.partition("/")
    number, _, id_ = rest.partition("/")
    key, _, part = page.partition(".")
    numbers = [listed, number, *((key, part.removeprefix("-")) if page else ())]
    if not id_ or not all(_is_number(each) for each in numbers):
        raise ValueError("after is not a cursor of this list")
    return _Place(int(listed), (int(key), int(part)) if page else None, int(number), id_)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


async def _more(
    control: QueueControl, selection: QueueSelection, listed: int, *, is_first: bool
) -> int | None:
    """Return how many selected deliveries were not listed; None: unknown, because settled ones are
    not counted, and of what selectors select, only the first page has the number."""
    if "settled" in selection.states:
        return None
    if selection == QueueSelection(selection.next_hop, selection.states):
        states = selection.states or ("waiting", "leased", "held")
        counts = await control.deliveries.count()
        hops = [each for key, each in counts.items() if selection.next_hop in ("", key)]
        total: int = sum(getattr(each, state) for each in hops for state in states)
    elif not is_first:
        return None
    else:
        total = 0
        async for some in look_through(control.deliveries, selection):
            total += len(some)
    return max(1, total - listed)
