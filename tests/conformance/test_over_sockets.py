"""The dialogues again, to `gatepost up` over real connections: TLS, store and directory too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from demo.emulated_acs import token_of
from gatepost.net.dial import Server
from gatepost.testing import Dialogue, Emulator, load_dialogue
from tests.conformance.dialogue_sockets import perform_over_sockets

DIALOGUES = [
    dialogue
    for path in sorted((Path(__file__).parents[1] / "dialogues").glob("*.smtp"))
    if "server" in (dialogue := load_dialogue(path)).roles and dialogue.is_portable
]


@pytest.fixture(scope="module")
def relays() -> Iterator[Callable[[str], Emulator]]:
    """One relay for each profile, started when it is first asked for."""
    running: dict[str, Emulator] = {}
    with ExitStack() as stack:

        def relay_of(profile: str) -> Emulator:
            if profile not in running:
                options = ("--https", "127.0.0.1:0", "--http", "off")
                running[profile] = stack.enter_context(Emulator(profile, options=options))
            return running[profile]

        yield relay_of


def test_every_profile_has_dialogues() -> None:
    assert {dialogue.profile for dialogue in DIALOGUES} == {
        "acs", "acs-xoauth2", "gatepost", "open",
    }  # fmt: skip


SCOPE = "https://communication.azure.com/.default"


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda one: one.name)
def test_the_relay_answers_as_written(
    relays: Callable[[str], Emulator], dialogue: Dialogue
) -> None:
    relay = relays(dialogue.profile)
    before = relay.count()
    server = Server(relay.smtp.host, relay.smtp.port)
    values = replace(relay.values, token=token_of(relay.ready, relay.ready, SCOPE))
    perform_over_sockets(dialogue, server, relay.ca_file, values)
    assert relay.count() - before == dialogue.messages
