"""Signing in at Entra: the console against the emulated tenant, both in this process."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.app.make_entra_directory import open_issuers
from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.client.tokens.entra_code import CodeExchange
from gatepost.console.access.entra_sign_in import CALLBACK, LASTS, ConsoleApplication, EntraSignIn
from gatepost.directory.azure.entries import Application
from gatepost.directory.entra_issuers import TenantIssuers
from gatepost.errors import ConnectError
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http, HttpRequest, HttpResponse
from tests.examples import examples
from tests.unit.console.access.guarded import HOST, ORIGIN, Guarded
from tests.unit.directory.azure.world import APPLICATION, NOW, PASSWORD, TENANT, entries
from tests.unit.rest.entra.asking import ORIGIN as AUTHORITY
from tests.unit.rest.entra.asking import Asking
from tests.unit.rest.in_process import Answered, Question, ask

GROUP = "99999999-0000-4000-8000-000000000001"
ROLES: Any = {"viewer": ("viewer", GROUP), "operator": ("operator",), "admin": ("admin",)}
VISIT: dict[str, Any] = {
    "sec_fetch_site": "cross-site",
    "sec_fetch_mode": "navigate",
    "sec_fetch_dest": "document",
}
WEB = replace(cast("Application", entries()["application"]), redirect_uris=(ORIGIN + CALLBACK,))


class InProcessHttp:
    """Implements ``Http``: the emulated tenant answers, or nobody."""

    def __init__(self, tenant: Asking) -> None:
        self.tenant, self.is_down, self.forms = tenant, False, list[dict[str, list[str]]]()

    async def ask(self, request: HttpRequest) -> HttpResponse:
        if self.is_down:
            raise ConnectError("nobody listens there")
        if request.method == "POST":
            self.forms.append(parse_qs(request.body.decode()))
        parts = urlsplit(request.url)
        question = Question(
            request.method, parts.path, parts.query, {"host": parts.netloc, **request.headers},
            [request.body],
        )  # fmt: skip
        answered = await ask(self.tenant.application, question)
        return HttpResponse(answered.status, answered.headers, answered.body)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class World:
    """The console, its tenant, and a browser between them."""

    secret: str = ""
    roles: Any = field(default_factory=lambda: ROLES)
    cookie: str = ""

    def __post_init__(self) -> None:
        there, without = ([WEB], ["application"]) if self.secret else ([], [])
        self.tenant = Asking(there, without, for_people=True)
        self.http = InProcessHttp(self.tenant)
        http = cast("Http", self.http)
        application = EntraApplication(TENANT, APPLICATION, AUTHORITY)
        proof = EntraSecret(http, application, lambda: Secret(self.secret)) if self.secret else None
        self.console = Guarded()
        self.console.gate.entra = EntraSignIn(
            ConsoleApplication(TENANT, APPLICATION, self.roles),
            self.issuers(http),
            CodeExchange(http, APPLICATION, proof),
            NOW.timestamp,
            lambda: self.console.seconds,
        )

    def issuers(self, http: Http) -> TenantIssuers:
        return open_issuers(http, AUTHORITY, [TENANT])

    def begin(self, path: str = "", **options: Any) -> str:
        """Return the address at Entra to which the browser is led."""
        query = f"next={quote(path)}" if path else ""
        answered = self.console.ask("/sign-in/entra", query=query, **options)
        assert answered.status == 303, answered.body
        self.cookie = answered.headers["set-cookie"]
        return answered.headers["location"]

    def choose(self, address: str, **fields: str) -> str:
        """Return the address to which Entra sends the browser back."""
        parts = urlsplit(address)
        chosen = fields or {"as": "operator@example.com"}
        answered = self.tenant.post(chosen, f"{parts.path}?{parts.query}")
        assert answered.status == 303, answered.body
        return answered.headers["location"]

    def finish(self, address: str, **options: Any) -> Answered:
        parts = urlsplit(address)
        assert parts.path == CALLBACK
        options = {**VISIT, "cookie": self.cookie.partition(";")[0], **options}
        return self.console.ask(CALLBACK, query=parts.query, **options)

    def sign_in(self, path: str = "", **fields: str) -> Answered:
        return self.finish(self.choose(self.begin(path), **fields))

    @property
    def reasons(self) -> list[str]:
        """The reasons of refusals, for the operator."""
        told = self.console.reported
        return [facts["reason"] for event, facts in told if event == "console_refused"]


def cookies_of(answered: Answered) -> Mapping[str, str]:
    """Return a response's last cookie: the others are overwritten in the dict of its headers."""
    name, _, rest = answered.headers["set-cookie"].partition("=")
    return {name: rest.partition(";")[0]}


def text_of(answered: Answered) -> str:
    [text] = re.findall(r'<p class="notice bad" role="alert">(.*?)</p>', answered.body.decode())
    return unescape(text)


ANY = World()


@pytest.fixture
def world() -> World:
    return World()


def test_begins_with_everything_that_protects_it(world: World) -> None:
    address = world.begin()
    query = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{AUTHORITY}/{TENANT}/oauth2/v2.0/authorize?")
    assert query["redirect_uri"] == f"{ORIGIN}{CALLBACK}"
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert len({query[each] for each in ("state", "nonce", "code_challenge")}) == 3
    assert all(len(query[each]) == 43 for each in ("state", "nonce", "code_challenge"))
    for part in ("HttpOnly", "SameSite=lax", "Path=/sign-in/entra", "Max-Age=600"):
        assert part in world.cookie
    assert "Secure" not in world.cookie
    assert not any(query[each] in world.cookie for each in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"as": "operator@example.com"}, "operator@example.com operator"),
        ({"as": "viewer@example.com"}, "viewer@example.com viewer"),
        ({"name": "ann", "roles": "viewer ADMIN other"}, "ann@example.com admin"),
        ({"name": "ann", "groups": GROUP.upper()}, "ann@example.com viewer"),
    ],
)
def test_roles_and_groups_become_a_role(world: World, fields: dict[str, str], user: str) -> None:
    answered = world.sign_in(**fields)
    assert b'http-equiv="refresh" content="0; url=/"' in answered.body
    login = next(iter(world.console.gate.logins)).user
    assert f"{login.name} {login.role}" == user
    assert ("console_signed_in", {"peer": "127.0.0.1", "user": login.name}) in (
        world.console.reported
    )


def test_with_a_secret(world: World) -> None:
    world = World(secret=PASSWORD)
    assert world.sign_in().status == 200
    assert world.http.forms[-1]["client_secret"] == [PASSWORD]


def test_leads_to_the_page_that_was_wanted(world: World) -> None:
    answered = world.sign_in("/sessions?q=a&b='\"<")
    assert b"url=/sessions?q=a&amp;b=&#39;&#34;&lt;" in answered.body


@pytest.mark.parametrize(
    "path", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/" * 2000]
)
def test_leads_nowhere_else(world: World, path: str) -> None:
    assert b'content="0; url=/"' in world.sign_in(path).body


def test_a_login_ends_even_if_it_is_used(world: World) -> None:
    world.sign_in()
    logins = world.console.gate.logins
    for _ in range(8):
        assert len(list(logins)) == 1
        next(iter(logins)).seen = world.console.seconds
        world.console.seconds += LASTS / 8
    assert list(logins) == []


def stale(world: World, answered: Answered, slug: str) -> None:
    assert answered.status == 401
    assert text_of(answered).startswith("This sign-in was not begun in this browser")
    assert world.reasons[-1].startswith(f"{slug}:")
    assert list(world.console.gate.logins) == []


def test_another_browser_cannot_finish(world: World) -> None:
    address = world.choose(world.begin())
    stale(world, world.finish(address, cookie="a=b"), "entra_state")
    world.begin()
    stale(world, world.finish(address), "entra_state")


@pytest.mark.parametrize("change", [("state=", "state=x"), ("state=", "s="), ("state=", "state=é")])
def test_a_wrong_state(world: World, change: tuple[str, str]) -> None:
    stale(world, world.finish(world.choose(world.begin()).replace(*change)), "entra_state")


def test_a_changed_cookie(world: World) -> None:
    address = world.choose(world.begin("/sessions"))
    name, _, value = world.cookie.partition(";")[0].partition("=")
    random, began, path = value.split(".")
    for changed in (f"{random}.{int(began) + 900}.{path}", f"{random}.{began}.Ly9ldmls", "..", ""):
        stale(world, world.finish(address, cookie=f"{name}={changed}"), "entra_state")


def test_a_sign_in_may_take_ten_minutes(world: World) -> None:
    address = world.choose(world.begin())
    world.console.seconds += 601
    stale(world, world.finish(address), "entra_late")


def test_a_sign_in_works_once(world: World) -> None:
    address = world.choose(world.begin())
    assert world.finish(address).status == 200
    world.console.gate.logins.end_all()
    stale(world, world.finish(address), "entra_again")


def test_without_a_code(world: World) -> None:
    address = re.sub("code=[^&]+", "", world.choose(world.begin()))
    stale(world, world.finish(address), "entra_no_code")


def test_a_code_of_somebody_else(world: World) -> None:
    """An attacker's own code, put into the victim's sign-in, has another nonce and verifier."""
    attackers = parse_qs(urlsplit(world.choose(world.begin())).query)["code"][0]
    address = re.sub("code=[^&]+", f"code={attackers}", world.choose(world.begin()))
    answered = world.finish(address)
    assert answered.status == 401
    assert "AADSTS501481" in text_of(answered)


def test_nobody_without_a_role(world: World) -> None:
    answered = world.sign_in(**{"as": "nobody@example.com"})
    assert answered.status == 401
    assert text_of(answered).startswith("You are nobody@example.com, but none of your app roles")
    assert world.reasons == [
        "entra_role: nobody@example.com has no app role or group of [console.entra]"
    ]


def test_entra_refuses(world: World) -> None:
    state = parse_qs(urlsplit(world.begin()).query)["state"][0]
    description = "AADSTS65004: User declined to consent. <script>"
    query = {"error": "access_denied", "error_description": description, "state": state}
    answered = world.finish(f"{ORIGIN}{CALLBACK}?{urlencode(query)}")
    assert text_of(answered).startswith("Microsoft Entra did not sign you in (AADSTS65004)")
    assert b"<script>" not in answered.body


def test_a_wrong_secret_is_for_the_operator(world: World) -> None:
    world = World(secret="wrong")
    answered = world.sign_in()
    assert text_of(answered).startswith("Microsoft Entra does not accept this console's")
    assert "AADSTS7000215" in world.reasons[0]
    assert "Create a new client secret" in world.reasons[0]


def test_entra_is_down(world: World) -> None:
    address = world.choose(world.begin())
    world.http.is_down = True
    answered = world.finish(address)
    assert answered.status == 503
    assert text_of(answered) == "Microsoft Entra cannot be reached now. Try again in a minute."
    world = World()
    world.http.is_down = True
    assert world.console.ask("/sign-in/entra").status == 503


def test_a_tenant_that_signs_with_another_key(world: World) -> None:
    address = world.choose(world.begin())
    world.tenant.tokens.sign = lambda claims: Secret(str(claims)[:0] + "e30.e30.e30")  # type: ignore[method-assign]
    answered = world.finish(address)
    assert text_of(answered).startswith("What Microsoft Entra says about you is not valid here")
    assert world.reasons[0].startswith("token_")


def test_ten_failures_of_an_address_are_enough(world: World) -> None:
    for _ in range(10):
        assert world.finish(f"{ORIGIN}{CALLBACK}?state=x&code=y").status == 401
    assert world.finish(f"{ORIGIN}{CALLBACK}?state=x&code=y").status == 429
    assert world.http.forms == []


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["state", "code", "error", "error_description", "x"]), st.text(max_size=80)
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
)
def test_whatever_comes_back_signs_nobody_in(answer: dict[str, str], cookie: str) -> None:
    console = ANY.console
    console.seconds += 60.0  # failures are forgiven
    query = urlencode(answer, errors="surrogatepass")
    answered = console.ask(CALLBACK, query=query, cookie=f"gatepost-8025-entra={cookie}", **VISIT)
    assert answered.status == 401
    assert list(console.gate.logins) == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (CALLBACK, VISIT, 401),
        (CALLBACK, {**VISIT, "sec_fetch_mode": "no-cors"}, 403),
        (CALLBACK, {**VISIT, "sec_fetch_dest": "iframe"}, 403),
        ("/sign-in/entra", VISIT, 403),
        ("/sign-in", VISIT, 403),
        ("/", VISIT, 403),
        (CALLBACK, {**VISIT, "host": "evil.test"}, 421),
    ],
)
def test_another_site_may_lead_to_the_callback_only(
    world: World, path: str, headers: dict[str, Any], status: int
) -> None:
    assert world.console.ask(path, **{"host": HOST, **headers}).status == status


def test_without_entra_there_is_nothing() -> None:
    guarded = Guarded()
    assert guarded.ask("/sign-in/entra").status == 404
    assert guarded.ask(CALLBACK, **VISIT).status == 404
    assert b"Entra" not in guarded.ask("/sign-in").body


def test_the_page_offers_it(world: World) -> None:
    page = world.console.ask("/sign-in", query="next=/sessions?a=b").body
    assert b'href="/sign-in/entra?next=/sessions%3Fa%3Db"' in page


def test_behind_tls_the_cookie_is_secure(world: World) -> None:
    ask_over_tls = partial(world.begin, scheme="https")
    assert "redirect_uri=https%3A%2F%2Flocalhost" in ask_over_tls()
    assert "Secure" in world.cookie
