"""Gatepost's own API: each request is an operation, and each refusal a status."""

import asyncio
from typing import Any

import pytest

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.errors import QueueError
from gatepost.failures.read_rule import RuleMistakes
from gatepost.failures.rulebook import StaleRevision
from gatepost.model.operation_errors import NotConfigured, TooManyRequests
from gatepost.rest.console_api.endpoint_table import ENDPOINTS, PAGED
from gatepost.rest.console_api.masking import mask
from tests.unit.rest.console_api.asking import Api

# fmt: off
CALLS: list[tuple[str, str, Any, tuple[str, dict[str, Any]]]] = [
    ("GET", "/sessions?refused=1&app=billing&limit=5&after=x", None,
     ("sessions.list", {"refused": True, "app": "billing", "limit": 5, "after": "x"})),
    ("GET", "/sessions?refused=0", None, ("sessions.list", {"refused": False})),
    ("GET", "/sessions/abc-1", None, ("sessions.show", {"id": "abc-1"})),
    ("GET", "/refusals", None, ("sessions.refusals", {})),
    ("GET", "/queue?state=held&next_hop=out/example.com", None,
     ("queue.list", {"state": "held", "next_hop": "out/example.com"})),
    ("GET", "/queue/ages?by=cause&state=held&rows=5", None,
     ("queue.ages", {"by": "cause", "state": "held", "rows": 5})),
    ("GET", "/queue/7-41/why", None, ("queue.why", {"id": "7-41"})),
    ("POST", "/queue/hold", {"ids": ["7-41"]}, ("queue.hold", {"ids": ["7-41"], "by": "someone"})),
    ("GET", "/queue?sender=@example.org&older_than=60", None,
     ("queue.list", {"sender": "@example.org", "older_than": "60"})),
    ("POST", "/queue/hold", {"recipient": "@a.example", "older_than": 60, "dry_run": True},
     ("queue.hold",
      {"recipient": "@a.example", "older_than": 60.0, "dry_run": True, "by": "someone"})),
    ("POST", "/queue/reroute", {"to": "spare", "target": "hub", "dry_run": True},
     ("queue.reroute", {"to": "spare", "target": "hub", "dry_run": True, "by": "someone"})),
    ("POST", "/queue/drop", {"next_hop": "out/a", "state": "held"},
     ("queue.drop", {"next_hop": "out/a", "state": "held", "by": "someone"})),
    ("GET", "/next-hops/out/example.com/series?metric=depth&step=300&from=-3600", None,
     ("next_hops.series",
      {"key": "out/example.com", "metric": "depth", "step": 300, "from": "-3600"})),
    ("POST", "/clock/advance", {"seconds": 61}, ("clock.advance", {"seconds": 61.0})),
    ("GET", "/rules/fired?rule=a", None, ("failures.fired", {"rule": "a"})),
    ("POST", "/rules", {"when": {"stage": "rcpt"}},
     ("failures.add", {"rule": {"when": {"stage": "rcpt"}}})),
    ("DELETE", "/rules?lane=one", None, ("failures.delete", {"lane": "one"})),
    ("POST", "/doctor/log", {"text": "535"},
     ("doctor.log", {"text": "535", "client": "", "server": ""})),
    ("POST", "/doctor/probe", {"host": "a.example", "as": "nodemailer"},
     ("doctor.probe", {"host": "a.example", "as": "nodemailer"})),
]
REFUSALS = [
    (KeyError("session x"), 404, "NotFound"),
    (ValueError("no"), 400, "BadRequest"),
    (NotConfigured("no"), 409, "NotConfigured"),
    (Rejected("Conflict", "no", 409), 409, "Conflict"),
    (StaleRevision("no"), 412, "StaleRevision"),
    (RuleMistakes([]), 400, "RuleMistakes"),
    (TooManyRequests("no"), 429, "TooManyRequests"),
    (QueueError("no"), 409, "QueueError"),
]
WRONG = [
    ("GET", "/sessions?bogus=1", None), ("GET", "/sessions?limit=0", None),
    ("GET", "/sessions?limit=501", None), ("GET", "/sessions?refused=maybe", None),
    ("GET", "/webhooks?after=x", None), ("POST", "/queue/hold", b"{"),
    ("POST", "/queue/reroute", {"all": True}), ("POST", "/queue/hold", {"by": "somebody"}),
    ("POST", "/queue/hold", {"id": "7-41"}), ("POST", "/queue/hold", [1]),
    ("POST", "/clock/advance", {"seconds": "many"}), ("POST", "/clock/advance", None),
    ("POST", "/rules", b'{"when":' * 100_000),
]
# fmt: on


@pytest.mark.parametrize(("method", "path", "body", "call"), CALLS)
def test_a_request_is_an_operation(
    method: str, path: str, body: Any, call: tuple[str, dict[str, Any]]
) -> None:
    api = Api({"anything": 1})
    assert asyncio.run(api.ask(method, path, body)) == (200, {"anything": 1})
    assert api.calls == [call]


@pytest.mark.parametrize(("error", "status", "code"), REFUSALS)
def test_a_refusal_has_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    got, document = asyncio.run(Api(error).ask("GET", "/sessions"))
    assert (got, document["error"]["code"]) == (status, code)
    assert document["error"]["message"] or not str(error)


@pytest.mark.parametrize(("method", "path", "body"), WRONG)
def test_a_wrong_request_is_no_operation(method: str, path: str, body: Any) -> None:
    api = Api({"webhooks": []})
    status, document = asyncio.run(api.ask(method, path, body))
    assert (status, document["error"]["code"]) == (400, "BadRequest")
    assert api.calls in ([], [("events.webhook_list", {})])


def test_a_body_has_a_limit() -> None:
    api = Api()
    status, _ = asyncio.run(api.ask("POST", "/doctor/log", {"text": "x" * 3_000_000}))
    assert status == 413
    assert api.calls == []


def test_long_lists_have_pages() -> None:
    api = Api({"outcomes": list(range(7))})
    status, first = asyncio.run(api.ask("GET", "/outcomes?limit=5"))
    assert (status, first) == (200, {"outcomes": [0, 1, 2, 3, 4], "cursor": "5"})
    _, last = asyncio.run(api.ask("GET", f"/outcomes?limit=5&after={first['cursor']}"))
    assert last == {"outcomes": [5, 6], "cursor": None}
    assert api.calls == [("events.outcome_list", {})] * 2


def test_every_list_takes_a_limit_and_a_cursor() -> None:
    lists = {each.operation for each in ENDPOINTS if "limit" in each.query}
    assert lists >= set(PAGED)
    assert all("after" in each.query for each in ENDPOINTS if "limit" in each.query)


def test_a_viewer_sees_no_content_and_no_addresses() -> None:
    api = Api({"deliveries": [{"mail_from": "alice@example.com", "subject": "Salary"}]})
    api.role = "viewer"
    _, document = asyncio.run(api.ask("GET", "/queue"))
    assert document == {"deliveries": [{"mail_from": "a***@example.com", "subject": None}]}


@pytest.mark.parametrize("name", ["sender", "recipient"])
def test_a_viewer_cannot_find_out_masked_addresses(name: str) -> None:
    api = Api()
    api.role = "viewer"
    status, document = asyncio.run(api.ask("GET", f"/queue?{name}=a*@example.com"))
    assert (status, document["error"]["code"]) == (403, "NotAllowed")
    assert api.calls == []


def test_masking() -> None:
    assert mask("550 <bob.b@example.net>: no; x@y") == "550 <b***@example.net>: no; x***@y"
    assert mask({"a@b.example": [1, None, "c@d.example"]}) == {
        "a***@b.example": [1, None, "c***@d.example"]
    }
    assert mask("@" * 100_000 + "a" * 100_000)
