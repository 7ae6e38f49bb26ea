"""``gatepost queue ages``: how many deliveries wait for how long, by target, domain or cause."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from gatepost.control.look_through import pages_from
from gatepost.control.queue_control import QueueControl, selection_of
from gatepost.control.queue_documents import Document, target_of
from gatepost.model.delivery import Delivery
from gatepost.model.idn import fold_domain
from gatepost.model.rfc3339 import utc_text
from gatepost.queue.age_table import EDGES, MOST_ROWS, AgeRow, AgeTable

ROWS: Final = 50
"""Rows that are shown, if nothing else is asked for."""
KINDS: Final = ("target", "next-hop", "sender-domain", "recipient-domain", "cause")
"""By what deliveries are counted together."""


async def count_ages(control: QueueControl, fields: Mapping[str, Any]) -> Document:
    """Count the selected deliveries by age, and ``by`` one of KINDS; up to ``rows`` rows are
    returned, the largest first, and the sum of the others. Raises ValueError."""
    by, most = str(fields.get("by") or KINDS[0]), int(fields.get("rows") or ROWS)
    if by not in KINDS:
        raise ValueError(f"by is one of {', '.join(KINDS)}")
    selection, now = await selection_of(control, fields), control.now()
    table, targets = AgeTable(now), lru_cache(MOST_ROWS)(control.targets)
    async for page in pages_from(None, control.deliveries, selection):
        for delivery, accepted in zip(page.deliveries, page.accepted, strict=True):
            if by == "target":
                keys: Iterable[str] = (target_of(delivery, targets(delivery.next_hop)) or "",)
            else:
                keys = _keys(by, delivery, accepted.sender)
            table.count(keys, delivery.id, accepted.at)
    rows, others = table.largest(max(1, min(most, MOST_ROWS)))
    return {
        "by": by,
        "edges": list(EDGES),
        "rows": [{"key": key or None, **_row(row, now)} for key, row in rows.items()],
        "others": _row(others, now),
        "total": _row(table.whole, now),
    }


def _keys(by: str, delivery: Delivery, sender: str) -> Iterable[str]:
    """Return the rows of a delivery: with recipients in several domains, it has several."""
    if by == "next-hop":
        return (delivery.next_hop.key,)
    if by == "cause":
        return (delivery.history[-1].finding if delivery.history else "",)
    if by == "sender-domain":
        return (_domain(sender) if sender else "<>",)
    recipients = delivery.waiting or [each.recipient for each in delivery.addressees]
    return {fold_domain(each.address.domain) for each in recipients}


def _domain(address: str) -> str:
    return fold_domain(address.rpartition("@")[2])


def _row(row: AgeRow, now: datetime) -> Document:
    oldest = None
    if row.oldest_at is not None:
        age = max(0, round((now - row.oldest_at).total_seconds()))
        oldest = {"id": row.oldest, "age": age, "received_at": utc_text(row.oldest_at)}
    return {"total": row.total, "ages": row.ages, "oldest": oldest}
