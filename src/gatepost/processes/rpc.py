"""Remote calls over a frame stream, from the command line and front processes to the relay.

Frames are MessagePack. A call is ``[number, operation, arguments]``, optionally followed by message
content; an answer is ``[number, outcome, value]``. A call with number 0 gets no answer. The
answering end can also send notifications: ``[0, what, value]``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gatepost.errors import (
    Disconnected,
    GatepostError,
    QueueError,
    QueueFull,
    ResponseLost,
    Unconfirmed,
    Unreadable,
)
from gatepost.model.secret import Secret
from gatepost.processes.control_socket import OK
from gatepost.processes.rpc_frames import FrameStream, connect_frames

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Afterwards:
    """An answer that is computed when ``done`` is; that goes on even if the caller disconnects."""

    done: "asyncio.Future[Any]"
    answer: Callable[[], Any]


Operation = Callable[..., Any]
"""Takes the undecoded arguments of a call, and the pieces of its content if it has any. Returns a
value, an awaitable of one, or Afterwards."""

NIL: Final = b"\xc0"
"""None in MessagePack."""
_ERRORS: Final[Mapping[str, type[Exception]]] = {
    "KeyError": KeyError,
    "ValueError": ValueError,
    "SubscriptionError": ValueError,
    "RuleMistakes": ValueError,
    "NotConfigured": ValueError,
    "NotAllowed": ValueError,
    "QueueError": QueueError,
    "QueueFull": QueueFull,
    "Unconfirmed": Unconfirmed,
    "Unreadable": Unreadable,
}


def _encode_secret(value: Any) -> Any:
    """Encode the only type that MessagePack lacks; it is sent only over the owner's socket."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _decode_secret(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"{kind.__name__} does not travel")


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_encode_secret)
_CALL: Final = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])


def decode(raw: msgspec.Raw | bytes, kind: type[T]) -> T:
    """Decode a received value. Raises msgspec.ValidationError unless it is a ``kind``."""
    hashable: Any = kind
    value: T = decoder(hashable).decode(raw)
    return value


@cache
def decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    """Return the decoder of a type; cached, because making one takes longer than decoding."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_decode_secret)


class Calls:
    """The calling end of a connection."""

    def __init__(self) -> None:
        self._stream: FrameStream
        self._next = 1
        self._open: dict[int, tuple[asyncio.Future[Any], Callable[[msgspec.Raw], Any]]] = {}
        self.lost: asyncio.Event = asyncio.Event()
        self.hears: dict[str, Callable[[msgspec.Raw], None]] = {}
        """Handlers of notifications by name; others are ignored."""

    @classmethod
    async def connect(cls, path: Path) -> "Calls":
        """Connect to the relay at ``path``. Raises ConnectError if none runs there."""
        calls = cls()
        calls._stream = await connect_frames(
            path, lambda: FrameStream(calls._receive_answer, calls._fail_open_calls)
        )
        return calls

    @property
    def is_cut_off(self) -> bool:
        """Whether the other end has disconnected, even if ``lost`` is not set yet."""
        return self._stream.is_cut_off

    @property
    def unsent(self) -> int:
        """Octets that are not sent yet."""
        return self._stream.unsent

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def tell(self, operation: str, *arguments: Any) -> None:
        """Call without an answer."""
        self._stream.send(_ENCODER.encode((0, operation, arguments)))

    def tell_soon(self, operation: str, take: Callable[[], Any]) -> None:
        """Call without an answer, in the same packet as a following call if there is one.

        The argument is what ``take`` returns when the call is sent.
        """
        self._stream.send_soon(lambda: _ENCODER.encode((0, operation, (take(),))))

    def ask(
        self, operation: str, *arguments: Any, content: Sequence[bytes] = ()
    ) -> "asyncio.Future[msgspec.Raw]":
        """Return a future of the undecoded answer, or of the operation's exception."""
        return self.ask_for(_as_it_is, operation, *arguments, content=content)

    def ask_for(
        self,
        read: Callable[[msgspec.Raw], T],
        operation: str,
        *arguments: Any,
        content: Sequence[bytes] = (),
    ) -> "asyncio.Future[T]":
        """Return a future of the answer as decoded by ``read``, or of an exception: ResponseLost if
        the relay disconnects meanwhile, any other Disconnected if it did so before the call."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        number, self._next = self._next, self._next + 1
        try:
            self._stream.send(_ENCODER.encode((number, operation, arguments)), content)
        except Disconnected as error:
            future.set_exception(error)
        else:
            self._open[number] = future, read
        return future

    async def call(self, kind: type[T], operation: str, *arguments: Any) -> T:
        """Call, and return the answer as a ``kind``."""
        return decode(await self.ask(operation, *arguments), kind)

    def _receive_answer(self, stream: FrameStream, frame: bytes, _: Sequence[bytes]) -> None:
        try:
            number, outcome, value = _CALL.decode(frame)
        except msgspec.MsgspecError:
            stream.close()  # that is not a relay
            return
        if not number:
            self.hears.get(outcome, _as_it_is)(value)
            return
        call = self._open.pop(number, None)
        if call is None or call[0].done():
            return
        future, read = call
        if outcome == OK:
            try:
                future.set_result(read(value))
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                future.set_exception(error)
        else:
            self.hears.get(outcome, _as_it_is)(value)
            message = msgspec.msgpack.decode(value, type=str)
            future.set_exception(_ERRORS.get(outcome, GatepostError)(message))

    def _fail_open_calls(self) -> None:
        for future, _ in self._open.values():
            if not future.done():
                future.set_exception(ResponseLost("the relay closed the connection"))
        self._open.clear()
        self.lost.set()


def _as_it_is(answer: msgspec.Raw) -> msgspec.Raw:
    return answer


class Answers:
    """The answering end of one connection; runs operations from a table."""

    def __init__(
        self, operations: Mapping[str, Operation], on_disconnect: Callable[[], None] = lambda: None
    ) -> None:
        self._operations = operations
        self._on_disconnect = on_disconnect
        self._running: set[asyncio.Future[Any]] = set()
        self._stream = FrameStream(self._receive_call, self._end)

    @property
    def stream(self) -> FrameStream:
        """The asyncio protocol of the connection."""
        return self._stream

    def tell(self, what: str, value: Any) -> None:
        """Send a notification. Raises Disconnected if the other end has disconnected."""
        self._stream.send(_ENCODER.encode((0, what, value)))

    def hang_up(self) -> None:
        """Abort the connection."""
        self._stream.abort()

    def _receive_call(self, stream: FrameStream, frame: bytes, content: Sequence[bytes]) -> None:
        try:
            number, name, arguments = _CALL.decode(frame)
        except msgspec.MsgspecError:
            stream.close()  # that is not a caller
            return
        operation = self._operations.get(name)
        if operation is None:
            self._answer(stream, number, GatepostError(f"unknown operation {name[:40]!r}"))
            return
        try:
            result = operation(arguments, content) if content else operation(arguments)
        except Exception as error:  # noqa: BLE001 - it is the caller's to see
            self._answer(stream, number, error)
            return
        if isinstance(result, Afterwards):
            result.done.add_done_callback(partial(self._done, stream, number, result.answer))
        elif isinstance(result, asyncio.Future) and not isinstance(result, asyncio.Task):
            result.add_done_callback(partial(self._done, stream, number, result.result))
        elif isinstance(result, Awaitable):
            running = asyncio.ensure_future(result)
            self._running.add(running)
            running.add_done_callback(partial(self._done, stream, number, running.result))
        else:
            self._answer(stream, number, result)

    def _done(
        self,
        stream: FrameStream,
        number: int,
        answer: Callable[[], Any],
        done: "asyncio.Future[Any]",
    ) -> None:
        self._running.discard(done)
        if not done.cancelled():
            self._answer(stream, number, done.exception() or answer())

    def _answer(self, stream: FrameStream, number: int, result: Any) -> None:
        if not number:
            return
        try:
            stream.send(_encode_answer(number, result))
        except Disconnected:
            return  # the caller has disconnected

    def _end(self) -> None:
        for running in list(self._running):
            if isinstance(running, asyncio.Task):  # a wait; a commit continues
                running.cancel()
        self._on_disconnect()


def _encode_answer(number: int, result: Any) -> bytes:
    """Encode an answer; an error if it cannot be encoded, so that the caller does not wait."""
    if not isinstance(result, BaseException):
        try:
            return _ENCODER.encode((number, OK, result))
        except (TypeError, ValueError, NotImplementedError) as error:
            result = GatepostError(f"the answer does not travel: {type(error).__name__}")
    text = str(result.args[0]) if result.args else type(result).__name__
    plain = text.encode("utf-8", "backslashreplace").decode()
    return _ENCODER.encode((number, type(result).__name__, plain))
