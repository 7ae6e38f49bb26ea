"""The documents that clients read before they request a token (OpenID Connect Discovery 1.0)."""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.rest.entra.authority import Authority, find_authority
from gatepost.rest.entra.errors import (
    INSTANCE_UNKNOWN,
    PARAMETER_MISSING,
    EntraError,
)
from gatepost.rest.origin import authority as authority_of
from gatepost.rest.origin import origin, origins, without_port
from gatepost.rest.site import Site

_OF_PEOPLE: Final = [
    "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
]  # fmt: skip
_DAY: Final = {"cache-control": "max-age=86400, private"}


def configuration(
    authority: Authority, version: str, *, for_people: bool = False
) -> dict[str, Any]:
    """Return the document of a tenant; ``version`` is ``v2.0``, or empty for the first version.
    ``for_people``: they can sign in, too.

    Without a tenant, the issuer contains ``{tenantid}``, as in Entra.
    """
    tenant = "{tenantid}" if authority.tenant is None else authority.path
    oauth2 = f"oauth2/{version}".rstrip("/")
    keys = "/".join(filter(None, ("discovery", version, "keys")))
    return {
        "issuer": f"{authority.base}/{tenant}/{version}",
        "authorization_endpoint": authority.url(f"{oauth2}/authorize"),
        "token_endpoint": authority.url(f"{oauth2}/token"),
        "jwks_uri": authority.url(keys),
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "client_secret_basic",
            "private_key_jwt",
        ],
        "grant_types_supported": [
            "client_credentials",
            *(_OF_PEOPLE if for_people else []),
        ],
        "response_types_supported": ["code", "id_token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        **(
            {
                "code_challenge_methods_supported": ["S256"],
                "device_authorization_endpoint": authority.url("oauth2/v2.0/devicecode"),
            }
            if for_people
            else {}
        ),
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "request_uri_parameter_supported": False,
        "tenant_region_scope": None,
    }


async def show_configuration(
    site: Site, request: Request, version: str, *, for_people: bool = False
) -> Response:
    """``GET /{tenant}/[v2.0/].well-known/openid-configuration``"""
    try:
        authority = find_authority(request, site)
    except EntraError as error:  # the name of the error differs from that at the token endpoint
        error.refusal = replace(error.refusal, error="invalid_tenant")
        raise
    document = configuration(authority, version, for_people=for_people)
    return JSONResponse(document, headers=_DAY)


async def show_keys(site: Site, request: Request) -> Response:
    """``GET /{tenant}/discovery/[v2.0/]keys`` (RFC 7517 5)"""
    authority = find_authority(request, site)
    issuer = f"{authority.base}/{'{tenantid}' if authority.tenant is None else authority.path}/v2.0"
    keys = [{**key, "issuer": issuer} for key in site.tokens.key_set["keys"]]
    return JSONResponse({"keys": keys}, headers=_DAY)


async def show_instance(_site: Site, request: Request) -> Response:
    """``GET /common/discovery/instance``: whether an authority belongs to this server.

    The only authority is this origin. msal for Python omits its port, so the port is optional.
    """
    endpoint = request.query_params.get("authorization_endpoint", "")
    if not endpoint:
        raise EntraError(PARAMETER_MISSING, name="authorization_endpoint")
    scheme, _, rest = endpoint.partition("://")
    named, _, path = rest.partition("/")
    tenant = path.partition("/")[0]
    names = {each.partition("://")[2] for each in origins(request)}
    names |= {without_port(each) for each in names}
    if scheme.lower() != "https" or named.lower() not in names or not tenant:
        raise EntraError(INSTANCE_UNKNOWN, "instance_unknown: that authority is not this origin")
    host = authority_of(request)
    path = f"{quote(tenant, safe='')}/v2.0/.well-known/openid-configuration"
    return JSONResponse(
        {
            "tenant_discovery_endpoint": f"{origin(request)}/{path}",
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": host,
                    "preferred_cache": host,
                    "aliases": sorted({host, without_port(host)}, reverse=True),
                },
            ],
        },
        headers=_DAY,
    )
