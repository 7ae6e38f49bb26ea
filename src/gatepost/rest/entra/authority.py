"""The tenant in a URL, and the URLs of its endpoints."""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from gatepost.directory.azure.entries import Tenant
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.rest.bearer import own_audiences
from gatepost.rest.entra.errors import TENANT_MALFORMED, TENANT_MISSING, TENANT_UNKNOWN, EntraError
from gatepost.rest.origin import origin
from gatepost.rest.site import Site

ANY_TENANT: Final = frozenset({"common", "organizations", "consumers"})
"""Names in the path that mean no particular tenant."""

_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


@dataclass(frozen=True, slots=True)
class Authority:
    """The issuer of tokens, under the name that the client uses."""

    base: str
    """``https://HOST:PORT``"""
    bases: frozenset[str]
    """The same, and on loopback the other names of this machine; none if the name in Host is not
    this server's."""
    name: str
    """As in the path."""
    tenant: Tenant | None
    """None: no particular tenant."""

    @property
    def path(self) -> str:
        """The tenant in URLs of responses: its id."""
        return quote(self.name, safe="") if self.tenant is None else self.tenant.id

    def url(self, path: str) -> str:
        """Return the URL of an endpoint."""
        return f"{self.base}/{self.path}/{path}"

    @property
    def issuer(self) -> str:
        """The issuer of the tenant's tokens: that of version 1.0, for every endpoint."""
        return self.url("")

    @property
    def own_names(self) -> frozenset[str]:
        """The permitted audiences of a client assertion: the endpoints and the issuer."""
        tenants = {self.path.lower(), self.name.lower()}
        ends = ("oauth2/v2.0/token", "oauth2/token", "v2.0", "")
        paths = [f"{tenant}/{end}" for tenant in tenants for end in ends]
        return frozenset(f"{base}/{path}" for base in self.bases for path in paths)


def find_authority(request: Request, site: Site) -> Authority:
    """Return the authority in a request's path, possibly of no particular tenant.

    Raises EntraError for a tenant that does not exist.
    """
    name, directory = str(request.path_params["tenant"]), site.directory
    authority = Authority(origin(request), own_audiences(request, site), name, None)
    if name.lower() in ANY_TENANT:
        return authority
    tenants = directory.all(Tenant)
    tenant = directory.get(Tenant, name) or next(
        (each for each in tenants if each.domain.lower() == name.lower()), None
    )
    if tenant is None and site.exchange is not None and tenants:
        # the accepted domains of an organisation are domains of its tenant, too
        is_accepted = site.exchange.organisation.is_internal(name)
        tenant = tenants[0] if is_accepted else None
    if tenant is not None:
        return replace(authority, tenant=tenant)
    if is_guid(name) or _DOMAIN.fullmatch(name):
        raise EntraError(
            TENANT_UNKNOWN, "tenant_unknown: no tenant has that id or domain", tenant=name[:253]
        )
    raise EntraError(
        TENANT_MALFORMED,
        "tenant_malformed: the tenant must be given by its id or domain",
        tenant=name[:253],
    )


def tenant_of(authority: Authority) -> Tenant:
    """Return the tenant, which is required. Raises EntraError."""
    if authority.tenant is None:
        raise EntraError(TENANT_MISSING, f"tenant_missing: /{authority.name} names no tenant")
    return authority.tenant
