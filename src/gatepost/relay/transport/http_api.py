"""Requests to an e-mail API, and the meaning of its answers, by status and code, never by text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from gatepost.client.http_sign_in import AccessKeySignIn, HttpSignIn
from gatepost.errors import Phase, Refused
from gatepost.model.delivery import Verdict, VerdictKind
from gatepost.model.reply import Esc, Reply
from gatepost.model.transcript import Transcript
from gatepost.net.http_client import Http, HttpRequest, HttpResponse

PAUSE: Final = 60.0
"""Seconds to wait after a 429 without Retry-After."""
SENDING: Final = 300.0
"""Seconds for a request with a message: a large one over a slow line takes longer than a query, and
a message whose request is abandoned too early arrives twice."""
SKEW: Final = 300.0
"""Seconds by which two clocks may differ before a refused signature is blamed on that."""
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_MESSAGE: Final = 300
"""Maximum number of characters of a provider's text that are shown."""
_CHALLENGE: Final = re.compile(r'\berror(?:_description)?="([^"]*)"')
_QUOTED: Final = re.compile(r"\S{32,}")
"""What may be part of a token, if a provider quotes what it refuses."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of one status or code, as the kind of a verdict and the codes of an SMTP reply.

    The text of the reply is made from the answer. If the message is refused, it contains the
    provider's text, because the sender reads it in the bounce.
    """

    kind: VerdictKind
    code: int
    status: Esc
    phase: Phase = "content"
    slug: str = ""
    hint: str = ""
    """Explanation for the operator of a refused login, in front of the provider's text."""


_NOT_KNOWN: Final = "this API does not accept the key or token (RFC 9110 15.5.2)"
_NOT_ALLOWED: Final = (
    "the identity lacks a role or permission here, or a proxy forbids it (RFC 9110 15.5.4)"
)
# fmt: off
_BY_STATUS: Final[Mapping[int, Meaning]] = {
    400: Meaning("failed",   554, Esc(5, 6, 0)),
    401: Meaning("deferred", 535, Esc(5, 7, 8), "auth", hint=_NOT_KNOWN),
    403: Meaning("deferred", 535, Esc(5, 7, 8), "auth", hint=_NOT_ALLOWED),
    408: Meaning("deferred", 451, Esc(4, 4, 2)),
    409: Meaning("deferred", 451, Esc(4, 3, 0)),
    413: Meaning("failed",   552, Esc(5, 3, 4)),
    422: Meaning("failed",   554, Esc(5, 6, 0)),
    429: Meaning("deferred", 451, Esc(4, 7, 0)),
}
# fmt: on
_ELSE: Final = Meaning("deferred", 451, Esc(4, 3, 0))
"""Redirections, wrong endpoints and server errors: not about the message."""
_OF_A_MESSAGE: Final = frozenset({400, 422})
"""Statuses that refuse a message only together with one of this API's codes for messages."""
_OF_NO_API: Final = frozenset({200, 204, 301, 302, 303, 307, 308, 400, 404, 405, 410, 415, 422})
"""Statuses that, without a code, come from another server than this API: the configuration is
wrong."""
NOT_THIS_API: Final = Meaning(
    "deferred", 554, Esc(5, 3, 5), "auth",
    hint="this is not a reply of the API: the target's endpoint is another server",
)  # fmt: skip
"""Nothing gets through (RFC 3463 3.4: system incorrectly configured)."""
OF_THE_REQUEST: Final[Mapping[str, Meaning]] = dict.fromkeys(
    ("InvalidApiVersionParameter", "MissingApiVersionParameter", "NoRegisteredProviderFound",
     "UnsupportedApiVersion", "UnsupportedApiVersionValue", "UnsupportedMediaType"),
    NOT_THIS_API,
)  # fmt: skip
"""Codes of the Azure REST API Guidelines and of Resource Manager that do not concern a message."""


class ApiRefused(Refused):
    """An API refused a message or our login. ``retry_after`` is in seconds."""

    def __init__(self, reply: Reply, kind: VerdictKind, code: str, retry_after: float) -> None:
        super().__init__(reply, "")
        self.kind, self.code, self.retry_after = kind, code, retry_after

    @property
    def verdict(self) -> Verdict:
        """The verdict on every recipient of the request."""
        return Verdict(self.kind, self.reply, is_remote=True)


class MailApi:
    """One API with our login. ``known`` has the codes that say more than the HTTP status; ``own``
    matches all codes with which the API may refuse a message."""

    def __init__(
        self,
        http: Http,
        sign_in: HttpSignIn,
        codes: Mapping[str, Meaning],
        own: "re.Pattern[str]",
    ) -> None:
        self._http, self.sign_in, self._own = http, sign_in, own
        self._codes = {**OF_THE_REQUEST, **codes}
        self._hidden = "", Transcript()
        """The last token, and the pattern that removes it from texts."""

    async def ask(self, request: HttpRequest) -> HttpResponse:
        """Send a request with credentials, and return the answer. A refused token is renewed once.

        The status is what counts: a message that was accepted is not sent again because the rest of
        the answer was lost. Raises NetworkError, RemoteProtocolError, LocalProtocolError and
        TokenError.
        """
        request = replace(request, may_break_off=True)
        signed = await self.sign_in.authorize(request)
        response = await self._http.ask(signed)
        if response.status == 401 and self.sign_in.try_replace(signed):
            signed = await self.sign_in.authorize(request)
            response = await self._http.ask(signed)
            if response.status == 401:
                self.sign_in.try_replace(signed)  # the next attempt must not begin with it
        return self._without_token(response, signed)

    def refused(self, response: HttpResponse, now: datetime) -> ApiRefused:
        """Return the error for an answer that is not a success."""
        facts = error_of(response.document()) or _challenge(response)
        code = code_of({"code": response.headers.get("x-ms-error-code")}) or code_of(facts)
        retry_after = response.retry_after(now)
        if response.status == 429 and not retry_after:
            retry_after = PAUSE
        what, status = f"HTTP {response.status}", response.status
        if status in _OF_NO_API and not code:
            return as_refused(NOT_THIS_API, what, "", facts, retry_after)
        if status in _OF_A_MESSAGE and not self._own.fullmatch(code):
            status = 0
        meaning = self._meaning(status, code)
        if status == 401 and isinstance(self.sign_in, AccessKeySignIn):
            meaning = replace(meaning, hint=wrong_clock(response, now) or meaning.hint)
        return as_refused(meaning, what, code, facts, retry_after)

    def meant(self, what: str, status: int, code: str, facts: Mapping[str, Any]) -> ApiRefused:
        """Return the error for a status and a code; ``what`` begins its text."""
        return as_refused(self._meaning(status, code), what, code, facts, 0.0)

    def _meaning(self, status: int, code: str) -> Meaning:
        return self._codes.get(code) or _BY_STATUS.get(status, _ELSE)

    def _without_token(self, response: HttpResponse, signed: HttpRequest) -> HttpResponse:
        """Remove the bearer token from an answer, because texts of answers end up in bounces and
        logs."""
        scheme, _, token = signed.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return response
        codes, hidden = self._hidden
        if codes != token:
            hidden = Transcript()
            hidden.hide(token)
            self._hidden = token, hidden
        body = hidden.redact(response.body.decode("utf-8", "surrogateescape"))
        headers = {name: hidden.redact(value) for name, value in response.headers.items()}
        return replace(response, headers=headers, body=body.encode("utf-8", "surrogateescape"))


def wrong_clock(response: HttpResponse, now: datetime) -> str:
    """Return what is wrong with our clock, by which requests are signed; empty if it is right."""
    ahead = response.clock_ahead(now)
    if abs(ahead) < SKEW:
        return ""
    minutes = round(abs(ahead) / 60)
    return f"our clock is {minutes} minutes {'ahead of' if ahead > 0 else 'behind'} the API's"


def error_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error in a document of the API; empty if there is none."""
    error = document.get("error")
    return error if isinstance(error, dict) else {}


def _challenge(response: HttpResponse) -> Mapping[str, str]:
    """Return what an answer without a document says about a token (RFC 6750 3), or nothing."""
    field = response.headers.get("www-authenticate", "")
    return {"message": descriptions[-1]} if (descriptions := _CHALLENGE.findall(field)) else {}


def code_of(error: Mapping[str, Any]) -> str:
    """Return an error's code; empty if it has none."""
    code = error.get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def as_refused(
    meaning: Meaning, what: str, code: str, facts: Mapping[str, Any], retry_after: float
) -> ApiRefused:
    """Return the error for a response with this meaning; ``what`` begins its text."""
    text = f"{what} {code}".rstrip()
    message = facts.get("message")
    explanation = printable(message) if isinstance(message, str) else ""
    if meaning.phase == "auth":
        explanation = "; the API says: ".join(
            filter(None, (meaning.hint, _QUOTED.sub("[...]", explanation)))
        )
    reason = f"{text}: {explanation}" if explanation else text
    if meaning.kind == "failed":  # the sender must correct it, and is told why
        text = reason.encode("ascii", "replace").decode()
    reply = Reply(meaning.code, text, meaning.status, reason)
    error = ApiRefused(reply, meaning.kind, code, retry_after)
    error.phase, error.slug = meaning.phase, meaning.slug
    return error


def printable(text: Any) -> str:
    """Return a provider's text in one line, shortened and without control characters."""
    short = " ".join(str(text)[:_MESSAGE].split())
    return "".join(each if each.isprintable() else "?" for each in short)
