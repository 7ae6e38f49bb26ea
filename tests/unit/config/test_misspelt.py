"""A misspelt name is one mistake: its consequences are not reported, too."""

import pytest

from gatepost.config.problems import nearest
from tests.unit.config.small import SMALL, TENANT, mistakes

_CREDENTIAL = """\
[credentials.acs]
kind = "password"
username = "u"
password = { file = "p" }
[target.out]
kind = "smarthost"
servers = "smtp.example.com"
credential = "acs"
mechanisms = ["LOGIN"]
[[route]]
senders = "example.com"
to = "out"
"""
_ENTRA = f"""\
[directory]
kind = "entra"
tenants = "{TENANT}"
[[directory.application]]
id = "{TENANT}"
senders = "*"
"""
_WHOLE = f"{SMALL.partition('[[route]]')[0]}{_CREDENTIAL}[[route]]\nto = 'here'\n{_ENTRA}"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("address =", "adress ="),
        ("[credentials.acs]", "[credential.acs]"),
        ('kind = "password"', 'kinds = "password"'),
        ('kind = "smarthost"', 'knd = "smarthost"'),
        ('kind = "entra"', 'kinds = "entra"'),
        ("username =", "usernam ="),
        ("password =", "pasword ="),
        ("[target.out]", "[targets.out]"),
        ("servers =", "server ="),
        ("credential =", "credentials ="),
        ('senders = "example.com"', 'sender = "example.com"'),
        ('to = "out"', 'too = "out"'),
        ("tenants =", "tenant ="),
    ],
)
def test_a_misspelt_name_is_reported_once(right: str, wrong: str) -> None:
    assert _WHOLE.count(right) == 1
    [told] = mistakes(_WHOLE.replace(right, wrong))
    meant = right.strip("[]").partition(" ")[0].partition(".")[0]
    assert "unknown key" in told
    assert told.endswith(f"(did you mean {meant}?)")


def test_missing_keys_are_reported_besides_misspelt_ones() -> None:
    assert mistakes(SMALL.replace('kind = "capture"\n', "")) == [
        "g.toml:4: target.here.kind is missing"
    ]
    assert mistakes(f'{SMALL}[[listener]]\nname = "a"\nadress = "127.0.0.1:25"\n') == [
        "g.toml:8: listener[1].certificate is missing: TLS needs it",
        "g.toml:10: unknown key listener[1].adress (did you mean address?)",
    ]


def test_a_name_with_a_letter_too_many_is_meant_and_not_its_end() -> None:
    known = ["connections", "messages_per_connection"]
    assert nearest("messages_per_connections", known) == "messages_per_connection"
    assert nearest("max_connections", known) == "connections"
