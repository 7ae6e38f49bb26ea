"""Damaged dialogues, with octets lost, doubled, changed and moved, break no session."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.testing import Application, Dialogue, MemoryDirectory, Values, load_dialogue
from gatepost.testing.dialogue import Say
from gatepost.testing.dialogue_server import make_setting
from gatepost.wire.server.session import Session
from tests.examples import examples

VALUES = Values()
SCRIPTS = [
    (dialogue, b"".join(
        step.octets(VALUES)
        for step in dialogue.steps if isinstance(step, Say) and step.speaker == "C"
    ))
    for path in sorted((Path(__file__).parents[1] / "dialogues").glob("*.smtp"))
    if "server" in (dialogue := load_dialogue(path)).roles
]  # fmt: skip
DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["lose", "double", "change", "insert", "swap"]),
        st.integers(0, 2_000),
        st.integers(1, 60),
        st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b".", b"\xff", b" ", b"\r\n.\r\n", b"*"]),
    ),
    min_size=1,
    max_size=6,
)


def damage(octets: bytes, how: str, at: int, size: int, noise: bytes) -> bytes:
    at %= len(octets) + 1
    head, part, tail = octets[:at], octets[at : at + size], octets[at + size :]
    match how:
        case "lose":
            return head + tail
        case "double":
            return head + part + part + tail
        case "change":
            return head + noise + part[len(noise) :] + tail
        case "insert":
            return head + noise + part + tail
        case _:
            return head + tail + part


@settings(max_examples=examples(300))
@given(st.sampled_from(SCRIPTS), DAMAGE, st.integers(1, 400))
def test_damaged_dialogues_raise_nothing_and_smuggle_nothing(
    script: tuple[Dialogue, bytes], damages: list[tuple[str, int, int, bytes]], size: int
) -> None:
    dialogue, octets = script
    for one in damages:
        octets = damage(octets, *one)
    setting = make_setting(dialogue, VALUES)
    directory = MemoryDirectory(setting.mechanisms)
    directory.add(VALUES.username, VALUES.password, [VALUES.sender])
    application = Application(Session(setting, VALUES.peer), directory)
    for at in range(0, len(octets), size):
        application.session.receive(octets[at : at + size])
        application.run()
    said = application.session.send()
    assert len(application.messages) <= said.count(b"250 2.0.0")
    for message in application.messages:
        content = message.content
        assert b"\0" not in content
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        if setting.profile.requires_auth:
            assert message.principal == VALUES.username
