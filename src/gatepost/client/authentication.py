"""AUTH (RFC 4954): tries the planned mechanisms in order, until the server has checked a secret."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gatepost.client.session import CHALLENGE, ClientSession
from gatepost.client.steps import Conversation
from gatepost.errors import (
    AuthenticationRefused,
    Disconnected,
    NoSharedMechanism,
    RemoteProtocolError,
    TimedOut,
)
from gatepost.model.credentials import Credentials
from gatepost.model.mechanism_plan import Plan
from gatepost.model.reply import Reply
from gatepost.sasl import mechanisms
from gatepost.sasl.channel import Channel, tls_server_end_point
from gatepost.sasl.exchange import (
    Exchange,
    ExchangeContext,
    MalformedChallenge,
    Mechanism,
    conclude,
)
from gatepost.sasl.negotiate import PREFERENCE, NextMechanism, after_refusal, plan
from gatepost.sasl.oauth import explained
from gatepost.wire.base64 import decode_base64, encode_base64

MAX_COMMAND: Final = 512
"""Octets of the AUTH command with CRLF; a longer initial response is sent after a 334 (RFC 4954 4).
"""
_UNRECOGNIZED: Final = 504
_SIGNED_IN: Final = 235
CANCEL: Final = "*"


@dataclass(frozen=True, slots=True)
class MechanismResult:
    """The result of one mechanism."""

    reply: Reply
    to_command: bool
    """The reply is to the AUTH command itself."""
    secret_sent: bool
    """The secret, or a proof computed from it, was sent."""
    document: str = ""
    """The server's explanation of a refused token, which it sent before the reply."""


def channel_of(session: ClientSession, *, reveal_anyway: bool = False) -> Channel:
    """Return the properties of the connection for the planner."""
    facts = session.facts
    return Channel(
        encrypted=facts is not None,
        verified=facts is not None and facts.verified,
        loopback=session.peer.loopback,
        reveal_anyway=reveal_anyway,
        binding=tls_server_end_point(facts.chain[0]) if facts and facts.chain else None,
    )


def authenticate(
    session: ClientSession,
    credentials: Credentials,
    channel: Channel,
    *,
    only: str = "",
    allowed: Collection[str] = (),
    last: Collection[str] = (),
) -> Conversation[str]:
    """Sign in and return the mechanism that succeeded.

    ``only`` and ``allowed`` are those of the planner. ``last`` are mechanisms to try after the
    others, because the server has refused them before.

    Raises NoSharedMechanism before anything is sent, AuthenticationRefused with the deciding reply,
    RemoteProtocolError if the server violates the exchange.
    """
    session.phase = "auth"
    offered = session.capabilities.mechanisms
    chosen = plan(offered, credentials, channel, only=only, allowed=allowed)
    if not chosen.mechanisms:
        usable = plan(PREFERENCE, credentials, channel, allowed=allowed).mechanisms
        raise _nothing_shared(session, chosen, usable, channel)
    hide_secrets(session, credentials)
    side = ExchangeContext(
        channel,
        offered,
        nonce=secrets.token_urlsafe(18),
        host=session.peer.server.host,
        port=session.peer.server.port,
    )
    earlier: AuthenticationRefused | None = None
    first, *remaining = sorted(chosen.mechanisms, key=lambda name: name in last)
    step = NextMechanism(first, "")
    while True:
        mechanism = mechanisms.client(step.mechanism, credentials, side)
        attempt = yield from attempt_with(session, mechanism, credentials.username)
        _check_code(attempt.reply)
        if attempt.reply.is_success:
            session.mechanism = mechanism.name
            return mechanism.name
        refused = _refusal(session, attempt, mechanism.name)
        refused.__cause__ = earlier
        step = after_refusal(
            attempt.reply, remaining, secret_sent=attempt.secret_sent, to_command=attempt.to_command
        )
        if step.blames_mechanism:
            session.has_shown_secret = False
            session.refused_mechanisms.append(mechanism.name)
            session.left_mechanisms = bool(step.mechanism)
        if not (step.mechanism and session.is_usable):
            raise refused
        earlier, remaining = refused, remaining[1:]


def hide_secrets(session: ClientSession, credentials: Credentials) -> None:
    """Register secrets with the transcript, before anything is sent."""
    for secret in (credentials.password, credentials.token):
        if secret is not None:
            session.transcript.hide(secret.reveal())


def attempt_with(
    session: ClientSession, mechanism: Mechanism, username: str, *, waits: bool = False
) -> Conversation[MechanismResult]:
    """Run one mechanism to its end. Raises RemoteProtocolError if the server violates it.

    ``waits`` delays an initial response until the server asks for it, as some clients do.
    """
    exchange = mechanism.exchange()
    response = next(exchange)
    command, sent = f"AUTH {mechanism.name}", 0
    if response is not None:
        _hide(session, response, username)
        eager = f"{command} {encode_base64(response).decode() or '='}"
        if len(eager) + 2 <= MAX_COMMAND and not waits:
            command, response, sent = eager, None, 1
    session.has_shown_secret = sent >= mechanism.secret_in
    reply = yield from session.ask(command, "auth")
    to_command, document = True, ""
    while reply.code == CHALLENGE:
        if sent >= mechanism.secret_in:
            document = explained(_challenge(reply), session.transcript.redact)
        if response is None:
            response = yield from _respond(session, exchange, reply)
            _hide(session, response, username)
        to_command, sent = False, sent + 1
        session.has_shown_secret = sent >= mechanism.secret_in
        try:
            reply = yield from session.ask(encode_base64(response).decode(), "auth")
        except (Disconnected, TimedOut) as error:  # instead of the announced refusal
            error.args = (f"{error}{_document_note(document)}",)
            raise
        response = None
    if reply.is_success:
        _conclude(exchange, reply)
    return MechanismResult(reply, to_command, sent >= mechanism.secret_in, document)


def _check_code(reply: Reply) -> None:
    """Accept only 235 as a successful login (RFC 4954 4 and 6), as most clients do.

    Another 2yz may be the late reply to an earlier command: then every following reply would be
    assigned to the wrong command, and a refused message would count as delivered. A 3yz that is not
    a challenge is not a valid reply: the secret was sent, but the result is unknown.
    """
    if reply.code != _SIGNED_IN and not (reply.is_transient or reply.is_permanent):
        raise RemoteProtocolError(
            f"the server answered AUTH with {reply.code}, where only 235 means success: its "
            "replies may be out of step", str(reply),
        )  # fmt: skip


def _respond(session: ClientSession, exchange: Exchange, reply: Reply) -> Conversation[bytes]:
    try:
        response = exchange.send(_challenge(reply))
    except StopIteration:
        trouble = "the server asks for more than the mechanism provides"
    except MalformedChallenge as malformed:
        trouble = str(malformed)
    else:
        if response is not None:
            return response
        trouble = "the mechanism has nothing to send"
    yield from session.ask(CANCEL, "auth")
    redact = session.transcript.redact  # its reply may explain the failure
    raise RemoteProtocolError(redact(f"AUTH cancelled: {trouble}"), redact(str(reply)))


def _challenge(reply: Reply) -> bytes:
    """Decode a challenge; one that is not base64 (seen: ``334 Username:``) is used as it is."""
    text = reply.lines[-1].strip().encode("utf-8", "surrogateescape")
    try:
        return decode_base64(text)
    except ValueError:
        return text


def _conclude(exchange: Exchange, reply: Reply) -> None:
    try:
        conclude(exchange)
    except MalformedChallenge as unproven:
        raise RemoteProtocolError(str(unproven), str(reply)) from None


def _hide(session: ClientSession, response: bytes, username: str) -> None:
    """Redact a whole response; a user name alone (LOGIN) is not a secret."""
    if response != username.encode("utf-8", "surrogateescape"):
        session.transcript.hide_whole(response)


def _refusal(
    session: ClientSession, attempt: MechanismResult, mechanism: str
) -> AuthenticationRefused:
    offered, reply = session.capabilities.mechanisms, attempt.reply
    if attempt.document:
        reply = reply.because(f"{reply}{_document_note(attempt.document)}")
    error = AuthenticationRefused(reply, mechanism, offered)
    if reply.code == _UNRECOGNIZED and mechanism not in offered:
        error.slug = "mechanism_not_offered"
    return error


def _document_note(document: str) -> str:
    return f" (its error document: {document})" if document else ""


def _nothing_shared(
    session: ClientSession, chosen: Plan, usable: tuple[str, ...], channel: Channel
) -> NoSharedMechanism:
    offered = session.capabilities.mechanisms
    error = NoSharedMechanism(offered, usable, chosen)
    if not offered:
        hidden = not channel.encrypted and "STARTTLS" in session.capabilities
        error.slug = "starttls_required" if hidden else "auth_not_advertised"
        return error
    causes = [each.finding for each in chosen.skipped(offered) if each.finding]
    others = [each for each in causes if each != error.slug]
    if others:  # a mechanism that could be used against one that is offered
        error.slug = others[0]
    return error
