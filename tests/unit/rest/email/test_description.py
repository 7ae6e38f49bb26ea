"""Anything that the description allows, and much that it does not, gets a described answer."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gatepost.model.profile import ApiRules, Profile
from gatepost.rest.email.description import DOCUMENT
from tests.unit.rest.email.calling import PRIMARY, SENDER, VERSION, DataPlane, signed

Case = schemathesis.Case[Any]
PLANE = DataPlane(Profile("acs", api=ApiRules(running=0.0)))
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = PLANE.application

REACHED: dict[str, set[int]] = {}
"""The statuses that were answered, by how the calls were authenticated."""

settled = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Key(AuthBase):
    """Signs a request as the SDKs do, when it is whole."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body: Any = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        host = urlsplit(str(request.url)).netloc
        headers = signed(
            PRIMARY, str(request.method), request.path_url, raw, PLANE.now, {"host": host}
        )
        request.headers.update(headers)
        return request


def with_key(case: Case) -> Any:
    return case.call(auth=Key())


def with_key_from_a_sender(case: Case) -> Any:
    """No generator guesses a sender that may send; and what comes behind that is the most."""
    if isinstance(case.body, dict):
        case.body["senderAddress"] = SENDER
    case.query = {"api-version": VERSION}
    return case.call(auth=Key())


def with_token(case: Case) -> Any:
    return case.call(headers={"Authorization": f"Bearer {PLANE.token()}"})


def with_nothing(case: Case) -> Any:
    return case.call(headers={"Authorization": ""})


CALLS = [with_key, with_key_from_a_sender, with_token, with_nothing]


@pytest.mark.parametrize("call", CALLS)
@schema.parametrize()
@settled
def test_every_answer_is_described(case: Case, call: Callable[[Case], Any]) -> None:
    response = call(case)
    REACHED.setdefault(call.__name__, set()).add(response.status_code)
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )


def test_the_calls_went_deep_enough() -> None:
    assert {202, 400, 404} <= REACHED["with_key_from_a_sender"]
    assert REACHED["with_nothing"] <= {400, 401, 405}
