"""What a conversation asks of its driver.

A conversation is a generator: it yields a step, is sent what came of it, and
returns its result. So it reads like blocking code and runs on a socket, on
asyncio, and on written lines.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from gatepost.errors import GatepostError, Phase
from gatepost.model.fast_dataclass import dataclass
from gatepost.net.tls import TlsFacts


def nothing() -> bytes:
    """Nothing goes out behind a content."""
    return b""


@dataclass(frozen=True, slots=True)
class Write:
    """Send ``octets``; nothing comes back."""

    octets: bytes
    phase: Phase


@dataclass(frozen=True, slots=True, eq=False)
class WriteFrom:
    """Send ``windows`` one by one until the server speaks.

    What it said too early comes back, ``b""`` when all was sent. ``behind`` is asked with the last
    window for what goes out in one with it, and is answered later (RFC 2920 3.1).
    """

    windows: Iterable[bytes]
    behind: Callable[[], bytes] = nothing
    phase: Phase = "content"


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Wait for octets, which come back, never none of them.

    The same Read again asks for more of the same reply: its deadline stands.
    """

    phase: Phase


@dataclass(frozen=True, slots=True)
class StartTls:
    """Shake hands; the TlsFacts come back."""

    phase: Phase = "tls"


Step = Write | WriteFrom | Read | StartTls
Answer = bytes | TlsFacts
T = TypeVar("T")
Conversation = Generator[Step, Any, T]
"""What is sent into it is an Answer: of which kind, the step says."""


def drive(conversation: Conversation[T], perform: Callable[[Step], Answer]) -> T:
    """Return what ``conversation`` returns, raise what it raises.

    ``perform`` takes a step and returns what comes of it. A GatepostError of it goes into the
    conversation; anything else ends both.
    """
    resume: Callable[[Any], Step] = conversation.send
    outcome: Answer | GatepostError | None = None
    try:
        while True:
            step = resume(outcome)
            try:
                resume, outcome = conversation.send, perform(step)
            except GatepostError as error:
                resume, outcome = conversation.throw, error
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        conversation.close()  # interrupted: it learns that it will not go on
