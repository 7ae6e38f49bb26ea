"""Secrets pasted as a user name are redacted."""

import base64

import pytest

from gatepost.doctor.repeated_secrets import hide_in_name
from gatepost.model.transcript import Transcript

KEY = base64.b64encode(bytes(range(64))).decode()
PASTED = [
    (f"endpoint=https://x.example/;accesskey={KEY}", KEY),
    ("smtp://ann:S3cret~word@h", "S3cret~word"),
    (KEY, KEY),
    ("abc8Q~" + "xY" * 17, "abc8Q~" + "xY" * 17),
    ("SG.abcdefghijk.lmnopqrstu", "SG.abcdefghijk.lmnopqrstu"),
]


@pytest.mark.parametrize(("username", "secret"), PASTED)
def test_a_secret_in_the_place_of_a_name(username: str, secret: str) -> None:
    transcript = Transcript()
    hide_in_name(transcript, username)
    for said in (username, base64.b64encode(username.encode()).decode()):
        shown = transcript.redact(said)
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode()[4:-4] not in shown


def test_a_name_is_shown() -> None:
    transcript = Transcript()
    hide_in_name(transcript, "ann@contoso.org")
    assert transcript.redact("ann@contoso.org") == "ann@contoso.org"
