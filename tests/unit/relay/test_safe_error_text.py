"""Descriptions of errors that are safe to show."""

import asyncio
import errno

import pytest

from gatepost.errors import Disconnected, QueueFull
from gatepost.relay.safe_error_text import error_of, explain

SECRET = "hunter2"


def raised(error: Exception) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (QueueFull("the disk is full"), "the disk is full"),
        (Disconnected("the relay closed the connection"), "the relay closed the connection"),
    ],
)
def test_our_own_errors_are_shown_as_they_are(error: Exception, expected: str) -> None:
    assert explain(error) == expected


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, UnicodeError])
def test_other_errors_show_kind_and_place_without_quotations(kind: type[Exception]) -> None:
    said = explain(raised(kind(SECRET)))
    assert said.startswith(f"{kind.__name__} at ")
    assert "test_safe_error_text.py:" in said
    assert SECRET not in said


def test_errors_of_the_system_are_shown() -> None:
    said = explain(raised(OSError(errno.EMFILE, SECRET)))
    assert said.startswith("OSError (Too many open files) at ")
    assert SECRET not in said


def test_an_error_without_a_place() -> None:
    assert explain(ValueError(SECRET)) == "ValueError"


def test_the_exception_of_a_future() -> None:
    async def steps() -> None:
        loop = asyncio.get_running_loop()
        good, bad, cut = (loop.create_future() for _ in range(3))
        good.set_result(None)
        bad.set_exception(QueueFull("full"))
        cut.cancel()
        assert error_of(good) is None
        assert isinstance(error_of(bad), QueueFull)
        assert isinstance(error_of(cut), asyncio.CancelledError)

    asyncio.run(steps())
