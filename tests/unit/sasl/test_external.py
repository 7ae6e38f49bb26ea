"""EXTERNAL (RFC 4422, appendix A)."""

import pytest

from gatepost.model.credentials import Credentials, Principal
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.external import External, external
from gatepost.sasl.interview import MAX_NAME, Challenge, MalformedResponse, Verify
from tests.unit.sasl.play import DENIED, Users, drive, play


@pytest.mark.parametrize("authzid", ["", "fred@example.com", "rené"])
def test_the_directory_is_asked_about_the_certificate(authzid: str) -> None:
    asked = Verify(Credentials(certificate=True, authzid=authzid), "EXTERNAL")
    [*questions], verdict = drive(external(authzid.encode()), Principal("fred"))
    assert questions == [asked]
    assert verdict == Principal("fred", mechanism="EXTERNAL")
    assert drive(external(None), authzid.encode(), DENIED) == ([Challenge(b""), asked], DENIED)


@pytest.mark.parametrize("initial", [True, False])
def test_the_client_sends_the_identity_and_no_secret(initial: bool) -> None:
    played = play(External(), Users(certificate_of="fred"), initial=initial)
    assert played.verdict == Principal("fred", mechanism="EXTERNAL")
    assert [text for _, text in played.said if text] == []
    assert play(External("root"), Users(certificate_of="fred")).verdict == DENIED


@pytest.mark.parametrize("response", [b"a\0b", b"\xff", b"x" * (MAX_NAME + 1)])
def test_malformed_responses_are_refused(response: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(external(response))


def test_nul_is_never_sent() -> None:
    with pytest.raises(UnusableCredentials):
        External("a\0b")
