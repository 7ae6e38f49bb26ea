"""A connection where rules of scripted failures are asked, stage by stage.

Where a stage has no rules, its events take the same way as in an ordinary connection.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from gatepost.directory.azure.username import UsernameError, parse_username
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import Stage
from gatepost.failures.reserved_addresses import RESERVED_DOMAIN, is_refused_at_end
from gatepost.mime.header_summary import MAX_HEADER, read_fields
from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.net.interruptible_stream import HeldHello
from gatepost.queue.message_selection import decode_subject
from gatepost.relay.authenticate import Authentication
from gatepost.relay.client_connection import OF_MAIL, Receiver
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.scripted_actions import FaultyReceiver, Occasion
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.sign_in import SignIn
from gatepost.wire.server import events

_OF_RULES: Final[dict[type[events.Event], Stage]] = {
    events.Sender: "mail", events.Rcpt: "rcpt", events.ContentPiece: "body",
    events.Message: "body",
}  # fmt: skip


Review = Callable[[Authentication, Principal | Reply, Callable[[], None]], None]
"""Takes a login, its verdict, and what tells the client."""


class ScriptedSignIn(SignIn):
    """Passes each verdict to ``review`` first."""

    __slots__ = ("review",)

    review: Review

    def _conclude(self, auth: Authentication, verdict: Principal | Reply) -> None:
        self._auth = None
        self.review(auth, verdict, partial(super()._conclude, auth, verdict))


def application_of(claimed: str, verdict: Principal | Reply) -> str:
    """Return the id of the application that signs in, or the name of an account."""
    if isinstance(verdict, Principal):
        return verdict.application_id or verdict.name
    try:
        return parse_username(claimed).application_id
    except UsernameError:
        return claimed


class ScriptedReceiver(FaultyReceiver):
    """The handler of one accepted stream."""

    __slots__ = ("_refuses_content",)

    def __init__(
        self,
        relay: Relay,
        state: ListenerState,
        on_lost: Callable[[Receiver], None],
        *,
        unwanted: bool = False,
    ) -> None:
        super().__init__(relay, state, on_lost, unwanted=unwanted)
        self._refuses_content = False
        """A reserved address of this transaction refuses its content."""

    def follow_rules(self) -> None:
        """Ask at the stages that have rules now."""
        stages = self._rules.stages
        if not self._early:
            self._session.interrupt_at(stages)
            if "ehlo" not in stages:
                self._session.change_offer((), ())
        asked = {kind for kind, stage in _OF_RULES.items() if stage in stages}
        if self._rules.has_reserved:
            asked |= {events.Sender, events.Rcpt}
        elif stages:
            asked.add(events.Sender)  # with which a transaction begins
        self._of_mail = {kind: do for kind, do in OF_MAIL.items() if kind not in asked}

    # Asking.

    def _facts(self, stage: Stage, **facts: Any) -> EventFacts:
        session, tls = self._session, self._stream.tls
        principal = session.signed_in_as
        if principal is not None:
            facts.setdefault("user", principal.name)
            facts.setdefault("application", principal.application_id or principal.name)
            facts.setdefault("mechanism", principal.mechanism)
        version = tls.version.removeprefix("TLSv") if tls is not None else ""
        facts.setdefault("ehlo", session.peer_name)
        return EventFacts(stage, self.identity, version, **facts)

    def _ask(self, occasion: Occasion, **facts: Any) -> None:
        decision = self._rules.decide(self._facts(occasion.stage, **facts))
        self.when(decision, partial(self._carry_out, occasion))

    # Stages: the connection and TLS.

    def _welcome(self, admitted: bool) -> None:
        self.follow_rules()
        if not (admitted and "connect" in self._rules.stages):
            super()._welcome(admitted)
            return
        setting = self._session.setting
        text = setting.profile.greeting.format(host=setting.host, peer=self.peer)
        self._ask(Occasion("connect", self._greet, self._refuse_connection, Reply(220, text)))
        self._run_on()

    def _greet(self) -> None:
        if self._shape is not None:  # which is for the greeting alone
            self._flush()
        super()._welcome(True)

    def _run_on(self) -> None:
        """Continue where no event was handled."""
        if not self._open:
            self._run()

    def wants_hello(self) -> bool:
        """Tell whether rules are to be asked about the handshake that begins."""
        spoils = self._handshake is not None and self._handshake.firing is not None
        return spoils or "tls" in self._rules.stages

    def on_hello(self, hello: HeldHello) -> None:
        """Ask about a handshake that has begun."""
        self._of_handshake.begin(hello)

    def _start_tls(self, event: events.StartTls) -> None:
        if "starttls" not in self._rules.stages:
            super()._start_tls(event)
            return
        start = partial(super()._start_tls, event)
        ready = self._session.replies.TLS_READY
        self._ask(Occasion("starttls", start, self._session.reply, ready), command="STARTTLS")

    # Stages: commands.

    def _interrupt(self, event: events.Interrupted) -> None:
        self._ask_about(event, event.stages)

    def _ask_about(self, event: events.Interrupted, stages: Sequence[str]) -> None:
        """Ask about a command at each of its stages."""
        if not stages:
            self._proceed()
            return
        stage: Stage = stages[0]  # type: ignore[assignment]  # the session has those of rules
        if stage == "ehlo":
            self._session.change_offer((), ())
        go_on = partial(self._ask_about, event, stages[1:])
        facts: dict[str, Any] = {"command": event.verb}
        if stage == "ehlo":
            facts["ehlo"] = event.argument.decode("ascii", "replace")
        if stage == "data":
            facts |= self._envelope_facts()
        ordinary = self._ordinary_reply(event.verb)
        self._ask(Occasion(stage, go_on, self._session.refuse_command, ordinary), **facts)

    def _proceed(self) -> None:
        event = self._session.proceed()
        if event is None:
            return
        kind = type(event)
        if kind in self._of_mail:
            self._of_mail[kind](self._mail, event)
        else:
            self._HANDLERS[kind](self, event)

    def _ordinary_reply(self, verb: str) -> Reply | None:
        replies = self._session.replies
        return {
            "EHLO": Reply(250, self._session.hello), "HELO": Reply(250, self._session.hello),
            "DATA": replies.START_CONTENT, "BDAT": replies.CHUNK_OK, "RSET": replies.OK,
            "NOOP": replies.OK, "QUIT": replies.GOODBYE,
        }.get(verb)  # fmt: skip

    def _begin_auth(self, event: events.Auth) -> None:
        if self._sign_in is None:
            self._sign_in = ScriptedSignIn(
                self._relay, self._session, self.peer, self.when, self.refuse, self.report
            )
            self._sign_in.review = self._review_login
        super()._begin_auth(event)

    def _review_login(
        self, auth: Authentication, verdict: Principal | Reply, go_on: Callable[[], None]
    ) -> None:
        """Ask about a login whose verdict the client has not seen yet."""
        if "auth" not in self._rules.stages:
            go_on()
            return
        ordinary = verdict if isinstance(verdict, Reply) else self._session.replies.SIGNED_IN
        occasion = Occasion("auth", go_on, self._session.reply, ordinary)
        self._ask(
            occasion, command="AUTH", user=auth.claimed, shown_user=auth.username,
            mechanism=auth.mechanism, application=application_of(auth.claimed, verdict),
        )  # fmt: skip

    # Stages: mail.

    def _interrupt_sender(self, event: events.Sender) -> None:
        self._fired = self._counted = ()
        self._refuses_content = False
        sender = event.envelope.sender
        if not self._is_reserved(sender) and "mail" not in self._rules.stages:
            self._mail.check_sender(event)
            return
        go_on = partial(self._mail.check_sender, event)
        occasion = Occasion("mail", go_on, self._session.reply, self._session.replies.SENDER_OK)
        size = event.envelope.size or 0
        self._ask(occasion, command="MAIL", sender=sender.key if sender else "", size=size)

    def _is_reserved(self, address: Address | None) -> bool:
        if address is None or not self._rules.has_reserved:
            return False
        if address.domain.lower() != RESERVED_DOMAIN:
            return False
        self._refuses_content = self._refuses_content or is_refused_at_end(address.local)
        return True

    def _interrupt_recipient(self, event: events.Rcpt) -> None:
        address = event.recipient.address
        if not self._is_reserved(address) and "rcpt" not in self._rules.stages:
            self._mail.check_recipient(event)
            return
        go_on = partial(self._mail.check_recipient, event)
        occasion = Occasion("rcpt", go_on, self._session.reply, self._session.replies.RECIPIENT_OK)
        self._ask(occasion, command="RCPT", sender=self._session.sender, recipients=(address.key,))

    def _envelope_facts(self) -> dict[str, Any]:
        recipients = tuple([each.address.key for each in self._session.recipients])
        return {"sender": self._session.sender, "recipients": recipients}

    def _interrupt_content(self, event: events.ContentPiece | events.Message) -> None:
        """Ask at ``body`` as content arrives; rules that fit are asked once about each content."""
        mail = self._mail
        if isinstance(event, events.Message):
            size = mail.size + len(event.chunk)
            occasion = Occasion("body", partial(mail.take_message, event), self._refuse_message)
        else:
            mail.take_content(event)
            size = mail.size
            occasion = Occasion("body", _go_on, self._session.refuse_content)
        self._ask(occasion, size=size, counted=self._counted, **self._envelope_facts())

    def store(self, message: Submission) -> None:
        """Ask about a message that is complete, checked and not stored yet."""
        if "message" not in self._rules.stages and not self._refuses_content:
            self._store(message)
            return
        accepted = self._accepted(message)
        go_on = partial(self._store, message)
        facts = self._envelope_facts() | {"size": message.body.size, "message": message.id}
        if self._rules.wants_header:
            facts |= {
                "subject": decode_subject(message.subject),
                "message_id": message.message_id,
                "header": _header_of(message),
            }
        self._ask(Occasion("message", go_on, self._refuse_message, accepted, message), **facts)

    def _store(self, message: Submission) -> None:
        store = super().store
        if not self._fired:
            store(message)
            return
        noted = self._rules.note_stored(message.id, self._fired)
        self.when(noted, lambda _: store(message))

    def _accepted(self, message: Submission) -> Reply:
        done = self._session.replies.ACCEPTED
        return Reply(250, done.text.replace("{id}", message.id), done.status)

    _HANDLERS: ClassVar[dict[type[events.Event], Callable[[Any, Any], None]]] = {
        **Receiver._HANDLERS,  # noqa: SLF001 - its own
        events.StartTls: _start_tls,
        events.Auth: _begin_auth,
        events.Interrupted: _interrupt,
        events.Sender: _interrupt_sender,
        events.Rcpt: _interrupt_recipient,
        events.ContentPiece: _interrupt_content,
        events.Message: _interrupt_content,
    }


def _go_on() -> None:
    """Do nothing: the piece was taken already."""


def _header_of(message: Submission) -> tuple[tuple[str, str], ...]:
    pieces, size = [], 0
    for piece in message.body.chunks():
        pieces.append(bytes(piece))
        size += len(piece)
        if size > MAX_HEADER:
            break
    fields = read_fields(b"".join(pieces))
    return tuple([(name, decode_subject(value)) for name, value in fields])
