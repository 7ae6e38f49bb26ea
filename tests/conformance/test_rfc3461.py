"""Delivery status notifications."""

import pytest

from gatepost.testing import Accepted
from tests.conformance.talk import DATA, MAIL, RCPT, first, talk


def taken(mail: str = "", rcpt: str = "") -> Accepted:
    [accepted] = talk(
        f"C: MAIL FROM:<a@b.example>{mail}\nS: 250 ...\nC: RCPT TO:<b@example.net>{rcpt}\n"
        f"S: 250 ...\n"
        f"{DATA}C: .\nS: 250 ...\n",
        "messages: 1",
    ).messages
    return accepted


def test_3_the_extension_is_listed() -> None:
    """EHLO lists DSN."""
    assert "250-DSN" in first("C: EHLO x\nS*12: 250...\n").lines


@pytest.mark.parametrize(
    ("value", "wishes"),
    [("NEVER", {"NEVER"}), ("success,DELAY", {"SUCCESS", "DELAY"}), ("FAILURE", {"FAILURE"})],
)
def test_4_1_notify_is_stored_for_its_recipient(value: str, wishes: set[str]) -> None:
    """NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY, in any case; each recipient has
    its own."""
    assert taken(rcpt=f" NOTIFY={value}").envelope.recipients[0].notify == wishes


@pytest.mark.parametrize(
    "value", ["", "NEVER,FAILURE", "SOMETIMES", "SUCCESS,", ",", "SUCCESS DELAY"]
)
def test_4_1_other_values_of_notify_are_refused(value: str) -> None:
    """An empty or unknown value of NOTIFY, or NEVER in a list, is refused."""
    talk(f"{MAIL}C: RCPT TO:<b@example.net> NOTIFY={value}\nS: 5...\n")


def test_4_2_orcpt_is_stored_unchanged() -> None:
    """ORCPT is an address type and xtext, and is stored without decoding."""
    accepted = taken(rcpt=" ORCPT=rfc822;Bob+2Btag@example.net")
    assert accepted.envelope.recipients[0].orcpt == "rfc822;Bob+2Btag@example.net"


@pytest.mark.parametrize(
    "value", ["", "b@example.net", "rfc822;", "rfc822;a+2", "rfc822;a+zz", "r,;x"]
)
def test_4_2_an_invalid_orcpt_is_501(value: str) -> None:
    """ORCPT without a type or an address, or with invalid xtext, gets 501 5.5.4."""
    talk(f"{MAIL}C: RCPT TO:<b@example.net> ORCPT={value}\nS: 501 5.5.4 ...\n")


def test_4_3_ret_is_full_or_hdrs() -> None:
    """RET is FULL or HDRS, in any case; any other value gets 501 5.5.4."""
    assert taken(mail=" RET=hdrs").envelope.ret == "HDRS"
    talk("C: MAIL FROM:<a@b.example> RET=NOTHING\nS: 501 5.5.4 ...\n")


def test_4_4_envid_is_xtext_of_100_characters() -> None:
    """ENVID is xtext of 1 to 100 characters; any other value gets 501 5.5.4."""
    assert taken(mail=f" ENVID={'x' * 100}").envelope.envid == "x" * 100
    for value in ("x" * 101, "", "a=b", "a+"):
        talk(f"C: MAIL FROM:<a@b.example> ENVID={value}\nS: 501 5.5.4 ...\n")


def test_4_a_parameter_of_the_other_command_is_555() -> None:
    """NOTIFY with MAIL, and RET with RCPT, get 555 5.5.4."""
    talk(
        f"C: MAIL FROM:<a@b.example> NOTIFY=NEVER\nS: 555 5.5.4 ...\n{MAIL}"
        f"C: RCPT TO:<b@example.net> RET=FULL\nS: 555 5.5.4 ...\n{RCPT}"
    )
