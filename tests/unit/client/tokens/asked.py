"""An Http that answers as the test says, and keeps the requests."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from gatepost.errors import GatepostError
from gatepost.net.http_client import HttpRequest, HttpResponse

GRANTED = {"token_type": "Bearer", "expires_in": 3599, "access_token": "t0ken"}

Answer = HttpResponse | GatepostError


class Asked:
    """Answers in order; the last answer is repeated."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [says(GRANTED)]
        self.requests: list[HttpRequest] = []

    async def ask(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GatepostError):
            raise answer
        return answer

    async def close(self) -> None:
        """Do nothing."""

    @property
    def forms(self) -> list[dict[str, str]]:
        """The forms that were posted."""
        return [
            {name: value for name, [value] in parse_qs(each.body.decode()).items()}
            for each in self.requests
        ]


def says(document: Mapping[str, Any] | bytes, status: int = 200, **headers: str) -> HttpResponse:
    """Return an answer in JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, named, body)


def reading(text: str) -> Callable[[], Any]:
    """Return a function that returns a secret."""
    from gatepost.model.secret import Secret

    return lambda: Secret(text)
