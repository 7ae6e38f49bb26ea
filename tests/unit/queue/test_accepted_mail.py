"""By what a provider's event is found that does not have our mark."""

import pytest

from gatepost.model.reply import Reply
from gatepost.queue.accepted_mail import (
    AcceptedMail,
    id_key,
    id_keys,
    ids_in,
    message_id_key,
    read_accepted,
)

SES = "0102018f6c1b3a5e-7d0d4c1a-0000-4b5f-9c1e-000000000000-000000"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"Ok {SES}", [SES]),
        ("Ok: queued as X8sEVmDzTtqRy1", ["X8sEVmDzTtqRy1"]),
        ("OK: queued as <201798300811.5787683@relay.domain.com>",
         ["201798300811.5787683@relay.domain.com"]),
        ("HTTP 200 accepted as 0a1b2c3d-0000-4000-8000-000000000001",
         ["0a1b2c3d-0000-4000-8000-000000000001"]),
        ("OK 1700000000 5b1f17b1804b1-gsmtp", ["5b1f17b1804b1-gsmtp"]),
        ("Great success", []),
        ("Message accepted for delivery", []),
        ("q" * 100_000, []),
        ("1a" * 100_000, ["1a" * 100, "1a" * 100, "1a" * 100, "1a" * 100][:1]),
    ],
)  # fmt: skip
def test_the_id_in_a_reply(text: str, ids: list[str]) -> None:
    assert list(ids_in(Reply(250, text))) == ids


def test_an_event_has_the_id_in_another_form() -> None:
    assert id_key("<1@relay.example>") == id_keys(" 1@relay.example")[0]
    assert id_key("X8sEVmDzTtq") in id_keys("X8sEVmDzTtq.filterdrecv-p3mdw1-5b8c-0")
    assert id_keys("") == []
    assert (id_key("x" * 201), message_id_key("<>")) == ("", "")
    assert message_id_key("<1@a>") == message_id_key("1@a") != id_key("1@a")


@pytest.mark.parametrize(
    "mail", [AcceptedMail("m1"), AcceptedMail("m1", "m1.0"), AcceptedMail("m1", "m1.0", 12)]
)
def test_what_a_key_stands_for(mail: AcceptedMail) -> None:
    assert read_accepted(mail.written()) == mail
