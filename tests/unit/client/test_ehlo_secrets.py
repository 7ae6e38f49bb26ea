"""An EHLO reply that repeats a password is still usable, and shown without it."""

import pytest

from gatepost.client.session import without_secrets
from gatepost.model.reply import Reply
from gatepost.model.transcript import Transcript
from gatepost.wire.ehlo_reply import parse_capabilities


@pytest.mark.parametrize(
    ("password", "said", "left"),
    [
        ("S3CRET", "h\nSIZE 10\nAUTH PLAIN S3CRET", "h\nSIZE 10\nAUTH PLAIN [redacted]"),
        ("s3cret/LOGIN", "h s3cret/LOGIN\nAUTH=PLAIN", "[redacted] [redacted]\nAUTH=PLAIN"),
        ("PLAIN", "h\nAUTH LOGIN PLAIN\nX-PLAIN", "h\nAUTH LOGIN PLAIN\n[redacted]"),
        ("longpassword", "h longpass\nword\nDSN", "[redacted] [redacted]\n[redacted]\nDSN"),
    ],
)
def test_meaningful_words_stay_when_secrets_are_removed(
    password: str, said: str, left: str
) -> None:
    transcript = Transcript()
    transcript.hide(password)
    assert without_secrets(Reply(250, said), transcript.redact).text == left


def test_removing_secrets_keeps_all_extensions() -> None:
    transcript = Transcript()
    transcript.hide("PIPELINING")
    reply = Reply(250, "h\nPIPELINING\n8BITMIME\nSIZE 10\nAUTH XOAUTH2")
    left = parse_capabilities(without_secrets(reply, transcript.redact))
    assert left.keywords == parse_capabilities(reply).keywords
