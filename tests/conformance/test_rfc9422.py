"""The LIMITS extension."""

from tests.conformance.talk import MAIL, first, talk


def test_3_limits_are_listed() -> None:
    """EHLO lists LIMITS with name=value pairs."""
    assert "250-LIMITS RCPTMAX=1000" in first("C: EHLO x\nS*12: 250...\n").lines


def test_4_2_rcptmax_is_the_number_of_recipients_accepted() -> None:
    """As many recipients as RCPTMAX promises are accepted; one more gets 452 4.5.3."""
    talk(f"{MAIL}C*1001: RCPT TO:<u{{n}}@example.net>\nS*1000: 250 ...\nS: 452 4.5.3 ...\n")
