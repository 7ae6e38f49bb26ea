"""The steps that a conversation asks its driver to perform.

A conversation is a generator: it yields a step, gets its result, and returns its own result. So it
reads like blocking code, and runs on sockets, on asyncio and in written dialogues.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from gatepost.errors import GatepostError, Phase
from gatepost.model.fast_dataclass import dataclass
from gatepost.net.tls import TlsFacts


@dataclass(frozen=True, slots=True)
class Write:
    """Send ``octets``; there is no result."""

    octets: bytes
    phase: Phase


@dataclass(frozen=True, slots=True, eq=False)
class WriteFrom:
    """Send ``windows`` one by one until the server replies.

    The result is what it sent too early, ``b""`` if everything was sent. ``in_thread``: making a
    window takes time.
    """

    windows: Iterable[bytes]
    phase: Phase = "content"
    in_thread: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Wait for octets; the result is never empty.

    The same Read again waits for more of the same reply, with the same deadline.
    """

    phase: Phase


@dataclass(frozen=True, slots=True)
class BeginTls:
    """Perform the TLS handshake; the result is the TlsFacts."""

    phase: Phase = "tls"


Step = Write | WriteFrom | Read | BeginTls
StepResult = bytes | TlsFacts
T = TypeVar("T")
Conversation = Generator[Step, Any, T]
"""It is sent a StepResult; the step determines its kind."""


def drive(conversation: Conversation[T], perform: Callable[[Step], StepResult]) -> T:
    """Return what ``conversation`` returns, raise what it raises.

    ``perform`` takes a step and returns what comes of it. A GatepostError of it goes into the
    conversation; anything else ends both.
    """
    resume: Callable[[Any], Step] = conversation.send
    outcome: StepResult | GatepostError | None = None
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
