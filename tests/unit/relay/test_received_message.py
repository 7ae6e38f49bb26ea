"""The message that the store gets."""

import pytest

from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope
from gatepost.relay.received_message import with_proven_auth


@pytest.mark.parametrize(
    ("said", "is_checked", "goes_on"),
    [
        ("a@example.com", True, "a@example.com"),
        ("boss@example.com", True, "<>"),
        ("a@example.com", False, "<>"),
        ("<>", True, "<>"),
        (None, False, None),
    ],
)
def test_auth_is_kept_only_for_a_client_that_signed_in(
    said: str | None, is_checked: bool, goes_on: str | None
) -> None:
    """RFC 4954 5."""
    envelope = Envelope(parse_address("a@example.com"), auth=said)
    assert with_proven_auth(envelope, is_checked=is_checked).auth == goes_on
