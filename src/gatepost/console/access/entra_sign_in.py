"""Signing in at the Entra tenant of the directory: the authorization code flow with PKCE.

OpenID Connect Core 1.0 3.1, RFC 7636, RFC 9700 2.1. What a sign-in needs later is in a cookie of
the browser that began it, and everything secret is derived from that cookie with a key of this
process, so that those who begin sign-ins without an end use up nothing here.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlencode

from gatepost.client.tokens.entra_code import SCOPE, CodeExchange
from gatepost.client.tokens.token_requests import error_name, error_number
from gatepost.diagnosis.entra.codes import CODES
from gatepost.directory.entra_id_tokens import EntraPerson, IdTokens
from gatepost.directory.entra_issuers import Faulty, TenantIssuers, TokenIssuer
from gatepost.errors import GatepostError, TokenError
from gatepost.model.console_access import ROLES, ConsoleRole, ConsoleUser

START: Final = "/sign-in/entra"
CALLBACK: Final = "/sign-in/entra/callback"
"""The path of the redirect URI."""
LIFETIME: Final = 600.0
"""Seconds that a sign-in may take."""
LASTS: Final = 8 * 3600.0
"""Seconds after which a login ends, so that a role taken away there does not stay here."""
_LONGEST_PATH: Final = 1_024
_LONGEST_CODE: Final = 8_192
_AT_ONCE: Final = 8
"""Codes that are exchanged at the same time."""
_WAITING: Final = 32
"""Exchanges that may wait; others are refused."""
_REMEMBERED: Final = 1_000
"""Sign-ins whose second use is refused; Entra refuses every second use of a code."""
_COOKIE: Final = re.compile(r"[\w-]{32}\.\d{1,12}\.[\w-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConsoleApplication:
    """The console as the tenant knows it."""

    tenant: str
    client_id: str
    roles: Mapping[ConsoleRole, tuple[str, ...]]
    """The app roles and groups, in lower case, that have each role."""

    def role_of(self, person: EntraPerson) -> ConsoleRole | None:
        """Return the highest role of a person; None if there is none."""
        theirs = [each for each in ROLES if person.roles & set(self.roles.get(each, ()))]
        return theirs[-1] if theirs else None


class SignInFailed(Exception):
    """``problem`` is the end of the key of a text for the person, with ``values``; the message is
    for the operator."""

    def __init__(self, problem: str, reason: str, *, is_ours: bool = False, **values: str) -> None:
        """``is_ours``: it is no sign of a wrong credential."""
        super().__init__(reason)
        self.problem, self.is_ours, self.values = problem, is_ours, values


class Beginning(NamedTuple):
    """Where the browser goes, and the cookie that it keeps meanwhile."""

    url: str
    cookie: str


class EntraSignIn:
    """Sign-ins at one tenant; ``clock`` returns seconds since 1970, ``seconds`` is monotonic."""

    def __init__(
        self,
        application: ConsoleApplication,
        issuers: TenantIssuers,
        exchange: CodeExchange,
        clock: Callable[[], float],
        seconds: Callable[[], float],
    ) -> None:
        self.application = application
        self._issuers, self._exchange, self._seconds = issuers, exchange, seconds
        self._tokens = IdTokens(issuers, application.tenant, application.client_id, clock)
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[bytes, None] = OrderedDict()
        self._exchanges, self._waiting = asyncio.Semaphore(_AT_ONCE), 0

    async def begin(self, redirect_uri: str, path: str) -> Beginning:
        """Begin a sign-in that leads to ``path`` here. Raises SignInFailed."""
        issuer = await self._issuer()
        path = path if len(path) <= _LONGEST_PATH else "/"
        cookie = f"{secrets.token_urlsafe(24)}.{int(self._seconds())}.{_encode(path.encode())}"
        challenge = hashlib.sha256(self._derive("verifier", cookie).encode()).digest()
        query = {
            "client_id": self.application.client_id,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": self._derive("state", cookie),
            "nonce": self._derive("nonce", cookie),
            "code_challenge": _encode(challenge),
            "code_challenge_method": "S256",
        }
        return Beginning(f"{issuer.authorization_endpoint}?{urlencode(query)}", cookie)

    async def finish(
        self, answer: Mapping[str, str], cookie: str, redirect_uri: str
    ) -> tuple[ConsoleUser, str]:
        """Return who has signed in, and the path that was wanted. Raises SignInFailed.

        ``answer`` has the parameters with which Entra sent the browser back.
        """
        path = self._use(answer.get("state", ""), cookie)
        if "error" in answer:
            raise _refused(error_name(answer), error_number(answer))
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInFailed("entra_stale", "entra_no_code: Entra sent no authorization code")
        issuer = await self._issuer()
        verifier = self._derive("verifier", cookie)
        token = await self._exchange_code(issuer.token_endpoint, code, redirect_uri, verifier)
        person = await self._tokens.verify(token, self._derive("nonce", cookie))
        if isinstance(person, Faulty):
            if person.is_transient:
                raise SignInFailed("entra_unavailable", str(person), is_ours=True)
            raise SignInFailed("entra_token", str(person))
        return self._user_of(person), path

    def _use(self, state: str, cookie: str) -> str:
        """Return the wanted path of a sign-in, once."""
        expected = self._derive("state", cookie)
        is_ours = _COOKIE.fullmatch(cookie) and hmac.compare_digest(
            state.encode("utf-8", "surrogatepass"), expected.encode()
        )
        if not is_ours:
            raise SignInFailed(
                "entra_stale", "entra_state: the sign-in was not begun in this browser"
            )
        _, began, path = cookie.split(".")
        if self._seconds() - int(began) > LIFETIME:
            raise SignInFailed("entra_stale", "entra_late: the sign-in took too long")
        if expected.encode() in self._used:
            raise SignInFailed("entra_stale", "entra_again: the sign-in was used already")
        self._used[expected.encode()] = None
        if len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        return base64.urlsafe_b64decode(path + "=" * (-len(path) % 4)).decode()

    async def _issuer(self) -> TokenIssuer:
        issuer = await self._issuers.of(self.application.tenant)
        if isinstance(issuer, Faulty):
            raise SignInFailed("entra_unavailable", str(issuer), is_ours=True)
        return issuer

    async def _exchange_code(
        self, endpoint: str, code: str, redirect_uri: str, verifier: str
    ) -> str:
        if self._waiting >= _WAITING:
            raise SignInFailed("entra_unavailable", "busy: too many sign-ins wait", is_ours=True)
        self._waiting += 1
        try:
            async with self._exchanges:
                token = await self._exchange.exchange(endpoint, code, redirect_uri, verifier)
        except TokenError as error:
            if error.is_transient:
                reason = f"entra_unavailable: {error}"
                raise SignInFailed("entra_unavailable", reason, is_ours=True) from None
            raise _refused(error.error, error.number) from None
        except GatepostError as error:
            reason = f"entra_settings: {error}"
            raise SignInFailed("entra_settings", reason, is_ours=True, code="") from None
        finally:
            self._waiting -= 1
        return token.reveal()

    def _user_of(self, person: EntraPerson) -> ConsoleUser:
        role = self.application.role_of(person)
        if role is not None:
            return ConsoleUser(person.name, role, "entra")
        if person.has_too_many_groups:
            raise SignInFailed(
                "entra_groups", f"entra_groups: the token of {person.name} has not all groups",
                name=person.name,
            )  # fmt: skip
        raise SignInFailed(
            "entra_role", f"entra_role: {person.name} has no app role or group of [console.entra]",
            name=person.name,
        )  # fmt: skip

    def _derive(self, what: str, cookie: str) -> str:
        return _encode(hmac.digest(self._key, f"{what} {cookie}".encode(), "sha256"))


def _refused(error: str, number: int) -> SignInFailed:
    """Return the failure for an OAuth error and an AADSTS number, 0 for none."""
    name = f"AADSTS{number}" if number else error or "no reason"
    known = CODES.get(number)
    reason = f"entra_refused: Entra did not sign the person in: {error} {name}".rstrip()
    if known is not None:
        reason = f"{reason}: {known.proves} {known.fix}"
    if error in ("invalid_client", "unauthorized_client", "invalid_request"):
        return SignInFailed("entra_settings", reason, code=name)
    if error in ("access_denied", "consent_required", "interaction_required", "login_required"):
        return SignInFailed("entra_declined", reason, code=name)
    if error in ("server_error", "temporarily_unavailable"):
        return SignInFailed("entra_unavailable", reason, is_ours=True)
    return SignInFailed("entra_refused", reason, code=name)


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
