"""What an Entra tenant publishes: its discovery documents, and their keys."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from gatepost.directory.entra_tokens import TokenIssuer, read_issuer
from gatepost.errors import GatepostError
from gatepost.net.http import Http, HttpRequest

# Tokens of both versions are used, each with the issuer in its own document
# (https://learn.microsoft.com/entra/identity-platform/access-tokens#token-formats).
_DOCUMENTS: Final = (
    "v2.0/.well-known/openid-configuration",
    ".well-known/openid-configuration",
)


async def published_by(http: Http, authority: str, tenant_id: str) -> TokenIssuer | str:
    """Ask an authority for a tenant's issuers and keys; a ``Published``."""
    base = f"{authority.rstrip('/')}/{quote(tenant_id, safe='')}"
    try:
        discovered = [await _document(http, f"{base}/{each}") for each in _DOCUMENTS]
        keys = discovered[0].get("jwks_uri")
        if not isinstance(keys, str) or urlsplit(keys).netloc != urlsplit(authority).netloc:
            return "the discovery document names no keys at the authority"
        return read_issuer(discovered, await _document(http, keys))
    except (GatepostError, ValueError) as error:
        return f"the tenant's keys cannot be fetched: {error}"


async def _document(http: Http, url: str) -> Mapping[str, Any]:
    response = await http.ask(HttpRequest("GET", url, {"accept": "application/json"}))
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    try:
        return msgspec.json.decode(response.body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ValueError("the answer is not a JSON object") from None
