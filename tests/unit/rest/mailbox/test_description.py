"""The OpenAPI documents: valid, complete, and true of what the APIs answer."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gatepost.app.api_descriptions import describe_mailbox_api, describe_own_api
from gatepost.mailbox.entries import MessageFacts
from gatepost.model.console_access import API_PREFIX
from gatepost.rest.console_api.endpoint_table import ENDPOINTS as CONSOLE
from gatepost.rest.inboxes.face import ENDPOINTS as INBOXES
from gatepost.rest.mailbox.endpoints import ENDPOINTS as MAILBOX
from tests.unit.rest.inboxes.test_inboxes import Keeper, own
from tests.unit.rest.mailbox.calling import Answer, Api, run
from tests.unit.rest.mailbox.test_changes import FULL
from tests.unit.rest.mailbox.test_message import RICH

OWN, MAIL = describe_own_api(), describe_mailbox_api()


@pytest.mark.parametrize(
    ("document", "endpoints"), [(OWN, (*CONSOLE, *INBOXES)), (MAIL, MAILBOX)], ids=["own", "mail"]
)
def test_every_endpoint_is_described(document: dict[str, Any], endpoints: Any) -> None:
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert described == {(each.method, each.path.replace(":path}", "}")) for each in endpoints}
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["description"], name
    operations = [each for item in document["paths"].values() for each in item.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)
    json.dumps(document)


def check(document: dict[str, Any], method: str, path: str, answer: Answer) -> None:
    """Compare a response with its description."""
    described = document["paths"][path][method.lower()]["responses"]
    assert str(answer.status) in described, (path, answer)
    content = described[str(answer.status)]["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content or "*/*" in content, (path, kind)
    schema = content.get(kind, {}).get("schema")
    if kind == "application/json":
        whole = {**schema, "components": document["components"]}
        Draft202012Validator(whole).validate(answer.json)


MAIL_CALLS: list[tuple[str, str, str, Any]] = [
    ("GET", "/api/v1/messages", "", None),
    ("GET", "/api/v1/messages", "?wait=0.01&min=9", None),
    ("GET", "/api/v1/messages", "?wait=99", None),
    ("GET", "/api/v1/search", "?query=hello", None),
    ("GET", "/api/v1/search", "", None),
    ("GET", "/api/v1/message/{id}", "", None),
    ("GET", "/api/v1/message/{id}/headers", "", None),
    ("GET", "/api/v1/message/{id}/raw", "", None),
    ("GET", "/api/v1/message/{id}/part/{part}", "", None),
    ("GET", "/api/v1/message/{id}/part/{part}/thumb", "", None),
    ("GET", "/api/v1/message/{id}/link-check", "", None),
    ("GET", "/view/{id}.html", "", None),
    ("GET", "/view/{id}.txt", "", None),
    ("GET", "/api/v1/tags", "", None),
    ("GET", "/api/v1/info", "", None),
    ("GET", "/api/v1/webui", "", None),
    ("GET", "/api/v1/chaos", "", None),
    ("GET", "/livez", "", None),
    ("GET", "/readyz", "", None),
    ("PUT", "/api/v1/messages", "", {"Read": True}),
    ("PUT", "/api/v1/messages", "", b"{"),
    ("PUT", "/api/v1/tags", "", {"IDs": ["m1"], "Tags": ["three"]}),
    ("PUT", "/api/v1/tags/{tag}", "", {"Name": "new"}),
    ("DELETE", "/api/v1/tags/{tag}", "", None),
    ("POST", "/api/v1/message/{id}/release", "", {"To": ["a@b.example"]}),
    ("DELETE", "/api/v1/search", "?query=nothing", None),
    ("DELETE", "/api/v1/messages", "", {"IDs": ["m9"]}),
]


def test_responses_of_the_mailbox_api_are_as_described() -> None:
    async def steps(made: Api) -> None:
        await made.put(
            RICH.replace("Cc:", "X-Tags: a\nCc:"), facts=MessageFacts(outcomes=(("a", "b"),))
        )
        await made.put("\n", sender="")
        values = {"{id}": "m1", "{part}": "1.2.2", "{tag}": "a"}
        for method, path, query, body in MAIL_CALLS:
            url = path
            for name, value in values.items():
                url = url.replace(name, value)
            check(MAIL, method, path, await made.ask(method, url + query, body))
        sent = await made.ask("POST", "/api/v1/send", FULL)
        check(MAIL, "POST", "/api/v1/send", sent)

    run(steps)


def test_responses_of_the_own_api_are_as_described() -> None:
    async def steps(made: Api) -> None:
        api = own(made, Keeper())
        await made.put(RICH)
        for method, path, query, body in [
            ("GET", "/inboxes", "", None),
            ("POST", "/lanes", "", {"name": "one"}),
            ("POST", "/lanes", "", {"name": "one"}),
            ("POST", "/lanes", "", {"name": "!"}),
            ("GET", "/lanes", "", None),
            ("GET", "/lanes/{name}", "", None),
            ("GET", "/messages", "?limit=1", None),
            ("GET", "/messages", "?limit=0", None),
            ("GET", "/messages/{id}", "", None),
            ("GET", "/messages/{id}/parts", "", None),
            ("GET", "/messages/{id}/parts/{part}", "", None),
            ("GET", "/messages/{id}/codes", "", None),
            ("DELETE", "/lanes/{name}", "", None),
            ("DELETE", "/lanes/{name}", "", None),
        ]:
            url = path.replace("{id}", "m1").replace("{part}", "2").replace("{name}", "one")
            check(OWN, method, path, await api.own(method, url + query, body))
        assert OWN["servers"][0]["url"] == API_PREFIX

    run(steps)
