"""Anything that the description allows, and much that it does not, gets a described answer."""

from collections.abc import Callable
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
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
from gatepost.rest.email.versions import FIRST
from tests.unit.rest.email.calling import PRIMARY, SENDER, VERSION, DataPlane, signed

Case = schemathesis.Case[Any]
PLANE = DataPlane(Profile("acs", api=ApiRules(running=0.0)))
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = PLANE.application

settled = settings(
    max_examples=20,
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
        case.body["recipients"] = {"to": [{"address": "ann@example.net"}]}
    case.query = {"api-version": VERSION}
    return case.call(auth=Key())


def with_key_in_the_first_version(case: Case) -> Any:
    """Nor a request that may be repeated."""
    if isinstance(case.body, dict):
        case.body["sender"] = SENDER
        case.body["recipients"] = {"to": [{"email": "ann@example.net"}]}
    case.query = {"api-version": FIRST}
    repeatable = {
        "Repeatability-Request-Id": str(uuid4()),
        "Repeatability-First-Sent": format_datetime(PLANE.now, usegmt=True),
    }
    return case.call(headers=repeatable, auth=Key())


def with_token(case: Case) -> Any:
    return case.call(headers={"Authorization": f"Bearer {PLANE.token()}"})


def with_nothing(case: Case) -> Any:
    return case.call(headers={"Authorization": ""})


CALLS = [
    with_key, with_key_from_a_sender, with_key_in_the_first_version, with_token, with_nothing,
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@schema.parametrize()
@settled
def test_every_answer_is_described(case: Case, call: Callable[[Case], Any]) -> None:
    response = call(case)
    checks = [not_a_server_error, status_code_conformance, response_headers_conformance]
    if response.content:  # the first version accepts without a word
        checks += [content_type_conformance, response_schema_conformance]
    case.validate_response(response, checks=checks)


@pytest.mark.parametrize(
    ("call", "reached"),
    [
        (with_key_from_a_sender, {202, 400}),
        (with_key_in_the_first_version, {202, 400}),
    ],
)
def test_the_calls_go_deep_enough(call: Callable[[Case], Any], reached: set[int]) -> None:
    seen: set[int] = set()

    @given(schema["/emails:send"]["POST"].as_strategy())
    @settled
    def send(case: Case) -> None:
        seen.add(call(case).status_code)

    send()
    assert reached <= seen
