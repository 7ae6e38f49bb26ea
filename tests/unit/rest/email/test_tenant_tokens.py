"""Tokens that a real tenant issued, at the e-mail API: the tenant's keys and our roles decide."""

from typing import Any

import jwt
import pytest

from gatepost.directory.entra_issuers import TenantIssuers, TokenIssuer
from gatepost.directory.entra_tokens import EntraTokens, audiences_of
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import NOW, TENANT, principal
from tests.unit.rest.email.calling import DataPlane

ISSUER = f"https://sts.windows.net/{TENANT}/"
PRINCIPAL = principal()


def token(**changes: Any) -> str:
    """Return a token of the application that has the role."""
    start = NOW.timestamp()
    claims = {
        "aud": "https://communication.azure.com", "iss": ISSUER, "tid": TENANT,
        "appid": PRINCIPAL.application_id, "oid": PRINCIPAL.id.upper(),
        "nbf": start - 300, "exp": start + 3600, **changes,
    }  # fmt: skip
    return jwt.encode(claims, rsa_key("tenant"), "RS256", {"kid": "tenant"})


def plane(trouble: str = "") -> DataPlane:
    """Return an API that knows a tenant whose keys are available, unless there is trouble."""

    async def published(tenant_id: str) -> TokenIssuer | str:
        assert tenant_id == TENANT
        keys = {"tenant": rsa_key("tenant").public_key()}
        return trouble or TokenIssuer(frozenset({ISSUER}), keys)

    tenants = frozenset({TENANT})
    issuers = TenantIssuers(published, tenants, NOW.timestamp)
    audiences = audiences_of("https://communication.azure.com/.default")
    tokens = EntraTokens(issuers, tenants, audiences, NOW.timestamp)
    return DataPlane(entra_tokens=lambda: tokens)


def test_the_role_on_the_resource_permits_to_send() -> None:
    api = plane()
    answer = api.send(token=token())
    assert answer.status == 202
    [(_, facts)] = [each for each in api.reports if each[0] == "accepted"]
    assert facts["principal"].endswith(f".{PRINCIPAL.application_id}.{TENANT}")
    assert api.status(answer.json["id"], token=token()).status == 200


def test_tokens_of_our_own_still_count() -> None:
    api = plane()
    assert api.send(token=api.token()).status == 202


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"aud": "https://graph.microsoft.com"}, "token_audience_wrong"),
        ({"exp": NOW.timestamp()}, "token_expired"),
        ({"tid": PRINCIPAL.id}, "tenant_unknown"),
        ({"iss": "https://sts.windows.net/other/"}, "token_issuer_wrong"),
        ({"scp": "Mail.Send"}, "token_delegated"),
    ],
)
def test_other_tokens_are_denied(changes: dict[str, Any], slug: str) -> None:
    api = plane()
    answer = api.send(token=token(**changes))
    assert answer.error == (401, "Denied", "Denied by the resource provider.")
    [refused] = [facts["reason"] for name, facts in api.reports if name == "token_refused"]
    assert refused.startswith(f"{slug}: ")


@pytest.mark.parametrize("oid", ["77777777-0000-4000-8000-000000000009", None, 5])
def test_who_has_no_role_is_denied(oid: object) -> None:
    api = plane()
    assert api.send(token=token(oid=oid)).status == 401
    [refused] = [facts["reason"] for name, facts in api.reports if name == "auth_refused"]
    assert refused.startswith("role_missing: ")


def test_while_the_keys_are_not_available_clients_try_again() -> None:
    answer = plane("the tenant's keys cannot be fetched").send(token=token())
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.error[1] == "ServiceUnavailable"
