"""Records what a server says until a login fails, as Evidence for the doctor."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from typing import Final

from gatepost.client.session import ClientSession, TimedReply
from gatepost.errors import Disconnected, GatepostError, TimedOut
from gatepost.model.evidence import (
    DIALOGUE_PHASES,
    AuthAttempt,
    ClientFacts,
    EhloExchange,
    Evidence,
    Fact,
    Greeting,
    Target,
    TlsFirst,
    TlsMode,
    TlsSeen,
    seen,
)
from gatepost.model.reply import Reply
from gatepost.model.transcript import Line, Transcript
from gatepost.net.tls import TlsFacts
from gatepost.relay.transport.connection_opener import ServerSettings
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.wire.ehlo_reply import parse_capabilities

LONGEST: Final = 4096
"""Maximum number of characters of a reply for the doctor; a server may send megabytes."""
MOST: Final = 32_768
"""Maximum number of characters of the transcript for the doctor."""
NOTHING: Final = Reply(0)
"""The reply if the server disconnected or did not answer."""
_TLS: Final[dict[str, TlsMode]] = {
    "required": "starttls", "opportunistic": "auto", "implicit": "implicit", "none": "none",
}  # fmt: skip


class SignInEvidence:
    """Records the opening of a connection; pass ``meet`` to ``Opener.open``."""

    def __init__(
        self, upstream: ServerSettings, greeted: Callable[[], None] = lambda: None
    ) -> None:
        """``greeted`` is called when a server has greeted."""
        self._upstream, self._greeted = upstream, greeted
        self._replies: list[TimedReply] = []
        self.session: ClientSession | None = None
        """The session of the newest connection; None if no server accepted one."""
        self.address = ""
        """The address of that server."""
        self._silence = 0.0
        """Seconds without a greeting in clear, if the server sends one inside TLS."""

    @property
    def is_awaiting_greeting(self) -> bool:
        """True if a server accepted the connection, and has sent nothing yet."""
        session = self.session
        return session is not None and session.phase == "greeting" and not self._replies

    def note_silence(self, seconds: float) -> None:
        """Note that a server sends nothing in clear, and a greeting inside TLS."""
        self._silence = seconds

    def meet(self, session: ClientSession, address: str) -> None:
        """Start recording a server, and discard the replies of the previous one."""
        self._replies.clear()
        self.session, self.address = session, address
        session.listen_in = self._hear

    def _hear(self, timed: TimedReply) -> None:
        text = timed.reply.text
        if len(text) > LONGEST and timed.phase != "ehlo":  # the words of that one are not searched
            timed = replace(timed, reply=replace(timed.reply, text=text[:LONGEST]))
        self._replies.append(timed)
        if timed.phase == "greeting" and timed.reply.is_success:
            self._greeted()

    def leave(self) -> None:
        """Stop recording, because the login has succeeded and MAIL may follow."""
        if self.session is not None:
            self.session.listen_in = None

    def evidence_of(self, error: GatepostError, now: datetime) -> Evidence:
        """Return the evidence of a login that ended with ``error``."""
        server = self._upstream.server
        facts = self.session.facts if self.session is not None else None
        hellos = self._hellos()
        greeting = self._greeting()
        greeting_reply = greeting.value.reply if greeting.value is not None else None
        is_implicit = self._upstream.tls == "implicit"
        has_greeted_in_tls = (is_implicit and greeting_reply) or self._silence
        first = TlsFirst(True, greeting_reply) if has_greeted_in_tls else None
        in_clear, over_tls = ([], hellos) if is_implicit else (hellos[:1], hellos[1:])
        transcript = self.session.transcript if self.session is not None else None
        return Evidence(
            "probe",
            target=Target(server.host, server.port),
            seen_at=now,
            client=ClientFacts(tls=_TLS[self._upstream.tls], signs_in=True),
            greeting=Fact() if is_implicit else greeting,
            tls_first=seen(first) if first is not None else Fact(),
            in_clear=seen(in_clear[0]) if in_clear else Fact(),
            starttls=self._starttls(),
            tls=_tls(facts),
            over_tls=seen(over_tls[0]) if over_tls else Fact(),
            auth=self._attempts(error, tls=facts is not None),
            position=next((each for each in DIALOGUE_PHASES if each == error.phase), "connect"),
            failure=str(error)[:LONGEST],
            transcript=_beginning(transcript) if transcript is not None else (),
        )

    def _greeting(self) -> Fact[Greeting]:
        if self._silence:
            return seen(Greeting(None, round(1000 * self._silence)))
        greetings = [each for each in self._replies if each.phase == "greeting"]
        return seen(Greeting(greetings[0].reply)) if greetings else Fact()

    def _starttls(self) -> Fact[Reply]:
        replies = [each.reply for each in self._replies if each.phase == "starttls"]
        return seen(replies[0]) if replies else Fact()

    def _hellos(self) -> list[EhloExchange]:
        """Return the accepted EHLOs, in clear and over TLS; a HELO after a refusal is ignored."""
        return [
            EhloExchange(each.command.partition(" ")[2], each.reply, parse_capabilities(each.reply))
            for each in self._replies
            if each.phase == "ehlo" and each.command.startswith("EHLO") and each.reply.is_success
        ]

    def _attempts(self, error: GatepostError, *, tls: bool) -> Fact[tuple[AuthAttempt, ...]]:
        made: list[AuthAttempt] = []
        sent = 0
        for command, reply in [*self._asked_and_said(), *self._unanswered(error)]:
            words = command.split()
            if len(words) > 1 and words[0] == "AUTH":
                sent = len(words) - 2
                made.append(AuthAttempt(words[1], "initial" if sent else "bare", reply, tls))
            elif made:
                sent += 1
                made[-1] = replace(made[-1], reply=reply, accepted=True)
            if made:
                made[-1] = _with_secret(made[-1], sent)
        return seen(tuple(made)) if made else Fact()

    def _asked_and_said(self) -> Iterator[tuple[str, Reply]]:
        for each in self._replies:
            if each.phase == "auth":
                yield each.command, each.reply

    def _unanswered(self, error: GatepostError) -> Iterator[tuple[str, Reply]]:
        """Yield the command at which the server disconnected or did not answer."""
        if self.session is None or not isinstance(error, Disconnected | TimedOut):
            return
        lines = self.session.transcript.lines
        if error.phase == "auth" and lines and lines[-1].speaker == "C":
            yield lines[-1].text, NOTHING


def _with_secret(attempt: AuthAttempt, sent: int) -> AuthAttempt:
    """Note whether the mechanism was accepted, and the secret sent, after ``sent`` responses."""
    entry = MECHANISMS.get(attempt.mechanism)
    reply = attempt.reply
    return replace(
        attempt,
        secret_sent=entry is not None and sent >= entry.kind.secret_in,
        accepted=attempt.accepted or reply.is_success or reply.is_intermediate,
    )


def _beginning(transcript: Transcript) -> tuple[Line, ...]:
    """Return its first lines: reading all that a server may send would take too long."""
    lines = transcript.lines
    sizes = accumulate(len(line.text) for line in lines)
    return tuple(line for line, size in zip(lines, sizes, strict=True) if size <= MOST)


def _tls(facts: TlsFacts | None) -> Fact[TlsSeen]:
    if facts is None:
        return Fact()
    return seen(
        TlsSeen(facts.version, facts.cipher, chain_length=len(facts.chain), verified=facts.verified)
    )
