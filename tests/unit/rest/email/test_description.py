"""Anything that the description allows, and much that it does not, gets a described answer."""

from collections.abc import Callable
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from requests.auth import AuthBase

from gatepost.model.profile import ApiRules, Profile
from gatepost.rest.email.description import DOCUMENT
from gatepost.rest.email.versions import FIRST
from tests.unit.rest.email.calling import PRIMARY, SENDER, VERSION, DataPlane, signed

if TYPE_CHECKING:  # it is large: only who runs these tests pays for it
    from schemathesis.schemas import BaseSchema

Case = Any
PLANE = DataPlane(Profile("acs", api=ApiRules(running=0.0)))
OPERATIONS = [
    f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item
]

settled = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@cache
def described() -> "BaseSchema":
    """The description, as a generator of requests reads it, with the application behind it."""
    import schemathesis

    read: BaseSchema = schemathesis.openapi.from_dict(DOCUMENT)
    read.app = PLANE.application
    return read


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
        to = {"to": [{"address": "ann@example.net"}]}
        case.body = {**case.body, "senderAddress": SENDER, "recipients": to}
    case.query = {"api-version": VERSION}
    return case.call(auth=Key())


def with_key_in_the_first_version(case: Case) -> Any:
    """Nor a request that may be repeated."""
    if isinstance(case.body, dict):
        to = {"to": [{"email": "ann@example.net"}]}
        case.body = {**case.body, "sender": SENDER, "recipients": to}
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


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_described(operation: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation.feedback import FeedbackSources
    from schemathesis.pytest._test_builder import build_operation_test
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    def conforms(case: Case) -> None:
        body, query = case.body, case.query
        for call in CALLS:  # making cases costs the most: each is used in every way
            case.body, case.query = body, query
            response = call(case)
            checks = [not_a_server_error, status_code_conformance, response_headers_conformance]
            if response.content:  # the first version accepts without a word
                checks += [content_type_conformance, response_schema_conformance]
            case.validate_response(response, checks=checks)

    schema, (method, path) = described(), operation.split()
    build_operation_test(
        config=schema.config, operation=schema[path][method], test_func=conforms, given_kwargs={},
        feedback=FeedbackSources(), explicit_settings=settled,
    )()  # fmt: skip


@pytest.mark.parametrize(
    ("call", "reached"),
    [
        (with_key_from_a_sender, {202, 400}),
        (with_key_in_the_first_version, {202, 400}),
    ],
)
def test_the_calls_go_deep_enough(call: Callable[[Case], Any], reached: set[int]) -> None:
    seen: set[int] = set()

    @given(described()["/emails:send"]["POST"].as_strategy())
    @settled
    def send(case: Case) -> None:
        seen.add(call(case).status_code)

    send()
    assert reached <= seen
