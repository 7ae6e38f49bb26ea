"""One request to a service behind the server: the code of the answer, without its text."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.client.tokens.token_requests import error_name, error_number
from gatepost.doctor.parallel import start
from gatepost.errors import GatepostError, TimedOut
from gatepost.model.entra import EntraResponse
from gatepost.model.transcript import Transcript
from gatepost.net.http_client import HttpRequest, HttpResponse

Ask = Callable[[HttpRequest], HttpResponse]
"""Raises NetworkError or ProtocolError if there is no answer."""

DEADLINE: Final = 15.0
"""Seconds for one request, whatever the other side does."""
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


class Questions:
    """Makes requests, and removes secrets from answers: only codes are kept, which are text, too.

    ``hidden`` knows the secrets.
    """

    def __init__(self, ask: Ask, hidden: Transcript, deadline: float = DEADLINE) -> None:
        self.hidden = hidden
        self._ask, self._deadline = ask, deadline

    def ask(self, request: HttpRequest) -> tuple[EntraResponse, Mapping[str, Any]]:
        """Return the result, and the document of the answer, empty if it has none."""
        host = urlsplit(request.url).netloc
        try:
            response = self._within_deadline(request)
        except GatepostError as error:
            failure = self.hidden.redact(str(error))
            return EntraResponse(host, failure=failure, phase=error.phase), {}
        document = response.document()
        answer = EntraResponse(host, response.status, _code_of(document), error_number(document))
        return replace(answer, error=self.hidden.redact(answer.error)), document

    def _within_deadline(self, request: HttpRequest) -> HttpResponse:
        """A server that sends an octet now and then would never run into a timeout of reading."""
        try:
            return start(partial(self._ask, request)).result(self._deadline)
        except TimeoutError as error:
            if isinstance(error, GatepostError):
                raise
            raise TimedOut(f"no answer within {self._deadline:g} s") from None


def bearer(token: str, body: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the headers of a request with a token, and with a JSON body."""
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    return headers if body is None else headers | {"content-type": "application/json"}


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return a body's octets."""
    return json.dumps(document).encode()


def _code_of(document: Mapping[str, Any]) -> str:
    """Return the code of an error of OAuth or an API."""
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else error_name(document)
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
