"""A tenant as a URL names it, and the URLs of its endpoints."""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Tenant
from gatepost.directory.azure.paths import is_guid
from gatepost.rest.entra.errors import TENANT_MALFORMED, TENANT_MISSING, TENANT_UNKNOWN, EntraError
from gatepost.rest.origin import origin, origins

ANY_TENANT: Final = frozenset({"common", "organizations", "consumers"})
"""What stands in the path for no tenant in particular."""

_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues, under the name that the client uses for it."""

    base: str
    """``https://HOST:PORT``"""
    bases: frozenset[str]
    """The same, and on loopback the other names of this machine."""
    name: str
    """As the path names it."""
    tenant: Tenant | None
    """None: no tenant in particular."""

    @property
    def path(self) -> str:
        """What stands for the tenant in the URLs that we return: its id."""
        return quote(self.name, safe="") if self.tenant is None else self.tenant.id

    def url(self, path: str) -> str:
        """Return the URL of an endpoint."""
        return f"{self.base}/{self.path}/{path}"

    @property
    def issuer(self) -> str:
        """The issuer of the tenant's tokens: of version 1.0, whichever endpoint gives them."""
        return self.url("")

    @property
    def own_names(self) -> frozenset[str]:
        """What a client assertion may give as its audience: an endpoint, or an issuer."""
        tenants = {self.path.lower(), self.name.lower()}
        ends = ("oauth2/v2.0/token", "oauth2/token", "v2.0", "")
        paths = [f"{tenant}/{end}" for tenant in tenants for end in ends]
        return frozenset(f"{base}/{path}" for base in self.bases for path in paths)


def find_authority(request: Request, directory: AzureDirectory) -> Authority:
    """Return the authority of a request's path, which may be of no tenant in particular.

    Raises EntraError for a tenant that is not there.
    """
    name: str = request.path_params["tenant"]
    authority = Authority(origin(request), origins(request), name, None)
    if name.lower() in ANY_TENANT:
        return authority
    tenant = directory.get(Tenant, name) or next(
        (each for each in directory.all(Tenant) if each.domain.lower() == name.lower()), None
    )
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
    """Return the tenant that must be there. Raises EntraError."""
    if authority.tenant is None:
        raise EntraError(TENANT_MISSING, f"tenant_missing: /{authority.name} names no tenant")
    return authority.tenant
