"""Senders: the directory's answer about an address, as a reply."""

import pytest

from gatepost.model.address import Address, parse_address
from gatepost.model.credentials import Standing
from gatepost.model.reply import Reply
from gatepost.policy.sender_checks import check_from, check_sender, refuse_from
from gatepost.profiles import load_profile
from gatepost.wire.server.replies import Replies, replies_with

ACS = replies_with(load_profile("acs").replies)
SENDER = Address("news", "contoso.com")
NOT_LINKED = b"501 5.1.7 The specified sender domain has not been linked.\r\n"
NOT_REGISTERED = b"550 5.3.5 Email sender's username is invalid\r\n"


@pytest.mark.parametrize(
    ("sender", "standing", "wire", "slug"),
    [
        (SENDER, Standing.DOMAIN_NOT_LINKED, NOT_LINKED, "sender_domain_not_linked"),
        (SENDER, Standing.SENDER_NOT_REGISTERED, NOT_REGISTERED, "sender_not_registered"),
        (
            SENDER,
            Standing.NOT_SIGNED_IN,
            b"530 5.7.57 Client not authenticated to send mail.\r\n",
            "not_signed_in",
        ),
        (None, Standing.ALLOWED, NOT_LINKED, "envelope_sender_missing"),
    ],
)
def test_a_refused_sender(
    sender: Address | None, standing: Standing, wire: bytes, slug: str
) -> None:
    reply = check_sender(sender, standing, ACS)
    assert isinstance(reply, Reply)
    assert reply.encode() == wire
    assert reply.reason.startswith(f"{slug}: ")


def test_every_standing_has_an_answer() -> None:
    answers = {standing: check_sender(SENDER, standing, Replies()) for standing in Standing}
    assert [standing for standing, reply in answers.items() if reply is None] == [Standing.ALLOWED]


def test_the_operator_reads_the_address() -> None:
    reply = check_sender(SENDER, Standing.SENDER_NOT_REGISTERED, ACS)
    assert reply is not None
    assert "news@contoso.com" in reply.reason


def test_an_address_with_braces_is_shown_as_it_is() -> None:
    reply = check_sender(parse_address("{sender}@x.com"), Standing.DOMAIN_NOT_LINKED, ACS)
    assert reply is not None
    assert "{sender}@x.com" in reply.reason


@pytest.mark.parametrize(
    ("standings", "wire"),
    [
        ((Standing.ALLOWED,), None),
        ((Standing.ALLOWED, Standing.ALLOWED), None),
        ((Standing.ALLOWED, Standing.DOMAIN_NOT_LINKED), NOT_LINKED),
        ((Standing.SENDER_NOT_REGISTERED, Standing.DOMAIN_NOT_LINKED), NOT_REGISTERED),
        ((), None),
    ],
)
def test_every_author_must_be_allowed(standings: tuple[Standing, ...], wire: bytes | None) -> None:
    reply = check_from([(SENDER, standing) for standing in standings], ACS)
    assert (reply.encode() if reply else None) == wire


def test_a_from_field_that_cannot_be_read_is_refused() -> None:
    reply = refuse_from(ValueError("too many authors"), ACS)
    assert reply.encode() == NOT_LINKED
    assert reply.reason == "header_from_unreadable: too many authors"
