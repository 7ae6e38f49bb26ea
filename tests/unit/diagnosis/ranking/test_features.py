"""Which step the frames of a stack trace show."""

import pytest

from gatepost.diagnosis.ranking.concepts import Concepts
from gatepost.diagnosis.ranking.features import describe_text, find_frame

FRAMES = (
    ("smtplib.py*in starttls*in do_handshake", "tls", "pair"),
    ("smtplib.py*in connect", "connect", "last"),
    ("smtplib.py*in login", "auth", "last"),
    ("smtptransport.mailfrom", "mail", "first"),
    ("smtptransport.connect", "connect", "first"),
)


@pytest.mark.parametrize(
    ("trace", "step"),
    [
        ("smtplib.py, in starttls\nssl.py, in do_handshake", "tls"),
        ("smtplib.py, in starttls\nsmtplib.py, in login", "auth"),
        ("smtplib.py, in connect\nsmtplib.py, in login", "auth"),
        ("smtplib.py, in login\nsmtplib.py, in connect", "connect"),
        ("smtptransport.mailfrom()\nsmtptransport.connect()", "mail"),
        ("smtptransport.connect()\nsmtptransport.mailfrom()", "connect"),
        ("smtplib.py\nin login", ""),
        ("", ""),
    ],
)
def test_the_step_of_the_innermost_frame(trace: str, step: str) -> None:
    """Two frames tell more than one; Python has the innermost one last, Java first."""
    assert find_frame(trace, FRAMES) == step


def test_a_pair_of_frames_is_in_order() -> None:
    assert find_frame("ssl.py, in do_handshake\nsmtplib.py, in starttls", FRAMES) == ""


def test_the_words_of_a_text_without_names() -> None:
    """Names of hosts, files and loggers say nothing about the cause."""
    text = "w system.err: smtp.rb at mail.example.com or example.org for me@example.net in /a/b.c"
    assert list(describe_text(f"{text} failed. sorry", Concepts({"system": ["system*"]}))) == [
        "word failed", "word for", "word sorry",
    ]  # fmt: skip
