"""The offer of EHLO, from the profile and the abilities of the listener."""

import pytest

from gatepost.model.profile import Limits, Profile
from gatepost.wire.server.ehlo_capabilities import make_offer

PROFILE = Profile(
    "test",
    in_clear=("SIZE {size}", "STARTTLS", "AUTH PLAIN"),
    over_tls=("SIZE {size}", "AUTH plain LOGIN SCRAM-SHA-256", "LIMITS RCPTMAX={recipients}"),
    unadvertised_mechanisms=("XOAUTH2",),
    limits=Limits(message_size=1000, recipients=7),
)
ALL = frozenset({"PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2"})

# fmt: off
OFFERS = [
    # encrypted, can TLS, verifiable      lines
    (False, True,  ALL,                   ("SIZE 1000", "STARTTLS", "AUTH PLAIN")),
    (False, False, ALL,                   ("SIZE 1000", "AUTH PLAIN")),
    (False, True,  frozenset({"LOGIN"}),  ("SIZE 1000", "STARTTLS")),
    (True,  False, ALL,     ("SIZE 1000", "AUTH plain LOGIN SCRAM-SHA-256", "LIMITS RCPTMAX=7")),
    (True,  False, frozenset({"LOGIN"}),  ("SIZE 1000", "AUTH LOGIN", "LIMITS RCPTMAX=7")),
    (True,  False, frozenset[str](),      ("SIZE 1000", "LIMITS RCPTMAX=7")),
]
# fmt: on


@pytest.mark.parametrize(("encrypted", "can_tls", "verifiable", "lines"), OFFERS)
def test_lines(
    encrypted: bool, can_tls: bool, verifiable: frozenset[str], lines: tuple[str, ...]
) -> None:
    offer = make_offer(PROFILE, verifiable, encrypted=encrypted, can_tls=can_tls)
    assert offer.lines == lines
    assert offer.keywords == {line.split()[0] for line in lines}


@pytest.mark.parametrize(
    ("line", "offered", "mechanisms"),
    [
        ("AUTH=PLAIN LOGIN NTLM", "AUTH=PLAIN LOGIN", {"PLAIN", "LOGIN"}),
        ("AUTH=NTLM", "", set()),
        ("auth Plain", "auth Plain", {"PLAIN"}),
    ],
)
def test_auth_in_other_spellings(line: str, offered: str, mechanisms: set[str]) -> None:
    profile = Profile("test", over_tls=(line,))
    offer = make_offer(profile, ALL, encrypted=True, can_tls=False)
    assert offer.lines == ((offered,) if offered else ())
    assert offer.mechanisms == mechanisms


def test_unadvertised_mechanisms_are_accepted_under_tls_only() -> None:
    over_tls = make_offer(PROFILE, ALL, encrypted=True, can_tls=False)
    in_clear = make_offer(PROFILE, ALL, encrypted=False, can_tls=True)
    assert over_tls.mechanisms == ALL
    assert in_clear.mechanisms == {"PLAIN"}
    unable = make_offer(PROFILE, frozenset({"PLAIN"}), encrypted=True, can_tls=False)
    assert unable.mechanisms == {"PLAIN"}
