"""Every request that the description allows, and many others, get a described answer."""

from collections.abc import Callable
from email.utils import format_datetime
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, Phase, find, settings
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPResponse

from gatepost.model.profile import ApiRules, Profile
from gatepost.rest.email.api_versions import FIRST, NEWEST
from gatepost.rest.email.handlers import description
from gatepost.rest.email.preview_2021_10 import ATTACHMENT_TYPES
from tests.examples import examples
from tests.unit.rest.email.calling import HOST, PRIMARY, SENDER, VERSION, DataPlane, signed

if TYPE_CHECKING:  # it is large: only who runs these tests pays for it
    from schemathesis.schemas import BaseSchema

Case = Any
PLANE = DataPlane(Profile("acs", api=ApiRules(running=0.0)))
OPERATIONS = [
    f"{method.upper()} {path}" for path, item in description()["paths"].items() for method in item
]

settled = settings(
    max_examples=examples(20),
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@cache
def described() -> "BaseSchema":
    """The description, as a generator of requests reads it."""
    import schemathesis

    read: BaseSchema = schemathesis.openapi.from_dict(description())
    return read


class Hand(HTTPAdapter):
    """Hands requests to the application at once; the generator's own way starts a thread each."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        answered = PLANE.call(
            str(request.method), unquote(url.path), octets(request), query=url.query,
            headers={name.lower(): str(value) for name, value in request.headers.items()},
        )  # fmt: skip
        answer = HTTPResponse(
            BytesIO(answered.body), answered.headers, answered.status, preload_content=False
        )
        made: requests.Response = self.build_response(request, answer)
        return made


def octets(request: requests.PreparedRequest) -> bytes:
    body: Any = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


@cache
def connected() -> requests.Session:
    session = requests.Session()
    session.mount("https://", Hand())
    return session


def ask(case: Case, **how: Any) -> Any:
    return case.call(base_url=f"https://{HOST}", session=connected(), **how)


class Key(AuthBase):
    """Signs a request as the SDKs do, when it is whole."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        headers = signed(
            PRIMARY, str(request.method), request.path_url, octets(request), PLANE.now,
            {"host": HOST},
        )  # fmt: skip
        request.headers.update(headers)
        return request


def with_key(case: Case) -> Any:
    return ask(case, auth=Key())


def text_of(body: dict[str, Any]) -> dict[str, Any]:
    """Give a text where none was thought of: without one, nothing behind it is looked at."""
    content = body.get("content")
    return {"content": {"plainText": "a text", **content}} if isinstance(content, dict) else {}


def with_key_from_a_sender(case: Case) -> Any:
    """No generator guesses a sender that may send; and what comes behind that is the most."""
    if isinstance(case.body, dict):
        to = {"to": [{"address": "ann@example.net"}]}
        case.body = {**case.body, **text_of(case.body), "senderAddress": SENDER, "recipients": to}
    case.query = {"api-version": VERSION}
    return ask(case, auth=Key())


def with_key_in_the_first_version(case: Case) -> Any:
    """Nor a request that may be repeated."""
    if isinstance(case.body, dict):
        to = {"to": [{"email": "ann@example.net"}]}
        case.body = {**case.body, **text_of(case.body), "sender": SENDER, "recipients": to}
    case.query = {"api-version": FIRST}
    repeatable = {
        "Repeatability-Request-Id": str(uuid4()),
        "Repeatability-First-Sent": format_datetime(PLANE.now, usegmt=True),
    }
    return ask(case, headers=repeatable, auth=Key())


@cache
def token() -> str:
    return PLANE.token()


def with_token(case: Case) -> Any:
    return ask(case, headers={"Authorization": f"Bearer {token()}"})


def with_nothing(case: Case) -> Any:
    return ask(case, headers={"Authorization": ""})


CALLS = [
    with_key, with_key_from_a_sender, with_key_in_the_first_version, with_token, with_nothing,
]  # fmt: skip


@pytest.mark.thorough
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


@pytest.mark.thorough
@pytest.mark.parametrize("status", [202, 400])
@pytest.mark.parametrize("call", [with_key_from_a_sender, with_key_in_the_first_version])
def test_the_calls_go_deep_enough(call: Callable[[Case], Any], status: int) -> None:
    """How soon is chance: constants of all modules that are loaded are tried, too."""
    cases = described()["/emails:send"]["POST"].as_strategy()
    patient = settings(settled, max_examples=100)
    find(cases, lambda case: call(case).status_code == status, settings=patient)


def test_it_has_the_versions_and_types_of_the_code() -> None:
    schemas = description()["components"]["schemas"]
    assert description()["info"]["version"] == NEWEST
    kinds = schemas["FirstAttachment"]["properties"]["attachmentType"]["enum"]
    assert kinds == sorted(ATTACHMENT_TYPES)
    [first] = [each for each in description()["paths"]["/emails/{id}/status"]["get"]["parameters"]
               if each["name"] == "api-version"]  # fmt: skip
    assert first["schema"] == {"const": FIRST}
