"""The stored parts of an envelope, and the statements of the SQL files."""

import json
from dataclasses import replace

import pytest

from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.store.sqlite.delivery_writer import SQL as DELIVERIES
from gatepost.store.sqlite.queries import QUERIES, message_row
from gatepost.store.sqlite.reports import SQL as REPORTS
from gatepost.store.sqlite.segments import BodyPlace
from gatepost.store.sqlite.send_operations import SQL as OPERATIONS
from tests.contract.messages import message
from tests.unit.store.sqlite.schema import newest_schema, plans

# fmt: off
COLUMNS = (
    "seq", "id", "received_at", "mail_from", "rcpt_to", "parameters", "subject", "message_id",
    "principal", "trace", "size", "checksum", "segment", "offset",
)
# fmt: on
INLINE = BodyPlace(0, 0, 22, 7)


def row(envelope: Envelope, place: BodyPlace = INLINE) -> dict[str, object]:
    submission = replace(message(), envelope=envelope)
    return dict(zip(COLUMNS, message_row(3, submission, place), strict=True))


def test_a_plain_envelope_has_no_parameters() -> None:
    told = row(message().envelope)
    assert (told["seq"], told["mail_from"], told["parameters"]) == (
        3, "alice@example.org", None,
    )  # fmt: skip
    assert told["rcpt_to"] == '["bob@example.net"]'
    assert (told["segment"], told["offset"]) == (None, None)


def test_extension_parameters_are_stored() -> None:
    bob = Recipient(parse_address("bob@example.net"), frozenset({"NEVER"}), "rfc822;bob")
    envelope = Envelope(
        None, (bob,), body="8BITMIME", smtputf8=True, size=22, auth="<>", ret="HDRS", envid="e1"
    )
    kept = row(envelope)["parameters"]
    assert isinstance(kept, str)
    assert json.loads(kept) == {
        "recipients": [
            {"address": "bob@example.net", "notify": ["NEVER"], "orcpt": "rfc822;bob"}
        ],
        "body": "8BITMIME", "smtputf8": True, "size": 22, "auth": "<>", "ret": "HDRS",
        "envid": "e1",
    }  # fmt: skip


def test_the_row_of_a_large_body_has_its_place() -> None:
    told = row(message().envelope, BodyPlace(2, 500, 22, 7))
    assert (told["segment"], told["offset"], told["size"], told["checksum"]) == (2, 500, 22, 7)


OWN = {**QUERIES, **OPERATIONS, **REPORTS}
ALL = {**OWN, **DELIVERIES}


@pytest.mark.parametrize("name", ALL)
def test_every_statement_fits_the_schema(name: str) -> None:
    connection = newest_schema()
    query = ALL[name]
    connection.execute(f"EXPLAIN {query}", (1,) * query.count("?"))
    connection.close()


def test_no_question_is_answered_by_reading_everything() -> None:
    whole = {name for name, step in plans(OWN) if step == "SCAN messages" or "TEMP B-TREE" in step}
    from_one_end = {"oldest", "newest_id", "expire_operations"}
    of_one_subscription = {"last_failure"}
    assert whole == from_one_end | of_one_subscription
