"""Bearer tokens at the APIs: the accepted ones, and the refusals."""

from typing import Any

import pytest
from starlette.requests import Request

from gatepost.directory.azure.tokens import COMMUNICATION, MANAGEMENT
from gatepost.rest.bearer import authenticate_bearer, own_audiences
from gatepost.rest.errors import ApiError
from gatepost.rest.origin import origins
from gatepost.rest.site import OwnNames
from tests.unit.directory.azure.world import APPLICATION, PRINCIPAL, principal
from tests.unit.rest.entra.asking import Asking

ASKING = Asking()
ACS = "https://communication.azure.com"


def request(*authorization: str, host: str = "localhost:2443") -> Request:
    headers = [(b"host", host.encode()), *((b"authorization", v.encode()) for v in authorization)]
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "https",
            "path": "/emails",
            "headers": headers,
            "query_string": b"",
            "server": ("127.0.0.1", 2443),
        }
    )


def token(audience: str = ACS) -> str:
    issued = ASKING.tokens.issue(principal(), audience, "issuer")
    return issued.token.reveal()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer "])
def test_a_token_lets_in(scheme: str) -> None:
    claims = authenticate_bearer(request(f"{scheme} {token()}"), ASKING.site, COMMUNICATION)
    assert (claims.application_id, claims.principal_id) == (APPLICATION, PRINCIPAL)


@pytest.mark.parametrize("own", ["https://localhost:2443", "https://127.0.0.1:2443/"])
def test_a_token_for_this_origin(own: str) -> None:
    asked = request(f"Bearer {token(own)}")
    audiences = MANAGEMENT | own_audiences(asked, ASKING.site)
    assert authenticate_bearer(asked, ASKING.site, audiences).audience == own


# fmt: off
HOSTS = [
    # Host, configured names, whether a token for https://HOST is accepted
    ("localhost:2443",                    (),                        True),
    ("127.0.0.1:1",                       (),                        True),
    ("127.8.9.1",                         (),                        True),
    ("[::1]:2443",                        (),                        True),
    ("acs-demo.communication.localhost",  (),                        True),
    ("Mail:2443",                         ("mail",),                 True),
    ("a.example.com",                     ("*.example.com",),        True),
    ("192.0.2.1:2443",                    ("192.0.2.1",),            True),
    ("[2001:DB8::1]:2443",                ("2001:db8::1",),          True),
    ("mail:2443",                         (),                        False),
    ("graph.microsoft.com",               (),                        False),
    ("a.b.example.com",                   ("*.example.com",),        False),
    ("example.com",                       ("*.example.com",),        False),
    ("mail.evil.example",                 ("mail",),                 False),
    ("192.0.2.2",                         ("192.0.2.1", "*.0.2.2"),  False),
    ("graph.microsoft.com",               ("graph.microsoft.com",),  False),
    ("graph.microsoft.com",               ("*.microsoft.com",),      False),
    ("management.azure.com",              ("management.azure.com",), False),
    ("login.windows.net",                 (),                        False),
]
# fmt: on


@pytest.mark.parametrize(("host", "names", "accepted"), HOSTS)
def test_a_token_for_the_name_in_host_needs_a_name_of_this_server(
    host: str, names: tuple[str, ...], accepted: bool
) -> None:
    site = Asking(names=OwnNames(lambda: names)).site
    asked = request(host=host)
    assert (f"https://{host.lower()}" in own_audiences(asked, site)) is accepted


# fmt: off
REFUSED: list[tuple[tuple[str, ...], str, str]] = [
    ((),                                          "AuthenticationFailed",       "token_missing"),
    (("Basic YTpi",),                             "AuthenticationFailed",       "token_missing"),
    (("Bearer",),                                 "AuthenticationFailed",       "token_missing"),
    ((f"Bearer {token()} x",),                    "AuthenticationFailed",       "token_missing"),
    ((f"Bearer {token()}", f"Bearer {token()}"),  "AuthenticationFailed",       "token_missing"),
    (("Bearer x",),                               "InvalidAuthenticationToken", "token_malformed"),
    ((f"Bearer {token()[:-9]}AAAAAAAAA",),        "InvalidAuthenticationToken", "token_"),
    ((f"Bearer {token('https://x.example')}",),
     "InvalidAuthenticationTokenAudience", "token_audience_wrong"),
]
# fmt: on


@pytest.mark.parametrize(("values", "code", "reason"), REFUSED)
def test_refused(values: tuple[str, ...], code: str, reason: str) -> None:
    ASKING.reported.clear()
    with pytest.raises(ApiError) as caught:
        authenticate_bearer(request(*values), ASKING.site, COMMUNICATION)
    error = caught.value
    assert (error.status, error.code) == (401, code)
    assert error.reason.startswith(reason)
    challenge = error.headers["www-authenticate"]
    expected = 'Bearer authorization_uri="https://localhost:2443/common/oauth2/authorize"'
    assert challenge.startswith(expected)
    assert ('error="invalid_token"' in challenge) is (code != "AuthenticationFailed")
    said: Any = (ASKING.reported, error.document, challenge)
    assert all(value.split()[-1] not in str(said) for value in values if len(value) > 60)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("gatepost.example:8443", {"https://gatepost.example:8443"}),
        ("Gatepost.Example", {"https://gatepost.example"}),
        ("[::1]:1", {"https://localhost:1", "https://127.0.0.1:1", "https://[::1]:1"}),
        ("localhost", {"https://localhost", "https://127.0.0.1", "https://[::1]"}),
    ],
)
def test_origins(host: str, expected: set[str]) -> None:
    assert origins(request(host=host)) == expected


@pytest.mark.parametrize("host", ["", "a/b", "a b", "x:y", 'a"', "a:1:2", "[x]"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(ApiError) as caught:
        origins(request(host=host))
    assert caught.value.code == "InvalidHostName"
