"""People sign in to applications of the emulated tenant: the page, the code, and the ID token."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.tokens import GRAPH, InvalidToken
from tests.unit.directory.azure.world import APPLICATION, NOW, OTHER, PASSWORD, TENANT, entries
from tests.unit.rest.entra.asking import ORIGIN, PATH, Asking
from tests.unit.rest.in_process import Answered

PAGE = f"/{TENANT}/oauth2/v2.0/authorize"
HERE = "http://localhost:8025/sign-in/entra/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().strip("=")
REGISTERED = "https://console.test/callback?a=b"
WEB = replace(cast("Application", entries()["application"]), redirect_uris=(REGISTERED,))


class Time:
    """The seconds of the clock."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def asking() -> Asking:
    return people()


def people(*, web: bool = False, **site: Any) -> Asking:
    if web:
        return Asking([WEB], without=["application"], for_people=True, **site)
    return Asking(for_people=True, **site)


def query(**changes: str | None) -> str:
    values = {
        "client_id": APPLICATION, "response_type": "code", "redirect_uri": HERE,
        "scope": "openid profile", "state": "s 1", "nonce": "n-1",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes,
    }  # fmt: skip
    return urlencode({name: value for name, value in values.items() if value is not None})


def choose(asking: Asking, asked: str, **fields: str) -> Answered:
    return asking.post(fields or {"as": "admin@example.com"}, f"{PAGE}?{asked}")


def sent_back(answered: Answered) -> dict[str, str]:
    """Return the parameters with which the browser was sent to the redirect URI."""
    assert answered.status == 303, answered.body
    parts = urlsplit(answered.headers["location"])
    return {name: value for name, [value] in parse_qs(parts.query or parts.fragment).items()}


def code(asking: Asking, **changes: str | None) -> str:
    return sent_back(choose(asking, query(**changes)))["code"]


def form(code: str | None, **changes: str | None) -> dict[str, str]:
    values = {
        "client_id": APPLICATION, "grant_type": "authorization_code", "code": code,
        "redirect_uri": HERE, "code_verifier": VERIFIER, **changes,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def claims_of(asking: Asking, answered: Answered) -> Mapping[str, Any]:
    assert answered.status == 200, answered.body
    [published] = asking.get(f"/{TENANT}/discovery/v2.0/keys").json["keys"]
    key = jwt.PyJWK(published, "RS256").key
    claims: dict[str, Any] = jwt.decode(
        answered.json["id_token"], key, ["RS256"], {"verify_exp": False}, audience=APPLICATION
    )
    return claims


def test_the_page_shows_the_people(asking: Asking) -> None:
    answered = asking.get(f"{PAGE}?{query()}")
    assert answered.status == 200
    page = answered.body.decode()
    for name in ("admin", "operator", "support", "viewer", "nobody"):
        assert f'value="{name}@example.com"' in page
    assert "default-src 'none'" in answered.headers["content-security-policy"]


def test_a_person_signs_in(asking: Asking) -> None:
    back = sent_back(choose(asking, query()))
    assert back["state"] == "s 1"
    answered = asking.post(form(back["code"]))
    claims = claims_of(asking, answered)
    now = int(NOW.timestamp())
    assert claims["iss"] == f"{ORIGIN}/{TENANT}/v2.0"
    assert (claims["tid"], claims["nonce"], claims["ver"]) == (TENANT, "n-1", "2.0")
    assert (claims["preferred_username"], claims["roles"]) == ("admin@example.com", ["admin"])
    assert (claims["nbf"], claims["exp"]) == (now - 300, now + 3599)
    again = claims_of(asking, asking.post(form(code(asking))))
    assert (again["oid"], again["sub"]) == (claims["oid"], claims["sub"])


def test_anybody_else_signs_in_with_roles_and_groups(asking: Asking) -> None:
    chosen = {"name": "Zoë", "roles": "a b", "groups": OTHER}
    back = sent_back(choose(asking, query(), **chosen))
    claims = claims_of(asking, asking.post(form(back["code"])))
    assert claims["preferred_username"] == "Zoë@example.com"
    assert (claims["roles"], claims["groups"]) == (["a", "b"], [OTHER])


def test_the_access_token_of_a_person_opens_nothing_here(asking: Asking) -> None:
    answered = asking.post(form(code(asking)))
    for token in (answered.json["access_token"], answered.json["id_token"]):
        with pytest.raises(InvalidToken) as raised:
            asking.tokens.verify(token, GRAPH | {APPLICATION})
        assert raised.value.slug in ("token_delegated", "token_malformed")


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_response_modes(asking: Asking, mode: str) -> None:
    answered = choose(asking, query(response_mode=mode))
    if mode == "form_post":
        assert f'action="{HERE}"' in answered.body.decode()
        assert 'name="code"' in answered.body.decode()
    else:
        mark = {"query": "?", "fragment": "#"}[mode]
        assert answered.headers["location"].startswith(f"{HERE}{mark}code=")


def test_a_registered_redirect_uri_keeps_its_query() -> None:
    answered = choose(people(web=True), query(redirect_uri=REGISTERED))
    assert answered.headers["location"].startswith(f"{REGISTERED}&code=")


# fmt: off
SHOWN_HERE = [
    # the request, with the application's redirect URI registered or not    AADSTS
    ({"client_id": None},                                        False,     900144),
    ({"client_id": OTHER},                                       False,     700016),
    ({"redirect_uri": None},                                     False,     900144),
    ({"redirect_uri": "https://evil.test/"},                     False,      50011),
    ({"redirect_uri": "http://localhost@evil.test/"},            False,      50011),
    ({"redirect_uri": "http://localhost.evil.test/"},            False,      50011),
    ({"redirect_uri": "http://localhost\\@evil.test/"},          False,      50011),
    ({"redirect_uri": "javascript://localhost/%0aalert(1)"},     False,      50011),
    ({"redirect_uri": HERE},                                     True,       50011),
    ({"redirect_uri": f"{REGISTERED}x"},                         True,       50011),
]
SENT_BACK = [
    ({"response_type": "id_token"},                              "unsupported_response_type"),
    ({"response_type": None},                                    "invalid_request"),
    ({"scope": None},                                            "invalid_request"),
    ({"response_mode": "web"},                                   "invalid_request"),
    ({"code_challenge": None},                                   "invalid_request"),
    ({"code_challenge": "short"},                                "invalid_request"),
    ({"code_challenge_method": "plain"},                         "invalid_request"),
    ({"prompt": "none"},                                         "login_required"),
]
REFUSED = [
    # the token request                                          AADSTS
    ({"code": None},                                             900144),
    ({"redirect_uri": None},                                     900144),
    ({"code": "guessed"},                                         70000),
    ({"client_id": OTHER},                                       700016),
    ({"redirect_uri": f"{HERE}2"},                               500112),
    ({"code_verifier": "w" * 43},                                501481),
    ({"code_verifier": None},                                    501481),
    ({"client_secret": "wrong"},                                7000215),
]
# fmt: on


@pytest.mark.parametrize(("changes", "web", "number"), SHOWN_HERE)
def test_nobody_is_sent_to_an_address_that_is_not_the_applications(
    changes: dict[str, str | None], web: bool, number: int
) -> None:
    answered = choose(people(web=web), query(**changes))
    assert answered.status == 400
    assert f"AADSTS{number}" in answered.body.decode()
    assert "location" not in answered.headers


@pytest.mark.parametrize(("changes", "error"), SENT_BACK)
def test_other_mistakes_go_to_the_application(
    asking: Asking, changes: dict[str, str | None], error: str
) -> None:
    back = sent_back(asking.get(f"{PAGE}?{query(**changes)}"))
    assert (back["error"], back["state"]) == (error, "s 1")


@pytest.mark.parametrize(("changes", "number"), REFUSED)
def test_a_code_needs_everything_of_its_request(
    asking: Asking, changes: dict[str, str | None], number: int
) -> None:
    answered = asking.post(form(**{"code": code(asking), **changes}))
    assert answered.number == number


def test_a_code_works_once() -> None:
    asking = people()
    issued = code(asking)
    assert asking.post(form(issued)).status == 200
    assert asking.post(form(issued)).number == 54005


def test_a_code_lasts_ten_minutes() -> None:
    time = Time()
    asking = people(seconds=time)
    issued = code(asking)
    time.now += 601
    assert asking.post(form(issued)).number == 70008


def test_an_application_with_registered_uris_needs_its_secret() -> None:
    asking = people(web=True)
    changes: dict[str, str | None] = {"redirect_uri": REGISTERED}
    assert asking.post(form(code(asking, **changes), **changes)).number == 7000218
    without = {"code_challenge": None, "code_challenge_method": None}
    issued = code(asking, **changes, **without)
    changes |= {"client_secret": PASSWORD, "code_verifier": None}
    assert asking.post(form(issued, **changes)).status == 200


def test_a_relay_that_is_no_emulation_offers_no_such_page() -> None:
    asking = Asking()
    assert asking.get(f"{PAGE}?{query()}").status == 404
    assert asking.post(form("code")).number == 70003
    document = asking.get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json
    assert document["grant_types_supported"] == ["client_credentials"]


def test_discovery_names_what_people_need(asking: Asking) -> None:
    document = asking.get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json
    assert document["authorization_endpoint"] == ORIGIN + PAGE
    assert document["token_endpoint"] == ORIGIN + PATH
    assert "authorization_code" in document["grant_types_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
