"""Cache for the tokens of all sources, with renewal in advance and one request per identity."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepost.client.tokens.contract import AccessToken, TokenSource, unreadable
from gatepost.errors import ConfigError, NoDescriptor, TokenError
from gatepost.model.secret import Secret
from gatepost.net.descriptors import no_descriptor

LAST_RESPONSES: Final = 1.0
"""Seconds to wait for current requests when the cache is closed."""
DEADLINE: Final = 60.0
"""Seconds after which a request for a token fails."""
AHEAD: Final = 300.0
"""Seconds before its expiry at which a token is renewed, or after 4/5 of its life if earlier."""
MARGIN: Final = 30.0
"""Seconds before its expiry from which a token is not used, because it must reach the server."""
FRESH: Final = 60.0
"""Age in seconds up to which a refused token that replaced a refused one is not renewed again: the
cause is not the token."""


@dataclass(frozen=True, slots=True)
class RetryWaits:
    """Seconds to wait after a failure, and the factor for each further one."""

    passing: float = 2.0
    """After a temporary failure."""
    final: float = 30.0
    """After a refusal that the operator must solve."""
    factor: float = 2.0
    longest: float = 600.0


@dataclass(slots=True)
class _Entry:
    """The state of one identity and scope."""

    token: AccessToken | None = None
    requested_at: float = 0.0
    rejected: AccessToken | None = None
    """The token that was refused last."""
    is_replacement: bool = False
    """Whether the token was requested because the one before it was refused."""
    is_final: bool = False
    """Whether the token that was refused last is not to be replaced at once (see ``FRESH``)."""
    flight: asyncio.Task[None] | None = None
    failure: TokenError | NoDescriptor | None = None
    failures: int = 0
    retry_at: float = 0.0

    def is_good(self, now: float) -> bool:
        token = self.token
        if token is None:
            return False
        margin = min(MARGIN, token.lifetime / 10)
        return now < self.requested_at + token.lifetime - margin

    def wants_renewal(self, now: float) -> bool:
        token = self.token
        if token is None:
            return True
        after = max(min(token.lifetime * 0.8, token.lifetime - AHEAD), token.lifetime / 2)
        return now >= self.requested_at + after


class TokenCache:
    """Holds the tokens of all sources.

    A token is renewed while it is still valid, so that nobody waits; meanwhile callers get the old
    one. After a failure no new request is made for a time, which grows with each failure.
    ``seconds`` is a monotonic clock.
    """

    def __init__(
        self, seconds: Callable[[], float] = time.monotonic, patience: RetryWaits = RetryWaits()
    ) -> None:
        self._seconds, self._patience = seconds, patience
        self._entries: dict[tuple[str, str], _Entry] = {}

    async def get(self, source: TokenSource, scope: str) -> Secret:
        """Return a valid token of ``source`` for ``scope``. Raises TokenError or NoDescriptor."""
        entry = self._entries.setdefault((source.identity, scope), _Entry())
        now = self._seconds()
        if entry.wants_renewal(now) and entry.flight is None and now >= entry.retry_at:
            entry.flight = asyncio.create_task(self._renew(entry, source, scope))
        if not entry.is_good(now) and entry.flight is not None:
            await asyncio.shield(entry.flight)
            now = self._seconds()
        if entry.token is not None and entry.is_good(now):
            return entry.token.secret
        raise _again(entry, now)

    def try_replace(self, source: TokenSource, scope: str, secret: Secret) -> bool:
        """Note that a server refused the token ``secret``; it is not used any more.

        Return True if another token may be tried at once: each refused token is replaced once, so
        that a permission or key that is a moment old, or a token that was revoked, costs no mail a
        pause; a replacement that is refused, too, is not replaced before the next attempt.
        """
        entry = self._entries.get((source.identity, scope))
        if entry is None:
            return False
        if entry.token is not None and entry.token.secret == secret:
            entry.rejected, entry.token = entry.token, None
            entry.is_final = entry.is_replacement and self._seconds() - entry.requested_at <= FRESH
        if entry.token is not None or entry.rejected is None:
            return entry.token is not None  # there is a newer one
        # several callers may report the same token; all get the same answer
        return entry.rejected.secret != secret or not entry.is_final

    def forgive(self) -> None:
        """Forget all failures, so that tokens are requested at once; the operator asked for it."""
        for each in self._entries.values():
            each.failures, each.retry_at = 0, 0.0

    async def close(self) -> None:
        """Cancel requests after LAST_RESPONSES seconds: one may still bring a new refresh token."""
        flights = [each.flight for each in self._entries.values() if each.flight is not None]
        if flights:
            await asyncio.wait(flights, timeout=LAST_RESPONSES)
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._entries.clear()

    async def _renew(self, entry: _Entry, source: TokenSource, scope: str) -> None:
        requested_at = self._seconds()
        try:
            async with asyncio.timeout(DEADLINE):
                token = await source.fetch(scope)
            entry.is_replacement = entry.token is None and entry.rejected is not None
            entry.token, entry.requested_at = token, requested_at
        except TokenError as error:
            self._note(entry, error)
        except NoDescriptor as error:  # the source is not to blame, so it may be asked again
            entry.failure = error
        except ConfigError as error:
            text = f"{source.identity} has no usable secret: {error}"
            self._note(entry, unreadable(text))
        except TimeoutError:
            text = f"{source.identity} gave no token within {DEADLINE:g} s"
            self._note(entry, TokenError(text, is_transient=True))
        except Exception as error:  # noqa: BLE001 - a source of somebody else's; its text may tell
            text = f"{source.identity} failed: {type(error).__name__}"
            self._note(entry, TokenError(text, is_transient=True))
        else:
            entry.failure, entry.failures, entry.retry_at = None, 0, 0.0
        finally:
            entry.flight = None

    def _note(self, entry: _Entry, error: TokenError) -> None:
        patience = self._patience
        first = patience.passing if error.is_transient else patience.final
        wait = min(first * patience.factor ** min(entry.failures, 32), patience.longest)
        entry.failures += 1
        entry.failure = error
        entry.retry_at = self._seconds() + max(wait, error.retry_after)


def _again(entry: _Entry, now: float) -> TokenError | NoDescriptor:
    """Return a copy of the remembered failure, because each error object is raised only once."""
    failure = entry.failure
    if failure is None:
        text = "the provider issued an expired token; is one of the two clocks wrong?"
        return TokenError(text, is_transient=True)
    if isinstance(failure, NoDescriptor):
        return no_descriptor().at("connect")
    copy = TokenError(str(failure), is_transient=failure.is_transient)
    vars(copy).update(vars(failure), retry_after=max(0.0, entry.retry_at - now))
    copy.__cause__ = failure.__cause__
    return copy
