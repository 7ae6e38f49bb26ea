"""Our token sources against our Entra, with every refusal that they can get."""

import asyncio
from collections.abc import Callable, Iterator

import jwt
import pytest

from gatepost.client.tokens.contract import AccessToken, TokenSource
from gatepost.client.tokens.entra import EntraApplication, EntraCertificate, EntraSecret
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http, HttpClient, HttpRequest, HttpResponse
from gatepost.testing import Emulator
from tests.client_certificates import make_certificate
from tests.clients.entra_world import Site, prepare

SCOPE = "https://communication.azure.com/.default"
UNKNOWN = "99999999-0000-0000-0000-000000000009"
OPTIONS = ("--https", "127.0.0.1:0", "--http", "off")

Making = Callable[[Site, Http], TokenSource]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("entra") / "data"
    world = prepare(data)
    with Emulator(data=data, options=OPTIONS) as relay:
        yield Site(relay, world)


def fetch(site: Site, make: Making, scope: str = SCOPE) -> AccessToken:
    async def run() -> AccessToken:
        http = HttpClient(ca_file=site.relay.ca_file)
        try:
            return await make(site, http).fetch(scope)
        finally:
            await http.close()

    return asyncio.run(run())


def by_secret(secret: str = "", client: str = "", tenant: str = "") -> Making:
    def make(site: Site, http: Http) -> TokenSource:
        application = EntraApplication(tenant or site.tenant, client or site.client, site.url)
        return EntraSecret(http, application, lambda: Secret(secret or site.secret))

    return make


def by_certificate(pem: bytes) -> Making:
    def make(site: Site, http: Http) -> TokenSource:
        application = EntraApplication(site.tenant, site.client, site.url)
        return EntraCertificate(http, application, lambda: Secret(pem.decode()))

    return make


def check(site: Site, token: AccessToken) -> None:
    claims = jwt.decode(token.secret.reveal(), options={"verify_signature": False})
    assert claims["tid"] == site.tenant
    assert claims["aud"].rstrip("/") == SCOPE.removesuffix("/.default")
    assert token.lifetime > 3000


def test_a_secret(site: Site) -> None:
    check(site, fetch(site, by_secret()))


def test_a_certificate(site: Site) -> None:
    check(site, fetch(site, by_certificate(site.world.certificate.pem)))


@pytest.mark.parametrize(
    ("case", "number", "slug"),
    [
        ("wrong secret", 7000215, "oauth_client_auth_failed"),
        ("the secret's id", 7000215, "oauth_client_auth_failed"),
        ("expired secret", 7000222, "expired_secret"),
        ("unknown application", 700016, "oauth_client_auth_failed"),
        ("unknown tenant", 90002, "oauth_client_auth_failed"),
        ("another tenant's", 700016, "oauth_client_auth_failed"),
        ("no service principal", 7000229, "oauth_client_auth_failed"),
        ("unknown certificate", 700027, "oauth_client_auth_failed"),
        ("expired certificate", 700027, "oauth_client_auth_failed"),
    ],
)
def test_refusals(site: Site, case: str, number: int, slug: str) -> None:
    world = site.world
    lonely, elsewhere = world.without_principal, world.elsewhere
    makings = {
        "wrong secret": by_secret("wr0ng"),
        "the secret's id": by_secret(world.secret_id),
        "expired secret": by_secret(world.expired_secret),
        "unknown application": by_secret(client=UNKNOWN),
        "unknown tenant": by_secret(tenant=UNKNOWN),
        "another tenant's": by_secret(elsewhere[1], elsewhere[0]),
        "no service principal": by_secret(lonely[1], lonely[0]),
        "unknown certificate": by_certificate(make_certificate("other").pem),
        "expired certificate": by_certificate(world.expired_certificate.pem),
    }
    with pytest.raises(TokenError) as caught:
        fetch(site, makings[case])
    error = caught.value
    assert (error.number, finding_of(error), error.is_transient) == (number, slug, False)
    for secret in (site.secret, world.expired_secret, "wr0ng"):
        assert secret not in f"{error} {error!r}"


def test_a_scope_that_is_none(site: Site) -> None:
    with pytest.raises(TokenError, match="AADSTS1002012"):
        fetch(site, by_secret(), "mail.send")


class Counting(HttpClient):
    asked = 0

    async def ask(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        return await super().ask(request)


def test_many_deliveries_share_one_request(site: Site) -> None:
    async def run() -> int:
        http, cache = Counting(ca_file=site.relay.ca_file), TokenCache()
        try:
            source = by_secret()(site, http)
            held = await asyncio.gather(*(cache.get(source, SCOPE) for _ in range(50)))
            assert len({each.reveal() for each in held}) == 1
            return http.asked
        finally:
            await cache.close()
            await http.close()

    assert asyncio.run(run()) == 1
