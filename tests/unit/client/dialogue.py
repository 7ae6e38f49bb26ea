"""A driver that plays a written dialogue: ``S:`` is sent, ``C:`` must be received exactly.

``TLS`` is the handshake; ``CUT`` and ``SILENCE`` are faults of the network; ``EARLY`` lets the
server speak during the content. Consecutive ``S:`` lines come in one packet, and so do consecutive
``C:`` lines.
"""

from textwrap import dedent

from gatepost.client.session import ClientSession, Peer, TimedReply
from gatepost.client.steps import (
    BeginTls,
    Conversation,
    Read,
    Step,
    StepResult,
    T,
    Write,
    WriteFrom,
)
from gatepost.errors import Disconnected, GatepostError, TimedOut
from gatepost.net.dial import Server
from gatepost.net.tls import TlsFacts

FACTS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", (), verified=True)


class Script:
    """The steps still to play."""

    def __init__(self, text: str) -> None:
        self.lines = [line for line in dedent(text).strip().split("\n") if line]

    def perform(self, step: Step) -> StepResult:
        match step:
            case Read():
                if self.lines and self.lines[0] == "SILENCE":
                    del self.lines[0]
                    raise TimedOut("the server said nothing in time")
                return self._take("S: ") or self._cut()
            case Write():
                self._cut_here()
                expected = self._take("C: ", step.octets.count(b"\n"))
                assert step.octets == expected
                return b""
            case WriteFrom():
                if self.lines[0] == "EARLY":
                    del self.lines[0]
                    return self._take("S: ")
                self._cut_here()
                sent = b"".join(step.windows)
                assert sent == self._take("C: ", sent.count(b"\n"))
                return b""
            case BeginTls():
                assert self.lines.pop(0) == "TLS"
                return FACTS

    def _take(self, speaker: str, most: int = 1_000) -> bytes:
        taken: list[str] = []
        while self.lines and self.lines[0].startswith(speaker.strip()) and len(taken) < most:
            taken.append(self.lines.pop(0)[len(speaker) :])
        return "".join(f"{line}\r\n" for line in taken).encode("utf-8", "surrogateescape")

    def _cut_here(self) -> None:
        if self.lines and self.lines[0] == "CUT":
            del self.lines[0]
            raise Disconnected("connection lost: Broken pipe")

    def _cut(self) -> bytes:
        if self.lines[:1] == ["CUT"]:
            del self.lines[0]
        else:
            assert not self.lines, f"we listen, but the dialogue goes on with {self.lines[0]!r}"
        raise Disconnected("the server closed the connection")


def play(session: ClientSession, conversation: Conversation[T], text: str) -> T:
    """Run ``conversation`` against the dialogue, to its end, and return its result."""
    script = Script(text)
    guarded = session.guard(conversation)
    try:
        step = next(guarded)
        while True:
            try:
                answer = script.perform(step)
            except GatepostError as failure:
                step = guarded.throw(failure)
            else:
                step = guarded.send(answer)
    except StopIteration as done:
        assert script.lines == []
        result: T = done.value
        return result
    except GatepostError:
        assert script.lines == []
        raise


def make_session(*, loopback: bool = False, said: list[TimedReply] | None = None) -> ClientSession:
    """Return a session that has not connected yet."""
    peer = Peer(Server("mail.example", 587), "client.example", loopback)
    return ClientSession(peer, None if said is None else said.append)


def offering(session: ClientSession, *lines: str, tls: bool = True) -> ClientSession:
    """Return ``session`` as if the server had just offered ``lines``."""
    from gatepost.model.reply import Reply
    from gatepost.wire.ehlo_reply import parse_capabilities

    session.capabilities = parse_capabilities(Reply(250, "\n".join(["mail.example", *lines])))
    session.facts = FACTS if tls else None
    session.transcript.tls = tls
    return session
