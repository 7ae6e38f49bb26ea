"""The APIs' transports against services that answer as the test says."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from typing import Any, cast

import pytest

from gatepost.client.http_sign_in import AccessKeySignIn, BearerSignIn, HttpSignIn
from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import ConnectError, Disconnected, TokenError
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Attempt, Contact, Lease
from gatepost.model.route import AcsRestTarget, GraphTarget, HopLimits, ServerAddress
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient, HttpRequest, HttpResponse
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.fail_over import may_try_next_target
from gatepost.queue.unsettled import UNSETTLED, Unsettled
from gatepost.relay.transport.acs_rest import AcsRestTransport
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.graph import GraphTransport
from gatepost.relay.transport.http_api import SENDING
from tests.leases import lease, outcomes
from tests.shell.http_server import Asked, HttpServer, Told

KEY = base64.b64encode(b"key").decode()
CONTENT = (
    b"From: Alerts <alerts@example.com>\r\nTo: b@example.net\r\nSubject: hi\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nHello\r\n"
)


class Source:
    """Gives numbered tokens."""

    identity = "the tester"

    def __init__(self) -> None:
        self.given = 0

    async def fetch(self, scope: str) -> AccessToken:
        assert scope == "scope"
        self.given += 1
        return AccessToken(Secret(f"t0ken{self.given}"), 3600)


Making = Callable[[str, HttpClient, HttpSignIn], Transport]


def by_key(_: TokenCache) -> HttpSignIn:
    return AccessKeySignIn("key", lambda: Secret(KEY))


def by_token(cache: TokenCache) -> HttpSignIn:
    return BearerSignIn(cache, Source(), "scope")


def hand(
    make: Making,
    answer: Callable[[Asked], Told],
    given: Lease | None = None,
    *,
    sign_in: Callable[[TokenCache], HttpSignIn] = by_key,
    content: bytes = CONTENT,
    seconds: float = 10.0,
) -> tuple[AttemptResult, list[Asked]]:
    async def run(url: str) -> AttemptResult:
        http, cache = HttpClient(), TokenCache()
        try:
            transport = make(url, http, sign_in(cache))
            deadline = asyncio.get_running_loop().time() + seconds
            handed = await transport.deliver(
                given or lease(), BytesBody(content), ServerAddress("hub"), deadline
            )
            await transport.close()
            return handed
        finally:
            await cache.close()
            await http.close()

    with HttpServer(answer) as server:
        return asyncio.run(run(server.url)), server.asked


def acs(url: str, http: HttpClient, sign_in: HttpSignIn) -> Transport:
    return AcsRestTransport(AcsRestTarget("acs", url, "c"), http, sign_in)


def graph(mailbox: str = "") -> Making:
    def make(url: str, http: HttpClient, sign_in: HttpSignIn) -> Transport:
        return GraphTransport(GraphTarget("graph", "c", mailbox, url), http, sign_in)

    return make


def told(document: Any, status: int = 200, **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(status, json.dumps(document).encode(), named)


class Acs:
    """Accepts a message, and answers questions about its operation as the test says."""

    def __init__(self, *states: Told, accepted: Told | None = None) -> None:
        self.states: Iterator[Told] = iter(states)
        self.accepted = accepted or told({"id": "1", "status": "Running"}, 202, retry_after="0")

    def __call__(self, asked: Asked) -> Told:
        return self.accepted if asked.method == "POST" else next(self.states)


CUT = {"content-length": "9"}
"""Of an answer without a body: it breaks off."""
SUCCEEDED = told({"id": "op", "status": "Succeeded", "error": None})
CONFLICT = told({"error": {"code": "Conflict"}}, 409)
FULL = told({"status": "Failed", "error": {"code": "TooManyRequests"}})
RUNNING = told({"id": "op", "status": "Running"})


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.relay.transport.acs_rest.FIRST_LOOK", 0.01)


def test_an_operation_is_followed_to_its_end() -> None:
    handed, asked = hand(acs, Acs(RUNNING, told({}, 503), told({}, 429), RUNNING, SUCCEEDED))
    assert outcomes(handed) == [("delivered", 250)]
    assert [each.method for each in asked] == ["POST", *["GET"] * 5]
    post = asked[0]
    id_ = post.headers["operation-id"]
    assert post.target == "/emails:send?api-version=2025-09-01"
    assert post.headers["authorization"].startswith("HMAC-SHA256 SignedHeaders=")
    assert {each.target for each in asked[1:]} == {
        f"/emails/operations/{id_}?api-version=2025-09-01"
    }


def test_it_is_asked_where_the_service_says_but_not_elsewhere() -> None:
    for location, path in (
        ("{origin}/emails/operations/theirs?api-version=x", "/emails/operations/theirs"),
        ("https://evil.example/steal", None),
    ):

        def answer(asked: Asked, location: str = location) -> Told:
            if asked.method == "GET":
                return SUCCEEDED
            origin = f"http://{asked.headers['host']}"
            return told({}, 202, operation_location=location.format(origin=origin))

        handed, asked = hand(acs, answer)
        assert outcomes(handed) == [("delivered", 250)]
        assert asked[1].path == path or (path is None and "/emails/operations/" in asked[1].path)


@pytest.mark.parametrize("location", ["", "http://[", "http://localhost:99999/"])
def test_an_unusable_operation_location_is_replaced_by_the_known_path(location: str) -> None:
    accepted = told({}, 202, operation_location=location)
    handed, asked = hand(acs, Acs(SUCCEEDED, accepted=accepted))
    assert outcomes(handed) == [("delivered", 250)]
    assert asked[1].path.startswith("/emails/operations/")


def test_it_may_say_where_without_naming_itself() -> None:
    accepted = told({}, 202, operation_location="/emails/operations/theirs?api-version=x")
    _, asked = hand(acs, Acs(SUCCEEDED, accepted=accepted))
    assert asked[1].target == "/emails/operations/theirs?api-version=x"


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        (
            {"status": "Failed", "error": {"code": "EmailDroppedAllRecipientsSuppressed"}},
            "failed",
            550,
        ),
        ({"status": "Failed", "error": {"code": "Anything"}}, "failed", 554),
        ({"status": "Canceled"}, "deferred", 451),
        ({"status": "Canceled", "error": {"code": "InvalidSenderUserName"}}, "failed", 550),
        ({"status": "Failed", "error": {"code": "TooManyRequests"}}, "deferred", 451),
    ],
)
def test_an_operation_that_fails(state: dict[str, Any], outcome: str, code: int) -> None:
    handed, _ = hand(acs, Acs(told(state)))
    assert outcomes(handed) == [(outcome, code)]


@pytest.mark.parametrize(
    ("state", "why", "retry_after"),
    [
        (RUNNING, "the operation was accepted, but is still Running", 0),
        (told(["Running"]), "its result is unknown: HTTP 200 without a status", 0),
        (told({}, 429, retry_after="77"), "its result is unknown: HTTP 429", 77),
        (
            told({"error": {"code": "OperationNotFound"}}, 404),
            "its result is unknown: HTTP 404 OperationNotFound",
            0,
        ),
        (told({}, 403), "its result is unknown: HTTP 403", 0),
        (Told(body=None), "its result is unknown: localhost closed the connection", 0),
    ],
)
def test_an_operation_of_unknown_outcome_is_not_sent_to_another_target(
    monkeypatch: pytest.MonkeyPatch, state: Told, why: str, retry_after: float
) -> None:
    monkeypatch.setattr("gatepost.relay.transport.acs_rest.FOLLOWED", 0.05)
    handed, _ = hand(acs, lambda asked: told({}, 202) if asked.method == "POST" else state)
    assert outcomes(handed) == [("deferred", 451)]
    assert why in handed.attempt.reply.reason
    assert handed.retry_after == retry_after
    assert not may_try_next_target("content", None)
    assert (handed.attempt.phase, handed.attempt.is_remote) == ("content", False)
    assert isinstance(handed.error, Unsettled)
    assert handed.error.signed_in


@pytest.mark.parametrize("status", [401, 403, 408, 429, 503])
def test_an_answer_that_leaves_open_what_an_earlier_try_came_to(status: int) -> None:
    handed, asked = hand(acs, lambda _: Told(status), lease(attempts=1))
    assert [each.kind for each in handed.verdicts] == ["deferred"]
    assert [each.method for each in asked] == ["GET"], "nothing is sent on top"


def accepted_before() -> Lease:
    """Return the lease of a message that the service has accepted, with an unknown result."""
    given = lease(attempts=1)
    unsettled = Attempt(datetime.now(UTC), Contact("acs"), "content", UNSETTLED, is_remote=False)
    return replace(given, delivery=replace(given.delivery, history=(unsettled,)))


API_VERSION = told({"error": {"code": "InvalidApiVersionParameter"}}, 400)


@pytest.mark.parametrize(
    "answer", [Told(503), Told(403), Told(302), Told(400), API_VERSION, Told(body=None)]
)
def test_it_stays_so_while_the_service_does_not_answer(answer: Told) -> None:
    handed, asked = hand(acs, lambda _: answer, accepted_before())
    assert handed.attempt.reply.because("") == UNSETTLED
    assert isinstance(handed.error, Unsettled)
    assert not handed.error.signed_in
    assert {each.method for each in asked} == {"GET"}


def test_another_server_cannot_say_that_an_accepted_message_is_not_there() -> None:
    """It gets the message again, as the service would, which knows the operation's id."""
    handed, asked = hand(acs, lambda _: Told(404, b"<html>"), accepted_before())
    assert handed.attempt.reply.because("") == UNSETTLED
    assert not handed.attempt.is_remote
    assert [each.method for each in asked] == ["GET", "POST"]


def test_an_operation_that_the_service_forgot_may_go_to_another_target() -> None:
    gone = told({"error": {"code": "OperationNotFound"}}, 404)
    handed, _ = hand(acs, lambda a: gone if a.method == "GET" else Told(429), accepted_before())
    assert outcomes(handed) == [("deferred", 451)]
    assert handed.attempt.is_remote


def test_an_operation_that_does_not_end_is_asked_for_again_at_the_next_try() -> None:
    handed, asked = hand(
        acs, lambda a: RUNNING if a.method == "GET" else Acs().accepted, seconds=0.3
    )
    assert outcomes(handed) == [("deferred", 451)]
    assert handed.attempt.seconds < 8
    assert handed.attempt.reply.because("") == UNSETTLED
    again, asked_again = hand(acs, Acs(SUCCEEDED), lease(attempts=1))
    assert outcomes(again) == [("delivered", 250)]
    assert [each.method for each in asked_again] == ["GET"]
    assert asked_again[0].target == asked[-1].target


def test_an_operation_unknown_to_the_service_is_sent_again() -> None:
    def answer(asked: Asked) -> Told:
        unknown = len(seen) == 0
        seen.append(asked.method)
        if asked.method == "POST":
            return told({}, 202)
        return told({"error": {"code": "OperationNotFound"}}, 404) if unknown else SUCCEEDED

    seen: list[str] = []
    handed, _ = hand(acs, answer, lease(attempts=3))
    assert (outcomes(handed), seen) == ([("delivered", 250)], ["GET", "POST", "GET"])


def test_an_operation_that_ended_for_now_is_followed_by_another_one() -> None:
    def answer(asked: Asked) -> Told:
        if asked.method == "POST":
            posted.append(asked.headers["operation-id"])
            return told({}, 202)
        id_ = asked.path.rpartition("/")[2]
        if id_ in posted:
            return FULL if len(posted) < 3 else SUCCEEDED
        return told({"error": {"code": "OperationNotFound"}}, 404)

    posted: list[str] = []
    came_to = [outcomes(hand(acs, answer, lease(attempts=each))[0]) for each in range(3)]
    assert came_to == [[("deferred", 451)], [("deferred", 451)], [("delivered", 250)]]
    assert len(set(posted)) == 3


def test_a_conflict_is_an_operation_that_is_there() -> None:
    handed, _ = hand(acs, Acs(SUCCEEDED, accepted=CONFLICT))
    assert outcomes(handed) == [("delivered", 250)]


@pytest.mark.parametrize("state", [Told(503), Told(401), Told(body=None)])
def test_a_conflicting_operation_of_unknown_state_stays_unsettled(state: Told) -> None:
    handed, _ = hand(acs, Acs(state, accepted=CONFLICT))
    assert handed.attempt.reply.because("") == UNSETTLED


def test_a_conflict_with_nothing_is_a_refusal() -> None:
    handed, _ = hand(acs, Acs(Told(404), accepted=CONFLICT))
    assert handed.attempt.reply.text == "HTTP 409 Conflict"
    assert handed.attempt.is_remote


@pytest.mark.parametrize(
    ("status", "code", "headers", "outcome", "phase", "retry_after"),
    [
        (400, "BadRequest", {}, "failed", "content", 0),
        (400, "InvalidSenderUserName", {}, "failed", "content", 0),
        (400, "InvalidEmailAddress", {}, "failed", "content", 0),
        (400, "MissingRequiredHeader", {}, "deferred", "content", 0),  # of another Azure service
        (400, "UnsupportedApiVersionValue", {}, "deferred", "auth", 0),
        (401, "Denied", {}, "deferred", "auth", 0),
        (403, "Forbidden", {}, "deferred", "auth", 0),
        (404, "DomainNotLinked", {}, "failed", "content", 0),
        (404, "ResourceNotFound", {}, "deferred", "content", 0),
        (413, "", {}, "failed", "content", 0),
        (415, "UnsupportedMediaType", {}, "deferred", "auth", 0),
        (429, "TooManyRequests", {"Retry-After": "41"}, "deferred", "content", 41),
        (429, "", {}, "deferred", "content", 60),
        (500, "", {}, "deferred", "content", 0),
        (503, "ServiceUnavailable", {"retry-after": "5"}, "deferred", "content", 5),
    ],
)
def test_http_statuses_give_outcomes(
    status: int, code: str, headers: dict[str, str], outcome: str, phase: str, retry_after: float
) -> None:
    body = json.dumps({"error": {"code": code, "message": "s3cret\r\n words"}}).encode()
    handed, asked = hand(acs, lambda _: Told(status, body, headers))
    assert [each.kind for each in handed.verdicts] == [outcome]
    assert (handed.attempt.phase, handed.retry_after) == (phase, retry_after)
    assert handed.attempt.is_remote
    assert handed.attempt.reply.text.startswith(f"HTTP {status} {code}".rstrip())
    assert ("s3cret words" in handed.attempt.reply.text) == (outcome == "failed"), "the bounce's"
    assert "s3cret words" in handed.attempt.reply.reason
    assert ": " in handed.attempt.reply.reason, "a code alone helps nobody"
    assert [each.phase for each in handed.error_replies] == [phase]
    assert len(asked) == 1


@pytest.mark.parametrize("make", [acs, graph()])
@pytest.mark.parametrize("status", [200, 302, 400, 404, 405, 415, 422])
def test_a_server_that_is_not_the_api_refuses_no_message(make: Making, status: int) -> None:
    """It accepts no credentials, so that the operator gets a report, and only one."""
    page = Told(status, b"<html>Bad Request</html>", {"location": "https://elsewhere.example"})
    handed, _ = hand(make, lambda _: page, sign_in=by_token)
    assert outcomes(handed) == [("deferred", 554)]
    assert handed.attempt.phase == "auth"
    assert handed.attempt.reply.text == f"HTTP {status}"
    assert "the target's endpoint is another server" in handed.attempt.reply.reason


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[1]", b'{"error": "x"}', b"\xff"])
def test_an_answer_that_is_no_document(body: bytes) -> None:
    handed, _ = hand(acs, lambda _: Told(502, body))
    assert outcomes(handed) == [("deferred", 451)]


@pytest.mark.parametrize("make", [acs, graph()])
def test_a_request_without_an_answer_may_have_been_taken(make: Making) -> None:
    """So no other target gets the message at once."""
    handed, _ = hand(make, lambda _: Told(body=None))
    assert outcomes(handed) == [("deferred", 451)]
    assert (handed.attempt.phase, handed.attempt.is_remote) == ("content", False)
    assert handed.error_replies == ()


@pytest.mark.parametrize("answer", [Told(202, b"", CUT), Told(202, b"x" * 1_100_000)])
def test_a_message_that_was_accepted_is_not_sent_again_for_the_rest_of_the_answer(
    answer: Told,
) -> None:
    assert outcomes(hand(graph(), lambda _: answer)[0]) == [("delivered", 250)]


def test_a_message_gets_longer_than_a_question() -> None:
    """Otherwise a large one on a slow line would never get through, or arrive twice."""
    asked: list[HttpRequest] = []

    class Service:
        async def ask(self, request: HttpRequest) -> HttpResponse:
            asked.append(request)
            return HttpResponse(202, {}, b'{"status": "Succeeded"}')

        async def close(self) -> None:
            """Nothing is open."""

    async def main() -> None:
        for make in (acs, graph()):
            service = cast("HttpClient", Service())
            transport = make("https://api.example", service, by_key(TokenCache()))
            await transport.deliver(lease(), BytesBody(CONTENT), ServerAddress("hub"), 1e9)

    asyncio.run(main())
    assert [each.timeout for each in asked] == [SENDING, SENDING]


def test_a_message_without_a_sender() -> None:
    content = b"To: b@example.net\r\n\r\nHello\r\n"
    handed, asked = hand(acs, Acs(), lease(sender=""), content=content)
    assert (outcomes(handed), asked) == ([("failed", 554)], [])


def test_blind_copies_have_verdicts_of_their_own() -> None:
    def answer(asked: Asked) -> Told:
        if asked.method == "GET":
            return SUCCEEDED
        [to] = json.loads(asked.body)["recipients"]["to"]
        bad = to["address"].startswith("bad")
        return told({"error": {"code": "BadRequest"}}, 400) if bad else told({}, 202)

    given = lease("one@example.org", "bad@example.org", "two@example.org")
    handed, _ = hand(acs, answer, given)
    assert [each.kind for each in handed.verdicts] == ["delivered", "failed", "delivered"]


@pytest.mark.parametrize("connections", [1, 3])
def test_a_target_gets_no_more_requests_at_a_time_than_it_may_have_connections(
    connections: int,
) -> None:
    """This holds for a message with many requests: here one for each blind copy."""

    class Service:
        def __init__(self) -> None:
            self.open, self.most, self.sent = 0, 0, 0

        async def ask(self, request: HttpRequest) -> HttpResponse:
            self.open += 1
            self.most = max(self.most, self.open)
            await asyncio.sleep(0.002)
            self.open -= 1
            self.sent += request.method == "POST"
            return HttpResponse(202, {}, b'{"id": "1", "status": "Succeeded"}')

        async def close(self) -> None:
            """Nothing is open."""

    async def main() -> None:
        target = AcsRestTarget(
            "acs", "https://acs.example", "c", limits=HopLimits(connections=connections)
        )
        service = Service()
        transport = AcsRestTransport(target, service, by_key(TokenCache()))
        given = lease(*[f"{number}@example.org" for number in range(20)])
        deadline = asyncio.get_running_loop().time() + 10
        both = [
            transport.deliver(given, BytesBody(CONTENT), ServerAddress("hub"), deadline)
            for _ in range(2)
        ]
        for handed in await asyncio.gather(*both):
            assert {each.kind for each in handed.verdicts} == {"delivered"}
        assert (service.most, service.sent) == (connections, 40)

    asyncio.run(main())


def test_a_request_that_is_cut_leaves_no_other_behind() -> None:
    class Service:
        async def ask(self, request: HttpRequest) -> HttpResponse:
            await asyncio.sleep(0)
            if b"cut@example.org" in request.body:
                raise Disconnected("cut")
            return HttpResponse(202 if request.body else 200, {}, b'{"status": "Running"}')

        async def close(self) -> None:
            """Nothing is open."""

    async def main() -> None:
        target = AcsRestTarget("acs", "https://acs.example", "c")
        transport = AcsRestTransport(target, Service(), by_key(TokenCache()))
        given = lease("one@example.org", "cut@example.org")
        deadline = asyncio.get_running_loop().time() + 0.1
        handed = await transport.deliver(given, BytesBody(CONTENT), ServerAddress("hub"), deadline)
        assert {each.kind for each in handed.verdicts} == {"deferred"}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_request_that_fails_hides_no_other_one_that_was_accepted() -> None:
    """Otherwise the recipients of both would go to the next target."""

    def answer(asked: Asked) -> Told:
        return Told(404) if asked.method == "GET" else told({}, 202)

    class Service:
        def __init__(self, http: HttpClient) -> None:
            self.http = http

        async def ask(self, request: HttpRequest) -> HttpResponse:
            if b"cut@example.org" in request.body:
                raise ConnectError("refused").at("connect")
            return await self.http.ask(request)

        async def close(self) -> None:
            """Its client is closed by whoever made it."""

    def make(url: str, http: HttpClient, sign_in: HttpSignIn) -> Transport:
        return acs(url, cast("HttpClient", Service(http)), sign_in)

    given = lease("cut@example.org", "one@example.org")
    handed, _ = hand(make, answer, given)
    assert handed.attempt.reply.because("") == UNSETTLED
    assert not may_try_next_target(cast("Any", handed.attempt.phase), None)


@pytest.mark.parametrize("names", [("no@example.org", "cut@example.org"), ("cut@a", "no@a")])
def test_nor_one_that_may_have_been_accepted(names: tuple[str, str]) -> None:
    class Service:
        async def ask(self, request: HttpRequest) -> HttpResponse:
            if b"cut@" in request.body:
                raise Disconnected("closed the connection")
            raise ConnectError("refused").at("connect")

        async def close(self) -> None:
            """Nothing is open."""

    def make(_url: str, _http: HttpClient, sign_in: HttpSignIn) -> Transport:
        return acs("https://acs.example", cast("HttpClient", Service()), sign_in)

    handed, _ = hand(make, lambda _: Told(), lease(*names))
    assert handed.attempt.phase == "content"
    assert not may_try_next_target("content", None)


@pytest.mark.parametrize("is_accepted", [True, False])
def test_an_attempt_that_is_cut_says_what_was_accepted(is_accepted: bool) -> None:
    """Otherwise the relay that starts next could send it to another target."""

    async def main() -> None:
        asked = asyncio.Event()

        class Service:
            async def ask(self, request: HttpRequest) -> HttpResponse:
                if request.body and is_accepted:
                    return HttpResponse(202, {}, b'{"status": "Running"}')
                asked.set()
                await asyncio.sleep(60)
                raise AssertionError("it was cut before")

            async def close(self) -> None:
                """Nothing is open."""

        target = AcsRestTarget("acs", "https://acs.example", "c")
        transport = AcsRestTransport(target, Service(), by_key(TokenCache()))
        attempt = asyncio.create_task(
            transport.deliver(lease(), BytesBody(CONTENT), ServerAddress("hub"), 1e9)
        )
        await asked.wait()
        attempt.cancel()
        if is_accepted:
            handed = await attempt
            assert handed.attempt.reply.because("") == UNSETTLED
            assert handed.attempt.phase == "content"
        else:
            with pytest.raises(asyncio.CancelledError):
                await attempt

    asyncio.run(main())


def test_a_token_that_ends_meanwhile_leaves_the_message_with_its_service() -> None:
    class Once(Source):
        async def fetch(self, scope: str) -> AccessToken:
            if self.given:
                raise TokenError("no more", is_transient=False)
            return await super().fetch(scope)

    def answer(asked: Asked) -> Told:
        return Told(401) if asked.method == "GET" else told({}, 202)

    handed, _ = hand(acs, answer, sign_in=lambda cache: BearerSignIn(cache, Once(), "scope"))
    assert handed.attempt.reply.because("") == UNSETTLED
    assert handed.attempt.phase == "content"


def test_a_page_of_another_server_is_no_operation() -> None:
    """Nothing was accepted, so another target may get the message."""
    handed, asked = hand(acs, lambda _: Told(200, b"<html>"), lease(attempts=1))
    assert outcomes(handed) == [("deferred", 451)]
    assert handed.attempt.reply.because("") != UNSETTLED
    assert [each.method for each in asked] == ["GET"]


def test_a_rate_limit_stops_what_is_left_of_a_message() -> None:
    given = lease(*[f"p{number}@example.org" for number in range(30)])
    handed, asked = hand(acs, lambda _: told({}, 429, retry_after="9"), given)
    assert {each.kind for each in handed.verdicts} == {"deferred"}
    assert len(asked) <= 8


# Graph.


def test_graph_gets_the_message_itself() -> None:
    def answer(_: Asked) -> Told:
        return Told(202, b"", {"request-id": "0a-1b"})

    given = lease("b@example.net", "hidden@example.org")
    handed, [asked] = hand(graph(), answer, given, sign_in=by_token)
    assert [(each.kind, str(each.reply)) for each in handed.verdicts] == [
        ("delivered", "250 2.0.0 HTTP 202 Accepted (request 0a-1b)")
    ] * 2
    assert asked.path == "/v1.0/users/a@example.com/sendMail"
    assert asked.headers["content-type"] == "text/plain"
    assert asked.headers["authorization"] == "Bearer t0ken1"
    content = base64.b64decode(asked.body, validate=True)
    assert content == b"Bcc: hidden@example.org\r\n" + CONTENT
    assert message_from_bytes(content, policy=policy.default)["subject"] == "hi"


@pytest.mark.parametrize(
    ("mailbox", "sender", "path"),
    [
        ("", "a@example.com", "a@example.com"),
        ("", "", "alerts@example.com"),
        ("shared box+x@example.com", "a@example.com", "shared%20box%2Bx@example.com"),
    ],
)
def test_the_mailbox_is_the_configured_one_or_the_senders(
    mailbox: str, sender: str, path: str
) -> None:
    _, [asked] = hand(graph(mailbox), lambda _: Told(202), lease(sender=sender))
    assert asked.path == f"/v1.0/users/{path}/sendMail"


@pytest.mark.parametrize(
    ("status", "code", "mailbox", "outcome", "phase", "slug"),
    [
        (403, "ErrorAccessDenied", "", "deferred", "auth", ""),
        (403, "ErrorSendAsDenied", "", "failed", "content", "sender_not_authorised"),
        (404, "ErrorInvalidUser", "", "failed", "content", "sender_not_authorised"),
        (404, "ErrorInvalidUser", "box@example.com", "deferred", "auth", ""),
        (404, "MailboxNotEnabledForRESTAPI", "box@example.com", "deferred", "auth", ""),
        (413, "ErrorMessageSizeExceeded", "", "failed", "content", ""),
        (400, "ErrorInvalidRecipients", "", "failed", "content", ""),
        (400, "ErrorMimeContentInvalidBase64String", "", "failed", "content", ""),
        (400, "UnableToDeserializePostBody", "", "failed", "content", ""),
        (400, "BadRequest", "", "deferred", "content", ""),  # a path that Graph does not have
        (400, "MissingApiVersionParameter", "", "deferred", "auth", ""),  # Resource Manager
        (401, "InvalidAuthenticationToken", "", "deferred", "auth", ""),
        (429, "ApplicationThrottled", "", "deferred", "content", "rate_limited"),
        (503, "", "", "deferred", "content", ""),
    ],
)
def test_graph_refuses(
    status: int, code: str, mailbox: str, outcome: str, phase: str, slug: str
) -> None:
    answer = told({"error": {"code": code, "message": "words"}}, status)
    handed, _ = hand(graph(mailbox), lambda _: answer, sign_in=by_token)
    assert [each.kind for each in handed.verdicts] == [outcome]
    assert handed.attempt.phase == phase
    assert handed.error is not None
    assert finding_of(handed.error) == slug
    assert ("Mail.Send" in handed.attempt.reply.reason) == (code == "ErrorAccessDenied")


@pytest.mark.parametrize(("sign_in", "slug"), [(by_token, "role_missing"), (by_key, "")])
def test_acs_denies(sign_in: Callable[[TokenCache], HttpSignIn], slug: str) -> None:
    answer = told({"error": {"code": "Denied", "message": "words"}}, 401)
    handed, _ = hand(acs, lambda _: answer, sign_in=sign_in)
    assert handed.error is not None
    assert finding_of(handed.error) == slug
    assert ("access key" in handed.attempt.reply.reason) == (not slug)


def test_a_piece_of_a_token_in_an_error_is_redacted() -> None:
    said = (
        "Access token validation failure. Invalid audience. " + "eyJ0eXAiOiJKV1QiLCJub25jZSI6Ij" * 2
    )
    document = {"error": {"code": "InvalidAuthenticationToken", "message": said}}
    handed, _ = hand(graph(), lambda _: told(document, 401), sign_in=by_token)
    assert handed.attempt.reply.reason.endswith(
        "; the API says: Access token validation failure. Invalid audience. [...]"
    )
    assert "audience" not in handed.attempt.reply.text


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ('Bearer realm="", error="invalid_token", error_description="it expired"', "it expired"),
        ('Bearer error="insufficient_claims", claims="eyJhY2Nlc3M"', "insufficient_claims"),
        ("Bearer", ""),
    ],
)
def test_a_challenge_may_say_what_is_wrong_with_a_token(field: str, said: str) -> None:
    refused = Told(401, b"", {"WWW-Authenticate": field})
    handed, _ = hand(graph(), lambda _: refused, sign_in=by_token)
    assert handed.attempt.reply.reason.partition("; the API says: ")[2] == said


@pytest.mark.parametrize(("minutes", "where"), [(20, "behind"), (-20, "ahead of")])
def test_a_refused_signature_may_be_a_matter_of_the_clock(minutes: int, where: str) -> None:
    """A signature is valid for minutes: the same key works once the clock is right."""

    class Service:
        async def ask(self, _: HttpRequest) -> HttpResponse:
            there = datetime.now(UTC) + timedelta(minutes=minutes)
            named = {"date": format_datetime(there, usegmt=True)}
            return HttpResponse(401, named, b'{"error": {"code": "Denied"}}')

        async def close(self) -> None:
            """Nothing is open."""

    transport = acs("https://api.example", cast("HttpClient", Service()), by_key(TokenCache()))
    handed = asyncio.run(transport.deliver(lease(), BytesBody(CONTENT), ServerAddress("hub"), 1e9))
    reply = handed.attempt.reply
    assert reply.reason == f"HTTP 401 Denied: our clock is 20 minutes {where} the API's"


def test_a_token_that_an_answer_repeats_is_struck_out() -> None:
    document = {"error": {"code": "ErrorInvalidRecipients", "message": "not with t0ken1"}}
    handed, _ = hand(graph(), lambda _: told(document, 400), sign_in=by_token)
    assert handed.attempt.reply.text.endswith("not with [redacted]")


@pytest.mark.parametrize(
    "state",
    [
        told({"status": "Failed", "error": {"code": "t0ken1", "message": "t0ken1"}}),
        told({"status": "Succeeded", "id": "a\r\nt0ken1"}),
        told({"status": "t0ken1"}, 200, retry_after="99999"),
        told({}, 404, x_ms_error_code="t0ken1"),
    ],
)
def test_a_token_repeated_by_an_operation_is_redacted(state: Told) -> None:
    handed, _ = hand(acs, Acs(state), sign_in=by_token)
    reply = handed.attempt.reply
    assert "t0ken" not in f"{reply} {reply.reason}"
    assert (reply.text + reply.reason).isprintable()


def test_a_token_that_is_refused_is_renewed_once() -> None:
    shown: list[str] = []

    def answer(asked: Asked) -> Told:
        shown.append(asked.headers["authorization"])
        return Told(202) if shown[-1] == "Bearer t0ken2" else Told(401)

    handed, _ = hand(graph(), answer, sign_in=by_token)
    assert outcomes(handed) == [("delivered", 250)]
    assert shown == ["Bearer t0ken1", "Bearer t0ken2"]


def test_an_attempt_ends_after_two_refused_tokens() -> None:
    handed, asked = hand(graph(), lambda _: Told(401), sign_in=by_token)
    assert outcomes(handed) == [("deferred", 535)]
    assert [each.headers["authorization"] for each in asked] == ["Bearer t0ken1", "Bearer t0ken2"]
