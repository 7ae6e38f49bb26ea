"""The requests and answers of the control socket, with MessagePack by hand."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.errors import Disconnected
from gatepost.processes import control_socket

DATA = Path("data")


def ask_of(answer: bytes, asked: list[bytes] | None = None) -> int:
    """Ask a relay that answers ``answer``."""

    def ask(path: Path, frame: bytes) -> bytes:
        assert path == DATA / control_socket.SOCKET
        if asked is not None:
            asked.append(frame)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control_socket, "ask", ask)
        return control_socket.ask_count(DATA)


@given(st.integers(0, 2**64 - 1))
@example(0x7F)
@example(0x80)
@example(0xFF)
@example(0x100)
@example(0xFFFF)
@example(0x10000)
@example(2**32)
def test_every_number_is_read_as_it_was_written(number: int) -> None:
    assert ask_of(msgspec.msgpack.encode((1, control_socket.OK, number))) == number


def test_the_question_is_a_call_without_arguments() -> None:
    asked: list[bytes] = []
    ask_of(msgspec.msgpack.encode((1, control_socket.OK, 0)), asked)
    assert asked == [msgspec.msgpack.encode((1, "count", ()))]


@pytest.mark.parametrize(
    "answer",
    [
        (1, "GatepostError", "unknown operation 'count'"),
        (2, control_socket.OK, 5),
        (1, control_socket.OK, -1),
        (1, control_socket.OK, "many"),
        (1, control_socket.OK, None),
        (1, control_socket.OK),
    ],
)
def test_an_answer_without_a_valid_number_ends_the_connection(answer: tuple[object, ...]) -> None:
    with pytest.raises(Disconnected):
        ask_of(msgspec.msgpack.encode(answer))


@given(st.binary(max_size=20))
def test_garbage_is_no_answer_or_a_number(octets: bytes) -> None:
    for answer in (octets, msgspec.msgpack.encode((1, control_socket.OK, 0))[:-1] + octets):
        try:
            assert ask_of(answer) >= 0
        except Disconnected:
            pass
