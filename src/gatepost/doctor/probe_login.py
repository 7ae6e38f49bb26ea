"""AUTH as the client in question does it, then as the server offers.

The secret is sent once, and only to a verified server. A mechanism that need not be tried with it
is only asked about: ``AUTH X``, cancelled with ``*``.
"""

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from gatepost.client.authentication import attempt_with, channel_of
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.doctor.probe_connection import NOTHING, Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.doctor.provider_profiles import unlisted_mechanisms
from gatepost.errors import Disconnected, RemoteProtocolError, TimedOut
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import AuthAttempt, EhloExchange, ResponseFormat
from gatepost.model.reply import Reply
from gatepost.sasl import mechanisms
from gatepost.sasl.exchange import ExchangeContext, UnusableCredentials
from gatepost.sasl.negotiate import plan

CHALLENGE: Final = 334
Form = Literal["initial", "bare"]
_NOT_LIKE_THIS: Final = frozenset({500, 501, 502, 504})
"""Codes that refuse the command, not the secret that came with it (RFC 4954 4)."""
NOBODY: Final = base64.b64encode(b"nobody@client.example.com").decode()
"""A user name for requests whose form alone matters."""


class Attempts:
    """Every AUTH on one connection, in order."""

    def __init__(
        self, visit: Visit, talk: Talk, offered: tuple[str, ...], renew: Callable[[], Talk]
    ) -> None:
        self.visit = visit
        self.talk = talk
        self._renew = renew
        self.offered = offered
        self.library = LIBRARIES.get(visit.settings.library)
        self.made: list[AuthAttempt] = []
        self.channel = channel_of(talk.session)

    def make(self) -> None:
        """Ask, and sign in if that is safe."""
        asks = self.visit.needs_login or self.visit.checks.try_all
        if not asks and self.visit.settings.tls != "none":
            return
        choice = self._clients_choice()
        credentials = self.visit.credentials
        if credentials is None or not self.channel.is_private:
            self._ask_only(choice)
            if self.visit.checks.try_all:
                self._ask_all_forms()
            return
        if choice and choice not in self.offered:
            self._ask(choice)
        self._sign_in(credentials, choice)

    def _clients_choice(self) -> str:
        """Return what the client would use; without a client, nothing in particular."""
        if self.library is not None:
            return self.library.first_choice(self.offered)
        if self.visit.settings.tls == "none":
            return self.offered[0] if self.offered else "LOGIN"
        return ""

    def _ask_only(self, choice: str) -> None:
        """Show, without a secret, that the client's mechanism is refused and another accepted."""
        if choice:
            self._ask_in_its_form(choice)
        if self.library is None or any(attempt.accepted for attempt in self.made):
            return
        other = self.library.could_use(tuple(name for name in self.offered if name != choice))
        if other:
            self._ask(other)

    def _ask_all_forms(self) -> None:
        """PLAIN, and LOGIN in both forms up to the prompt for the password, where listed."""
        for name, initial in (("PLAIN", ""), ("LOGIN", ""), ("LOGIN", NOBODY)):
            form = "initial" if initial else "bare"
            was_asked = any((each.mechanism, each.form) == (name, form) for each in self.made)
            if name in self.offered and not was_asked:
                if not self.talk.session.is_usable:
                    self.talk = self._renew()
                self._ask(name, initial)

    def _ask_in_its_form(self, mechanism: str) -> None:
        """Send LOGIN as the library does, up to the prompt for the password; then in the other
        form."""
        eager = self.library is not None and mechanism in self.library.initial
        if mechanism == "LOGIN" and eager:
            self._ask(mechanism, NOBODY)
            if self.made and self.made[-1].accepted:
                return
        self._ask(mechanism)

    def _ask(self, mechanism: str, initial: str = "") -> None:
        """``AUTH X``; a prompt is answered with ``*`` (RFC 4954 4)."""
        if not self.talk.session.is_usable:
            return
        try:
            reply = self.talk.ask(f"AUTH {mechanism} {initial}".rstrip(), "auth")
        except (Disconnected, TimedOut):
            self._left_without(mechanism, "initial" if initial else "bare", secret_sent=False)
            raise
        taken = reply.code == CHALLENGE
        cancelled = taken and self.talk.session.is_usable
        if cancelled:
            self.talk.ask("*", "auth")
        self.made.append(
            AuthAttempt(
                mechanism,
                "initial" if initial else "bare",
                reply,
                self._is_encrypted,
                cancelled=cancelled,
                accepted=taken,
            )
        )

    def _left_without(
        self, mechanism: str, form: Form, *, secret_sent: bool, reply: Reply = NOTHING
    ) -> None:
        """Note that the server disconnected, or sent no reply or an invalid one."""
        attempt = AuthAttempt(mechanism, form, reply, self._is_encrypted, secret_sent=secret_sent)
        self.made.append(attempt)

    def _sign_in(self, credentials: Credentials, choice: str) -> None:
        planned = plan(self.offered, credentials, self.channel).mechanisms
        if not planned and credentials.token is not None:
            planned = self._taken_unlisted(credentials)
        order = [name for name in planned if name == choice]
        order += [name for name in planned if name != choice]
        for name in order:
            if not self._may_go_out():
                break
            if self.talk.session.is_usable:
                self._try_its_forms(name, credentials)
        if self._has_only_acted() and self._may_go_out() and self.talk.session.is_usable:
            self._try("PLAIN", credentials, eager=True, fill=False)
        self._look_on(order)

    def _may_go_out(self) -> bool:
        """Whether the secret may be sent (again: then on a new connection, after a pause)."""
        if any(attempt.secret_sent for attempt in self.made):
            if not self.visit.checks.try_all:
                return False
            time.sleep(self.visit.patience.pause)
            self.talk = self._renew()  # signed in, or refused once too often for some
        return True

    def _has_only_acted(self) -> bool:
        """Tell whether only a PLAIN with an authorization identity was judged, and refused."""
        judged = [attempt for attempt in self.made if attempt.secret_sent]
        return bool(judged) and all(
            attempt.responses and not attempt.reply.is_success for attempt in judged
        )

    def _try_its_forms(self, name: str, credentials: Credentials) -> None:
        """Try the library's form first, and the other one if the form was refused."""
        own = self.library is None or name in self.library.initial
        forms = {"LOGIN": (True, False) if self.library and own else (False,),
                 "PLAIN": (True,) if own else (False, True)}  # fmt: skip
        for eager in forms.get(name, (True,)):
            if self._try(name, credentials, eager=eager):
                return

    def _look_on(self, order: list[str]) -> None:
        """Ask, without the secret, what would be accepted in place of a refused form."""
        last = self.made[-1] if self.made else None
        if last is None or not last.secret_sent or last.reply.code not in _NOT_LIKE_THIS:
            return
        if last.form == "initial":
            self._ask(last.mechanism)
        for name in order:
            if self.made[-1].accepted:
                return
            if all(each.mechanism != name for each in self.made):
                self._ask(name)

    def _taken_unlisted(self, credentials: Credentials) -> tuple[str, ...]:
        """Return mechanisms that accept a token although EHLO does not list them, as with Azure
        Communication Services."""
        hello = EhloExchange("", Reply(250), self.talk.session.capabilities)
        taken = unlisted_mechanisms(self.visit.server.host, hello)
        plans = [plan(self.offered, credentials, self.channel, only=name) for name in taken]
        return tuple(name for each in plans for name in each.mechanisms)

    def _try(self, name: str, credentials: Credentials, *, eager: bool, fill: bool = True) -> bool:
        """Run one mechanism with the secret; return whether that, or a proof of it, was sent.

        ``eager``: with the first response on the AUTH line. ``fill`` does in PLAIN's first field
        what the library does.
        """
        session, server = self.talk.session, self.visit.server
        if not session.is_usable:
            return False
        side = ExchangeContext(
            self.channel,
            self.offered,
            nonce=secrets.token_urlsafe(18),
            eager_login=eager and name == "LOGIN",
            host=server.host,
            port=server.port,
        )
        is_acting = name == "PLAIN" and fill and bool(self.library and self.library.fills_authzid)
        if is_acting:
            credentials = replace(credentials, authzid=credentials.username)
        try:
            mechanism = mechanisms.client(name, credentials, side)
        except UnusableCredentials:
            return False
        form: Form = "initial" if mechanism.speaks_first and eager else "bare"
        try:
            attempt = self.talk.run(
                attempt_with(session, mechanism, credentials.username, waits=not eager)
            )
        except (Disconnected, TimedOut, RemoteProtocolError) as error:
            sent = self.talk.responses_sent >= mechanism.secret_in
            has_prompt = isinstance(error, RemoteProtocolError)  # not the one that was expected
            reply = Reply(CHALLENGE) if has_prompt else NOTHING
            self._left_without(name, form, secret_sent=sent, reply=reply)
            raise
        reply = self.talk.clean(attempt.reply)
        self.made.append(
            AuthAttempt(
                name,
                form,
                reply,
                self._is_encrypted,
                secret_sent=attempt.secret_sent,
                accepted=reply.is_success or not attempt.to_command,
                responses=(ResponseFormat(authzid=True),) if is_acting else (),
            )
        )
        return attempt.secret_sent

    @property
    def _is_encrypted(self) -> bool:
        return self.talk.session.facts is not None
