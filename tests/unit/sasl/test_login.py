"""LOGIN in the dialects that occur in practice."""

import pytest

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import (
    MAX_NAME,
    MAX_SECRET,
    Challenge,
    MalformedResponse,
    Question,
    Verify,
)
from gatepost.sasl.login import EagerLogin, Login, login
from tests.unit.sasl.play import Users, drive, play

ASKED = Verify(Credentials("user", Secret("pass")), "LOGIN")
USERNAME, PASSWORD = Challenge(b"Username:"), Challenge(b"Password:")

DIALECTS = [
    # what came with AUTH      answers               what the server asked
    (None,                     (b"user", b"pass"),   [USERNAME, PASSWORD, ASKED]),
    (b"",                      (b"user", b"pass"),   [USERNAME, PASSWORD, ASKED]),
    (b"user",                  (b"pass",),           [PASSWORD, ASKED]),
]  # fmt: skip


@pytest.mark.parametrize(("initial", "answers", "asked"), DIALECTS)
def test_the_server_takes_the_name_with_the_command_or_after_a_prompt(
    initial: bytes | None, answers: tuple[bytes, ...], asked: list[Question]
) -> None:
    questions, verdict = drive(login(initial), *answers, Principal("user"))
    assert questions == asked
    assert verdict == Principal("user", mechanism="LOGIN")


PROMPTS = [
    pytest.param(b"Username:", b"Password:", id="the draft's"),
    pytest.param(b"User Name\0", b"Password\0", id="Windows, aiosmtpd"),
    pytest.param(b"", b"", id="none"),
    pytest.param(b"Benutzername:", "Kennwort für dich:".encode(), id="translated"),
    pytest.param(b"\xff\xfe", b"334", id="not even text"),
    pytest.param(b"Password:", b"Username:", id="swapped, and not guessed at"),
]


@pytest.mark.parametrize(("first", "second"), PROMPTS)
def test_the_client_ignores_the_words_of_the_prompts(first: bytes, second: bytes) -> None:
    exchange = Login("user", Secret("pass")).exchange()
    assert next(exchange) is None
    assert exchange.send(first) == b"user"
    assert exchange.send(second) == b"pass"
    with pytest.raises(StopIteration):
        exchange.send(b"once more?")


def test_the_eager_client_sends_the_name_with_the_command() -> None:
    exchange = EagerLogin("user", Secret("pass")).exchange()
    assert next(exchange) == b"user"
    assert exchange.send(b"Password:") == b"pass"


SECRETS = [
    pytest.param("x" * 256, id="past 255 octets"),
    pytest.param("x" * MAX_SECRET, id="all that the line can hold"),
    pytest.param("Pässwörd €", id="outside ASCII"),
    pytest.param("密码🔑", id="outside the basic plane"),
    pytest.param(" lead and trail ", id="blanks"),
    pytest.param("a\0b", id="NUL"),
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", [Login, EagerLogin])
def test_any_secret_passes_unchanged(kind: type[Login], secret: str) -> None:
    played = play(kind("ren\u00e9", Secret(secret)), Users({"ren\u00e9": secret}))
    assert played.verdict == Principal("ren\u00e9", mechanism="LOGIN")
    assert played.said[-1] == ("C", secret.encode())


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((b"\xff",), id="name not UTF-8"),
        pytest.param((b"user", b"caf\xe9"), id="password in Latin-1"),
        pytest.param((b"x" * (MAX_NAME + 1),), id="name too long"),
        pytest.param((b"user", b"x" * (MAX_SECRET + 1)), id="password too long"),
    ],
)
def test_malformed_responses_are_refused_and_not_shown(answers: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedResponse) as error:
        drive(login(None), *answers)
    assert "caf" not in str(error.value)
    assert error.value.__context__ is None, "a UnicodeDecodeError carries what it could not decode"


def test_an_undecoded_password_is_named_but_not_shown() -> None:
    with pytest.raises(UnusableCredentials, match="the password") as error:
        Login("user", Secret("top\udcffsecret"))
    assert "secret" not in str(error.value)
    assert error.value.__context__ is None


def test_the_secret_does_not_show() -> None:
    assert "pass" not in repr(Login("user", Secret("pass")))
