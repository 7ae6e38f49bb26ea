"""Answers of an e-mail API, and what they come to. By status and code, never by texts. Pure but
for asking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from gatepost.client.http_sign_in import HttpSignIn
from gatepost.errors import Phase, Refused
from gatepost.model.delivery import Outcome, Verdict
from gatepost.model.reply import Esc, Reply
from gatepost.model.transcript import Transcript
from gatepost.net.http import Http, HttpRequest, HttpResponse

PAUSE: Final = 60.0
"""Seconds to wait after a 429 that names no time."""
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_MESSAGE: Final = 300
"""Characters of a provider's text that an operator is shown."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one status or code comes to; the reply's text is made of the answer: of a message that
    is refused with the provider's words, which its sender gets to read."""

    outcome: Outcome
    code: int
    status: Esc
    phase: Phase = "content"
    slug: str = ""
    hint: str = ""
    """For the operator, where the provider's own text is not shown: behind a refused sign-in."""


_NOT_KNOWN: Final = "the key or token that was shown is none that this API takes (RFC 9110 15.5.2)"
_NOT_ALLOWED: Final = (
    "who signed in lacks a role or permission here, or a proxy in between forbids it "
    "(RFC 9110 15.5.4)"
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
"""Redirections, a wrong endpoint, a server that is not well: not about the message."""
_OF_A_MESSAGE: Final = frozenset({400, 422})
"""What says nothing of a message without a code for messages of this API."""
_OF_NO_API: Final = frozenset({200, 204, 301, 302, 303, 307, 308, 400, 404, 405, 410, 415, 422})
"""What another server says, or none that this API has: whoever set up the route has to mend it."""
NOT_THIS_API: Final = Meaning(
    "deferred", 554, Esc(5, 3, 5), "auth",
    hint="this API does not answer so: the target's endpoint is another server's",
)  # fmt: skip
"""Nothing gets through (RFC 3463 3.4: system incorrectly configured)."""
OF_THE_REQUEST: Final[Mapping[str, Meaning]] = dict.fromkeys(
    ("InvalidApiVersionParameter", "MissingApiVersionParameter", "NoRegisteredProviderFound",
     "UnsupportedApiVersion", "UnsupportedApiVersionValue", "UnsupportedMediaType"),
    NOT_THIS_API,
)  # fmt: skip
"""Codes of the Azure REST API Guidelines and of Resource Manager, which no message is at fault for.
"""


class ApiRefused(Refused):
    """An API refused a message, or us. ``code`` is its own word, ``retry_after`` in seconds."""

    def __init__(self, reply: Reply, outcome: Outcome, code: str, retry_after: float) -> None:
        super().__init__(reply, "")
        self.outcome, self.code, self.retry_after = outcome, code, retry_after

    @property
    def verdict(self) -> Verdict:
        """What it means for every recipient of the request."""
        return Verdict(self.outcome, self.reply)


class Api:
    """One API, signed in. ``known`` are the codes of it that say more than the HTTP status,
    ``own`` fits all those with which it may refuse a message."""

    def __init__(
        self,
        http: Http,
        sign_in: HttpSignIn,
        known: Mapping[str, Meaning],
        own: "re.Pattern[str]",
    ) -> None:
        self._http, self.sign_in, self._own = http, sign_in, own
        self._known = {**OF_THE_REQUEST, **known}

    async def ask(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a signed request; a token that was refused is renewed once.

        Raises NetworkError, RemoteProtocolError, LocalProtocolError and TokenError.
        """
        signed = await self.sign_in.authorize(request)
        response = await self._http.ask(signed)
        if response.status == 401 and self.sign_in.reject(signed):
            signed = await self.sign_in.authorize(request)
            response = await self._http.ask(signed)
        return _without_token(response, signed)

    def refused(self, response: HttpResponse, now: datetime) -> ApiRefused:
        """Return the error that an answer is, other than success."""
        document = read_json(response.body)
        error = document.get("error")
        told = error if isinstance(error, dict) else {}
        code = response.headers.get("x-ms-error-code") or told.get("code")
        code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
        retry_after = response.retry_after(now)
        if response.status == 429 and not retry_after:
            retry_after = PAUSE
        what, status = f"HTTP {response.status}", response.status
        if status in _OF_NO_API and not code:
            return _as(NOT_THIS_API, what, "", told, retry_after)
        if status in _OF_A_MESSAGE and not self._own.fullmatch(code):
            status = 0
        return self.meant(what, status, code, told, retry_after)

    def meant(
        self, what: str, status: int, code: str, told: Mapping[str, Any], retry_after: float = 0.0
    ) -> ApiRefused:
        """Return the error that a status and a code are."""
        meaning = self._known.get(code) or _BY_STATUS.get(status, _ELSE)
        return _as(meaning, what, code, told, retry_after)


def _as(
    meaning: Meaning, what: str, code: str, told: Mapping[str, Any], retry_after: float
) -> ApiRefused:
    text = f"{what} {code}".rstrip()
    message = told.get("message") if meaning.phase != "auth" else meaning.hint
    reason = f"{text}: {printable(message)}" if isinstance(message, str) and message else text
    if meaning.outcome == "failed":  # its sender has to mend it, and is told why
        text = reason.encode("ascii", "replace").decode()
    reply = Reply(meaning.code, text, meaning.status, reason)
    error = ApiRefused(reply, meaning.outcome, code, retry_after)
    error.phase, error.slug = meaning.phase, meaning.slug
    return error


def _without_token(response: HttpResponse, signed: HttpRequest) -> HttpResponse:
    """Strike out what a refusal repeats of a bearer token: a bounce has the provider's words."""
    scheme, _, token = signed.headers.get("authorization", "").partition(" ")
    if response.status < 300 or scheme != "Bearer":
        return response
    transcript = Transcript()
    transcript.hide(token)
    text = transcript.redact(response.body.decode("utf-8", "surrogateescape"))
    return replace(response, body=text.encode("utf-8", "surrogateescape"))


def read_json(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body is; an empty one for anything else."""
    try:
        document: Mapping[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return document


def printable(text: Any) -> str:
    """Return what an operator may be shown of a provider's text."""
    short = " ".join(str(text)[:_MESSAGE].split())
    return "".join(each if each.isprintable() else "?" for each in short)
