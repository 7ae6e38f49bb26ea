"""The client's dialogues again, through the real drivers: sockets and TLS, blocking and asyncio."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.client.connection import AsyncConnection, Connection, SubmissionPlan, make_login
from gatepost.client.message import PreparedMessage
from gatepost.client.settings import Options, Tls
from gatepost.errors import GatepostError
from gatepost.testing import Dialogue, Values, load_dialogue
from gatepost.testing.dialogue import NoLine, Say
from gatepost.testing.dialogue_client import make_credentials, transactions
from tests.certificates import Pair, make_authority
from tests.conformance.dialogue_server import serving

DIALOGUES = [
    dialogue
    for path in sorted((Path(__file__).parents[1] / "dialogues").glob("*.smtp"))
    if "client" in (dialogue := load_dialogue(path)).roles
]
VALUES = Values(host="mail.example")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Pair]:
    """The authority's file, and a certificate that it gave to localhost."""
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    return authority.ca_file, authority.issue("localhost", "127.0.0.1")


def lines_of(dialogue: Dialogue) -> list[Say]:
    return [step for step in dialogue.steps if isinstance(step, Say) and step.speaker == "C"]


def login_to(port: int, dialogue: Dialogue, ca_file: str) -> SubmissionPlan:
    """What the user of our client would have set to have this dialogue."""
    uses_tls = dialogue.tls or any(
        isinstance(step, NoLine) and step.what == "TLS" for step in dialogue.steps
    )
    signs_in = dialogue.auth or any(say.text.startswith("AUTH") for say in lines_of(dialogue))
    hello = next(say.text for say in lines_of(dialogue) if say.text.startswith("EHLO "))
    return make_login(
        f"127.0.0.1:{port}",
        None,
        make_credentials(dialogue.auth, VALUES) if signs_in else None,
        Tls(mode="starttls" if uses_tls else "none", ca_file=ca_file),
        Options(local_name=hello[5:], mechanism=dialogue.auth),
    )


def letters(dialogue: Dialogue) -> list[PreparedMessage]:
    return [
        PreparedMessage(envelope, body, "")
        for envelope, body in transactions(lines_of(dialogue), VALUES)
    ]


def blocking(login: SubmissionPlan, dialogue: Dialogue) -> None:
    with Connection(login) as connection:
        for letter in letters(dialogue):
            connection.deliver(letter)


def in_a_loop(login: SubmissionPlan, dialogue: Dialogue) -> None:
    async def talk() -> None:
        async with AsyncConnection(login) as connection:
            for letter in letters(dialogue):
                await connection.deliver(letter)

    asyncio.run(talk())


@pytest.mark.parametrize("talk", [blocking, in_a_loop])
@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda one: one.name)
def test_our_client_keeps_to_the_dialogue(
    trusted: tuple[str, Pair], dialogue: Dialogue, talk: Callable[[SubmissionPlan, Dialogue], None]
) -> None:
    ca_file, pair = trusted
    raised = ""
    with serving(dialogue, VALUES, pair) as server:
        try:
            talk(login_to(server.port, dialogue, ca_file), dialogue)
        except GatepostError as error:
            raised = type(error).__name__
    assert raised == dialogue.raises
