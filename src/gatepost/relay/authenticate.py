"""One AUTH: runs the mechanism's exchange between the session and the directory."""

import re
import secrets
from collections.abc import Callable
from dataclasses import field, replace
from functools import lru_cache
from typing import Final

from gatepost.model.credentials import Principal
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import When
from gatepost.policy.networks import counted_as
from gatepost.relay.shared_by_connections import Relay
from gatepost.sasl.channel import ChannelBinding
from gatepost.sasl.interview import (
    Answer,
    Challenge,
    Interview,
    Lookup,
    MalformedResponse,
    ServerSide,
    Verify,
    refuse_all,
)
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.wire.server.session import Session, SessionSettings, replies_of

_NAMES: Final = re.compile(
    r"[^@\s;=]{1,64}@[\w.-]{1,253}"  # a mailbox
    r"|[-\w]{1,63}([.|])[0-9a-f-]{36}\1[0-9a-f-]{36}",  # resource, application, tenant
    re.IGNORECASE,
)
_SHORT: Final = 20
_BROKEN: Final = "mechanism_broken: the proof is correct, but the profile refuses this mechanism"
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]*")


def shown_name(username: str) -> str:
    """Return what a log may show of a user name.

    Sometimes a secret, key or connection string is entered as the user name. Of a name without a
    known form, only the first characters and the length are shown.
    """
    if len(username) <= _SHORT or _NAMES.fullmatch(username):
        return username
    return f"{username[:4]}... ({len(username)} characters)"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the AUTH command said, and the connection that it came on."""

    mechanism: str
    initial: bytes | None = field(repr=False)
    """The initial response; None if there was none."""
    bindings: tuple[ChannelBinding, ...] = ()
    """Channel bindings of this connection's certificate; none without TLS."""
    peer: str = ""
    """The client's address."""


@lru_cache(maxsize=64)
def _side_of(
    setting: SessionSettings, offered: frozenset[str], bindings: tuple[ChannelBinding, ...]
) -> ServerSide:
    """Return what is the same for all logins on a channel; the nonce is added later."""
    rules = setting.profile.auth
    return ServerSide(
        host=setting.host,
        offered=offered,
        bindings=bindings,
        refusal=replies_of(setting).AUTH_FAILED,
        scope=rules.token_scope,
        explains=rules.explains_tokens,
        refuses_authzid=rules.refuses_authzid,
        prompts=rules.login_prompts,
    )


class Authentication:
    """Exists from AUTH to its verdict, which is passed to ``conclude``."""

    __slots__ = (
        "_claim", "_conclude", "_interview", "_relay", "_session", "_when", "claimed", "mechanism",
        "username",
    )  # fmt: skip

    def __init__(
        self,
        relay: Relay,
        session: Session,
        claim: Claim,
        when: When,
        conclude: Callable[["Authentication", Principal | Reply], None],
    ) -> None:
        self._relay = relay
        self._claim = claim
        self._session = session
        self._when = when
        self._conclude = conclude
        self._interview: Interview
        self.mechanism = claim.mechanism
        self.claimed = ""
        """The user name that the client claims; a secret, if it confuses the two."""
        self.username = ""
        """The user name that the client claims, as a log may show it; empty until it has sent one.
        """

    def begin(self) -> None:
        """Start."""
        session, initial = self._session, self._claim.initial
        side = _side_of(session.setting, session.offer.mechanisms, self._claim.bindings)
        mechanism = MECHANISMS.get(self.mechanism)
        if mechanism is None:
            self._interview = refuse_all(initial, side)
        else:
            if not mechanism.kind.reveals_secret:  # the proof includes the nonce
                side = replace(side, nonce=secrets.token_urlsafe(18))
            self._interview = mechanism.interviewer(initial, side)
        self._advance(None)

    def respond(self, response: bytes) -> None:
        """Continue with the client's response to a challenge."""
        self._advance(response)

    def close(self) -> None:
        """Abandon the exchange."""
        self._interview.close()

    def _advance(self, answer: Answer | None) -> None:
        try:
            question = self._interview.send(answer)  # type: ignore[arg-type]  # None starts it
        except StopIteration as done:
            self._conclude(self, self._in_our_words(done.value))
            return
        except MalformedResponse as error:
            reason = f"response_malformed: {error}"
            self._conclude(self, self._session.replies.BAD_RESPONSE.because(reason))
            return
        directory = self._relay.directory
        match question:
            case Challenge(data):
                self._session.challenge(data)
            case Lookup(username, mechanism):
                self.claimed, self.username = username, shown_name(username)
                if self._is_misnamed(username):
                    return
                self._when(directory.verifier(username, mechanism), self._advance)
            case Verify(credentials, mechanism):
                self.claimed = credentials.username
                self.username = shown_name(credentials.username)
                if self._is_misnamed(credentials.username):
                    return
                presented: tuple[str, ...] = ()
                if credentials.certificate:
                    presented = self._session.presented
                    named = (*presented[1:], *presented, "")[0]  # a name, not the digest
                    self.username = shown_name(credentials.authzid) or named
                credentials = credentials.of_peer(counted_as(self._claim.peer), presented)
                self._when(directory.identify(credentials, mechanism), self._judge)

    def _judge(self, verdict: Principal | Reply) -> None:
        self._advance(self._unless_broken(verdict))

    def _unless_broken(self, verdict: Principal | Reply) -> Principal | Reply:
        if isinstance(verdict, Reply) or self.mechanism not in self._session.profile.auth.broken:
            return verdict
        return self._session.replies.AUTH_FAILED.because(_BROKEN)

    def _is_misnamed(self, username: str) -> bool:
        """Refuse a user name without the provider's form; True if that was done."""
        pattern = self._session.profile.auth.username_pattern
        if not pattern or re.fullmatch(pattern, username):
            return False
        reason = "username_format: the user name does not have the format that the profile requires"
        self._conclude(self, self._session.replies.USERNAME_MALFORMED.because(reason))
        return True

    def _in_our_words(self, verdict: Principal | Reply) -> Principal | Reply:
        """Return the profile's refusal: always the same one, if the provider does not tell why."""
        verdict = self._unless_broken(verdict)
        if isinstance(verdict, Principal) or verdict.is_transient:
            return verdict
        slug = verdict.reason.partition(":")[0]
        told = self._session.profile.refusals.get(slug, self._session.replies.AUTH_FAILED)
        refusal = told.because(verdict.reason)
        if self._session.profile.directory.reveal_reason and _SLUG.fullmatch(slug):
            return replace(refusal, text=f"{refusal.text} (gatepost: {slug})")
        return refusal
