"""Azure Communication Services, signing in: what fails, in which order, and that nobody sees it."""

import base64

import pytest

from tests.conformance.acs_cases import CASES, GOOD, ORDER, PAIRS, ROLES, SECRETS, USERNAMES
from tests.conformance.acs_world import PASSWORD, SENDER, USERNAME, Login
from tests.conformance.conftest import SIGNED_IN, Acs

REFUSED = "535 5.7.3 Authentication unsuccessful"


def check(acs: Acs, case: str) -> None:
    """On the wire one of two lines, for the operator the reason."""
    told, login = CASES[case][0], acs.logins[case]
    before = len(acs.relay.events("auth_refused"))
    with acs.secured() as peer:
        said = peer.login(login.username, login.password)
        assert said == (SIGNED_IN if told == GOOD else REFUSED)
        if told == GOOD:
            assert peer.ask(f"MAIL FROM:<{SENDER}>") == "250 2.1.0 Sender OK"
            return
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 5.7.57 ")
    reason = acs.refusal(login, after=before)["reason"]
    assert reason.partition(":")[0] == told
    assert login.password not in reason or not login.password


@pytest.mark.parametrize("case", [name for name, _, _ in USERNAMES])
def test_a4_user_names(acs: Acs, case: str) -> None:
    check(acs, case)


@pytest.mark.parametrize("case", [name for name, _, _ in SECRETS])
def test_1_6_secrets(acs: Acs, case: str) -> None:
    check(acs, case)


@pytest.mark.parametrize("case", [name for name, _, _ in ROLES])
def test_2_2_roles(acs: Acs, case: str) -> None:
    check(acs, case)


@pytest.mark.parametrize("fault", ORDER)
def test_1_10_4_one_check_fails(acs: Acs, fault: str) -> None:
    check(acs, f"only {fault}")


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_1_10_4_of_two_failing_checks_the_first_is_told(acs: Acs, first: str, second: str) -> None:
    check(acs, f"{first} and {second}")


# Appendix A2, octet by octet: 112 characters of base64 on one line.
A2_NAME = (
    "YWNzLWRlbW8uMTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1"
    "LjY2NjY2NjY2LTc3NzctODg4OC05OTk5LTAwMDAwMDAwMDAwMA=="
)
A2 = [
    ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
    (A2_NAME, "334 UGFzc3dvcmQ6"),
    ("czNjcjN0flZhbHVlLnhfeS16", "235 2.7.0 Authentication successful"),
]


def test_a2_auth_login(acs: Acs) -> None:
    with acs.secured() as peer:
        for said, answer in A2:
            assert peer.ask(said) == answer


NAME, SECRET = (base64.b64encode(text.encode()).decode() for text in (USERNAME, PASSWORD))

# fmt: off
DIALOGUES = [
    # Section 1.3: what the client says, and what it hears.
    ("the name on the same line",  [f"AUTH LOGIN {NAME}", SECRET],
     ["334 UGFzc3dvcmQ6", SIGNED_IN]),
    ("a space behind the command", ["AUTH LOGIN ", NAME, SECRET],
     ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", SIGNED_IN]),
    ("an empty initial response",  ["AUTH LOGIN =", NAME, SECRET],
     ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", SIGNED_IN]),
    ("in lower case",              ["auth login", NAME, SECRET],
     ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", SIGNED_IN]),
    ("cancelled at the name",      ["AUTH LOGIN", "*"],
     ["334 VXNlcm5hbWU6", "501 5.7.0 Authentication cancelled"]),
    ("cancelled at the password",  ["AUTH LOGIN", NAME, "*"],
     ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "501 5.7.0 Authentication cancelled"]),
    ("wrapped at 76 characters",   ["AUTH LOGIN", NAME[:76], NAME[76:]],
     ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "535 5.7.3 Authentication unsuccessful"]),
]
# fmt: on


@pytest.mark.parametrize(("asked", "answered"), [each[1:] for each in DIALOGUES],
                         ids=[each[0] for each in DIALOGUES])  # fmt: skip
def test_1_3_the_dialogue(acs: Acs, asked: list[str], answered: list[str]) -> None:
    with acs.secured() as peer:
        assert [peer.ask(line) for line in asked] == answered


A3 = "AUTH XOAUTH2 dXNlcj1zbXRwLWxvZ2luAWF1dGg9QmVhcmVyIGV5Si5hLmIBAQ=="


def test_a3_xoauth2(acs: Acs) -> None:
    """Taken though EHLO does not name it; a token that is none is one more 535."""
    before = len(acs.relay.events("auth_refused"))
    with acs.secured() as peer:
        assert peer.ask(A3) == REFUSED
    told = acs.refusal(Login("smtp-login"), after=before)
    assert told["mechanism"] == "XOAUTH2"
    assert told["reason"].startswith("token_")


def test_a_session_may_try_again(acs: Acs) -> None:
    with acs.secured() as peer:
        assert peer.login(USERNAME, "wrong") == REFUSED
        assert peer.login("nobody", PASSWORD) == REFUSED
        assert peer.login(USERNAME, PASSWORD) == SIGNED_IN
