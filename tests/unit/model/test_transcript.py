"""A transcript redacts secrets, in every form in which the server repeats them."""

import base64
import html
import json
from random import Random
from urllib.parse import quote, quote_plus

import pytest

from gatepost.model.transcript import REDACTED, Transcript
from tests.processor_time import run_within

SECRET = "kw-Zq7+xK/9w=T"
OCTETS = SECRET.encode()


def hiding(*secrets: str | bytes) -> Transcript:
    transcript = Transcript()
    for secret in secrets:
        transcript.hide(secret)
    return transcript


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(OCTETS).decode(),
        base64.b64encode(OCTETS).decode().rstrip("="),
        base64.urlsafe_b64encode(OCTETS).decode(),
        OCTETS.hex(),
        OCTETS.hex().upper(),
        OCTETS.hex(":"),
        OCTETS.hex(" ").upper(),
        SECRET.upper(),
        SECRET.lower(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").replace("-", "%2D"),
        quote(SECRET, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
    ],
)
def test_a_form_of_a_secret_is_struck_out(form: str) -> None:
    assert hiding(SECRET).redact(f"who is {form}?") == f"who is {REDACTED}?"


AWKWARD = "g\u00e9\"h&<e>im/12'34\\56 x"


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(AWKWARD)[1:-1],
        json.dumps(AWKWARD, ensure_ascii=False)[1:-1],
        json.dumps(AWKWARD)[1:-1].replace("/", r"\/"),
        repr(AWKWARD)[1:-1],
        ascii(AWKWARD)[1:-1],
        repr(AWKWARD.encode())[2:-1],
        html.escape(AWKWARD),
        html.escape(AWKWARD, quote=False),
        AWKWARD.encode().decode("latin-1"),
        quote_plus(AWKWARD),
    ],
)
def test_a_secret_as_programs_spell_it_within_a_text(form: str) -> None:
    assert form != AWKWARD
    assert hiding(AWKWARD).redact(f"who is {form}?") == f"who is {REDACTED}?"


@pytest.mark.parametrize("secret", ["Mail", "M4il", "Password"])
def test_a_word_in_another_case_is_a_word_like_others(secret: str) -> None:
    said = f"no {secret.lower()} for you, "
    assert hiding(secret).redact(f"{said}{secret}") == f"{said}{REDACTED}"


@pytest.mark.parametrize("before", [b"", b"u", b"us"])
@pytest.mark.parametrize("behind", [b"", b"!"])
def test_a_secret_inside_of_base64(before: bytes, behind: bytes) -> None:
    encoded = base64.b64encode(before + OCTETS + behind).decode()
    shown = hiding(SECRET).redact(f"got {encoded}")
    assert shown == f"got {REDACTED}"


@pytest.mark.parametrize("break_", ["\n", "\r\n ", "\n535 5.7.8 ", "\n535-", " \n"])
def test_a_secret_across_lines_is_redacted(break_: str) -> None:
    said = f"bad {SECRET[:7]}{break_}{SECRET[7:]}"
    transcript = hiding(SECRET)
    transcript.server(said)
    assert transcript.redact(said) == REDACTED
    assert SECRET[7:] not in str(transcript)


def test_lines_full_of_blanks_cost_no_more_than_others() -> None:
    """A relay does nothing else meanwhile, and a server says what it likes."""
    run_within(1, lambda: hiding(SECRET).redact(f"a{' ' * 100_000}b\nc"))


def test_text_without_a_secret_is_unchanged_until_one_is_hidden() -> None:
    transcript = hiding(SECRET)
    assert [transcript.redact("2.1.0 Ok") for _ in range(2)] == ["2.1.0 Ok"] * 2
    transcript.hide("Ok then")
    assert transcript.redact("2.1.0 Ok then") == f"2.1.0 {REDACTED}"


def test_the_next_message_knows_the_secrets_too() -> None:
    assert hiding(SECRET).copy().redact(SECRET) == REDACTED


def test_a_short_secret_is_redacted_after_a_word_that_contains_it() -> None:
    transcript = hiding("pw1")
    assert transcript.redact("250 xpw1") == "250 xpw1"
    assert transcript.redact("pw1") == REDACTED


def test_what_the_client_sent_is_redacted_by_what_was_known_then() -> None:
    transcript = Transcript()
    transcript.client("EHLO relay-4711.example")
    transcript.hide("relay-4711.example")
    transcript.client("MAIL FROM:<ann@relay-4711.example>")
    assert str(transcript.copy()) == f"C: EHLO relay-4711.example\nC: MAIL FROM:<ann@{REDACTED}>"


@pytest.mark.parametrize(
    "unit", ["UVVKRFFVSkQ=", "UVVKRFFVSkRRVUpEUVVKRA== ", "414141414141414141 ", "aB3dE5gH7 "]
)
@pytest.mark.parametrize("end", ["", SECRET])
def test_a_long_reply_takes_little_time_whatever_it_has(unit: str, end: str) -> None:
    """A relay does nothing else meanwhile."""
    lines = [(unit * 126)[:126]] * 512
    said = "\n".join([*lines, end])
    shown = run_within(0.3, lambda: hiding(SECRET).redact(said))
    assert shown == (REDACTED if end else said)


@pytest.mark.parametrize(
    "letters", ["ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdef", "ABCabc019+/"]
)
def test_a_long_reply_of_encodings_is_not_decoded_to_the_end(letters: str) -> None:
    """Every other session would wait for that."""
    reply = "".join(Random(letters).choices(letters, k=65_536))
    assert run_within(0.2, lambda: hiding(SECRET).redact(reply)) == REDACTED
