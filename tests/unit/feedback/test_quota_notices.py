"""Which bounces say that a quota is used up, and from whom that is believed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatepost.feedback.quota_notices import quota_notice, quota_reply
from gatepost.mime.received import Hop, peer_of, received
from gatepost.model.delivery import Attempt, Contact
from gatepost.model.reply import Reply
from tests.leases import lease

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TERRL = (
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for "
    "sending email to external recipients (tenant external recipient rate limit)"
)
EXCHANGE = Contact("outside", "contoso-com.mail.protection.outlook.com", "52.101.1.1")
OWN = Contact("own", "mx.contoso.com", "192.0.2.7:2525")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (TERRL, "5.7.233"),
        (f"smtp; {TERRL}", "5.7.233"),
        ("Remote Server returned '550 5.7.232 Your message can't be sent'", "5.7.232"),
        ("550 5.4.5 Daily SMTP relay limit exceeded.", "5.4.5"),
        ("550 5.1.1 no such user", None),
        ("the tenant has no quota any more", None),
    ],
)
def test_the_reply_in_a_bounce(reason: str, status: str | None) -> None:
    reply = quota_reply(["250 2.0.0 fine", reason])
    assert (None if reply is None else str(reply.status)) == status


@pytest.mark.parametrize(
    ("contact", "peer", "is_believed"),
    [
        (EXCHANGE, "40.107.22.5", True),
        (EXCHANGE, "2a01:111:f403::1", True),
        (EXCHANGE, "52.101.1.1", True),
        (EXCHANGE, "192.0.2.7", False),
        (replace(EXCHANGE, host="outlook.com.example.org"), "40.107.22.5", False),
        (OWN, "192.0.2.7", True),
        (replace(OWN, address="[2001:db8::7]:25"), "2001:db8::7", True),
        (replace(OWN, address="2001:db8::7"), "2001:db8::7", True),
        (OWN, "192.0.2.77", False),
        (OWN, "40.107.22.5", False),
        (replace(OWN, address=""), "", False),
        (OWN, "unix", False),
    ],
)
def test_only_a_server_of_the_target_is_believed(
    contact: Contact, peer: str, is_believed: bool
) -> None:
    reply = Reply(550, "used up")
    taken = Attempt(NOW, contact, "content", Reply(250, "ok"), is_remote=True)
    delivery = replace(lease().delivery, history=(taken,))
    notice = quota_notice(delivery, reply, peer)
    assert (notice.target if notice else "") == (contact.target if is_believed else "")


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "unix"])
@pytest.mark.parametrize("name", ["mx.example.net", "x ([10.0.0.1])", "[10.0.0.1]"])
def test_the_client_of_a_received_field(peer: str, name: str) -> None:
    hop = Hop(name, peer, "ESMTP", "relay.example")
    assert peer_of(received(hop, "1-1", "now")) == ("" if peer == "unix" else peer)
