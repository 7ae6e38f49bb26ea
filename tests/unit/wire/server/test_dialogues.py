"""Every dialogue, from both sides, without sockets."""

from pathlib import Path

import pytest

from gatepost.testing.dialogue import Dialogue, load_dialogue, parse_dialogue
from gatepost.testing.dialogue_client import perform_client
from gatepost.testing.dialogue_server import Mismatch, perform_server

DIALOGUES = sorted((Path(__file__).parents[3] / "dialogues").glob("*.smtp"))


def playing(role: str) -> list[Dialogue]:
    return [one for one in map(load_dialogue, DIALOGUES) if role in one.roles]


@pytest.mark.parametrize("dialogue", playing("server"), ids=lambda one: one.name)
def test_our_session_answers_as_written(dialogue: Dialogue) -> None:
    perform_server(dialogue)


@pytest.mark.parametrize("dialogue", playing("client"), ids=lambda one: one.name)
def test_our_client_says_what_is_written(dialogue: Dialogue) -> None:
    perform_client(dialogue)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_says_what_it_is_about(path: Path) -> None:
    dialogue = load_dialogue(path)
    assert dialogue.about
    assert dialogue.roles


WRONG_AS_SERVER = [
    ("S: 220 another greeting", "greeting"),
    ("S: 220 {host} ESMTP Gatepost\nS: 250 more", "a reply that does not come"),
    ("S: 220 {host} ESMTP Gatepost\nC: NOOP", "a reply that is not expected"),
    ("S: 220 {host} ESMTP Gatepost\n== CLOSED ==", "a close that does not come"),
    ("S: 220 {host} ESMTP Gatepost\nC: QUIT\nS: 221 2.0.0 Bye", "a close that is not expected"),
    ("S: 220 {host} ESMTP Gatepost\n== TLS ==", "a handshake in the middle of nothing"),
    ("messages: 1\nS: 220 {host} ESMTP Gatepost", "a message that nobody sent"),
]


@pytest.mark.parametrize(("text", "what"), WRONG_AS_SERVER, ids=lambda text: text[:20].strip())
def test_a_wrong_dialogue_is_noticed(text: str, what: str) -> None:
    with pytest.raises(Mismatch):
        perform_server(parse_dialogue(text))


HELLO = "S: 220 m\nC: EHLO x\nS: 250 m\n"
WRONG_AS_CLIENT = [
    ("S: 220 m\nC: EHLO x\nC: NOOP\nS: 250 m", "a command that our client does not send"),
    ("S: 220 m\nC: EHLO x\nS: 250 m\nC: NOOP\nS: 250 m", "a step too many"),
    ("S: 554 no\n", "an error that is not named"),
    (f"raises: TlsError\n{HELLO}", "an error that does not come"),
    (
        (
            f"{HELLO}C: MAIL FROM:<a@b.example>\nS: 250\nC: RCPT TO:<c@d.example>\nS: 250\n"
            "C: DATA\nS: 354\nC: .one dot\nC: .\nS: 250"
        ),
        "a dot that is not doubled",
    ),
]


@pytest.mark.parametrize(("text", "what"), WRONG_AS_CLIENT, ids=lambda text: text[:20].strip())
def test_a_wrong_client_is_noticed(text: str, what: str) -> None:
    with pytest.raises(Mismatch):
        perform_client(parse_dialogue(text))
