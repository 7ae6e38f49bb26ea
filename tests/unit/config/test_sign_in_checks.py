"""A credential that can never sign in at its target is a mistake of the configuration."""

import pytest

from gatepost.config.load import parse_config
from gatepost.config.problems import ConfigProblems

TEXT = """\
[[listener]]
unix = "/run/gatepost.sock"
[[route]]
to = "x"
[target.x]
kind = "smarthost"
credential = "c"
{target}
[credentials.c]
{credential}
"""
PASSWORD = 'kind = "password"\nusername = "u"\npassword = { environment = "P" }'
TOKEN = 'kind = "managed-identity"\nusername = "u@example.com"'
NO_NAME = 'kind = "managed-identity"'
KEY = 'kind = "access-key"\nkey = { environment = "P" }'
CERTIFICATE = 'kind = "client-certificate"\ncertificate = "own.pem"'
AWAY, HERE = 'servers = "mx.example.com"\n', 'servers = "localhost"\n'


def mistakes(target: str, credential: str) -> list[str]:
    try:
        parse_config(TEXT.format(target=target, credential=credential), "g.toml")
    except ConfigProblems as found:
        return [str(each) for each in found.problems]
    return []


# fmt: off
CASES = [
    (AWAY + 'mechanisms = "XOAUTH2"', PASSWORD,
     "g.toml:9: target.x.mechanisms: a password cannot be used with XOAUTH2"),
    (AWAY + 'mechanisms = ["PLAIN", "LOGIN"]', TOKEN,
     "g.toml:9: target.x.mechanisms: a token cannot be used with PLAIN or LOGIN"),
    (AWAY + 'mechanisms = "PLAIN"', CERTIFICATE,
     "g.toml:9: target.x.mechanisms: a client certificate cannot be used with PLAIN"),
    (AWAY, NO_NAME,
     ("g.toml:7: target.x.credential: a token needs a user name; "
     "credentials.c.username is missing")),
    (AWAY, KEY,
     "g.toml:7: target.x.credential: an access key signs REST requests; SMTP does not use it"),
    (AWAY + 'tls = "opportunistic"', PASSWORD,
     ("g.toml:9: target.x.tls: secrets are sent only over TLS; "
     'with a credential, use "required" or "implicit"')),
    (HERE + 'tls = "none"\nmechanisms = ["PLAIN", "XOAUTH2"]', PASSWORD,
     ("g.toml:9: target.x.tls: PLAIN can be used only over TLS to a verified server; "
     'use "required" or "implicit"')),
    (HERE + 'tls = "none"', CERTIFICATE,
     ("g.toml:9: target.x.tls: EXTERNAL can be used only over TLS to a verified server; "
     'use "required" or "implicit"')),
    (HERE + 'tls = "opportunistic"', TOKEN,
     ("g.toml:9: target.x.tls: OAUTHBEARER or XOAUTH2 can be used only over TLS to a verified "
     'server; use "required" or "implicit"')),
]
GOOD = [
    (HERE + 'tls = "none"', PASSWORD),  # SCRAM keeps it, if the server offers that
    (HERE + 'tls = "none"\nmechanisms = ["PLAIN", "CRAM-MD5"]', PASSWORD),
    (HERE + 'tls = "opportunistic"', CERTIFICATE),
    (AWAY + 'mechanisms = ["PLAIN", "XOAUTH2"]', TOKEN),
]
# fmt: on


@pytest.mark.parametrize(("target", "credential", "told"), CASES)
def test_impossible_sign_ins_are_reported_with_their_line(
    target: str, credential: str, told: str
) -> None:
    assert told in mistakes(target, credential)


@pytest.mark.parametrize(("target", "credential"), GOOD)
def test_possible_sign_ins_are_accepted(target: str, credential: str) -> None:
    assert mistakes(target, credential) == []
