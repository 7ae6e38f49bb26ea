"""What a relay does for a session, without sockets, a store or waiting."""

from dataclasses import dataclass
from typing import Final, cast

from gatepost.mime.authors import read_authors
from gatepost.model.address import Address
from gatepost.model.credentials import Principal, Standing
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply
from gatepost.policy.sender_checks import check_from, check_sender, refuse_from
from gatepost.sasl.interview import (
    Answer,
    Challenge,
    Interview,
    Lookup,
    MalformedResponse,
    ServerSide,
    Verify,
)
from gatepost.sasl.mechanisms import interview
from gatepost.testing.directory import MemoryDirectory
from gatepost.wire.server import events
from gatepost.wire.server.session import Session

NONCE: Final = "nonce-nonce-nonce-nonce"
"""The same in every test, so that a dialogue can contain it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that got its 250."""

    envelope: Envelope
    content: bytes
    principal: str


class Application:
    """Answers every event of a session at once and keeps the accepted messages.

    Pass octets to the session, call ``run()``, and send what ``session.send()`` returns; repeat
    this if it was full.
    """

    def __init__(self, session: Session, directory: MemoryDirectory) -> None:
        self.session = session
        self.directory = directory
        self.messages: list[Accepted] = []
        self.events: list[events.Event] = []
        """Every event so far, in order; pieces of content are joined."""
        self.closed = False
        self._interview: Interview | None = None
        self._pieces: list[bytes] = []

    def run(self) -> None:
        """Handle events until the session needs more octets."""
        while (event := self.session.next_event()) is not None:
            self._note(event)
            self._handle(event)

    def _note(self, event: events.Event) -> None:
        last = self.events[-1] if self.events else None
        if isinstance(event, events.ContentPiece) and isinstance(last, events.ContentPiece):
            self.events[-1] = events.ContentPiece(last.chunk + event.chunk)
        else:
            self.events.append(event)

    def _handle(self, event: events.Event) -> None:
        session = self.session
        match event:
            case events.StartTls():
                session.reply(session.replies.TLS_READY)
            case events.Auth(mechanism, initial):
                self._interview = interview(mechanism, initial, self._side())
                self._go_on(self._interview, None)
            case events.AuthResponse(response):
                self._go_on(cast("Interview", self._interview), response)
            case events.AuthAborted():
                self._interview = None
            case events.Sender(envelope):
                session.reply(self._check_sender(envelope) or session.replies.SENDER_OK)
            case events.Rcpt():
                session.reply(session.replies.RECIPIENT_OK)
            case events.ContentPiece(chunk):
                self._pieces.append(chunk)
            case events.ContentDropped():
                self._pieces.clear()
            case events.Message():
                session.reply(self._take(event) or session.replies.OK)
            case events.Closing():
                self.closed = True

    def _side(self) -> ServerSide:
        session = self.session
        return ServerSide(
            NONCE,
            session.setting.host,
            session.offer.mechanisms,
            refusal=session.replies.AUTH_FAILED,
        )

    def _go_on(self, interview: Interview, answer: Answer | None) -> None:
        try:
            question = interview.send(answer)  # type: ignore[arg-type]  # None starts it
            while not isinstance(question, Challenge):
                question = interview.send(self._ask(question))
            self.session.challenge(question.data)
        except StopIteration as done:
            self._conclude(done.value)
        except MalformedResponse as error:
            self.session.reply(self.session.replies.BAD_RESPONSE.because(str(error)))

    def _ask(self, question: Lookup | Verify) -> Answer:
        if isinstance(question, Lookup):
            return self.directory.verifier(question.username, question.mechanism)
        return self.directory.identify(question.credentials, question.mechanism)

    def _conclude(self, verdict: Principal | Reply) -> None:
        self._interview = None
        if isinstance(verdict, Principal):
            self.session.accept_login(verdict)
        else:
            self.session.reply(self.session.replies.AUTH_FAILED.because(verdict.reason))

    def _standing(self, address: Address) -> Standing:
        principal = self.session.signed_in_as
        return self.directory.standing(principal, address) if principal else Standing.NOT_SIGNED_IN

    def _check_sender(self, envelope: Envelope) -> Reply | None:
        if not self.session.profile.checks_sender:
            return None
        sender = envelope.sender
        standing = self._standing(sender) if sender else Standing.DOMAIN_NOT_LINKED
        return check_sender(sender, standing, self.session.replies)

    def _take(self, event: events.Message) -> Reply | None:
        content = b"".join((*self._pieces, event.chunk))
        self._pieces.clear()
        refusal = self._check_authors(content) if self.session.profile.checks_sender else None
        if refusal is None:
            principal = self.session.signed_in_as
            name = principal.name if principal else ""
            self.messages.append(Accepted(event.envelope, content, name))
        return refusal

    def _check_authors(self, content: bytes) -> Reply | None:
        try:
            authors = read_authors(content)
        except ValueError as error:
            return refuse_from(error, self.session.replies)
        judged = [(author, self._standing(author)) for author in authors]
        return check_from(judged, self.session.replies)
