"""The client credentials grant: the checks in order, and the token (RFC 6749 4.4).

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gatepost.directory.azure.entries import (
    Application,
    ClientCertificate,
    ServicePrincipal,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.login_checks import Denial
from gatepost.directory.azure.roles import permissions_of
from gatepost.directory.azure.tokens import GRAPH, OUTLOOK, IssuedToken, resource_name
from gatepost.rest.entra.assertion import TYPE, Expected, check_assertion
from gatepost.rest.entra.authority import Authority, tenant_of
from gatepost.rest.entra.errors import (
    APPLICATION_UNKNOWN,
    CREDENTIAL_MISSING,
    GRANT_UNSUPPORTED,
    PRINCIPAL_MISSING,
    RESOURCE_IN_V2,
    RESOURCE_UNKNOWN,
    SCOPE_INVALID,
    SCOPES_OF_SEVERAL,
    SECRET_EXPIRED,
    SECRET_WRONG,
    EntraError,
)
from gatepost.rest.entra.token_request import Form
from gatepost.rest.site import Site

GRANT: str = "client_credentials"


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and its application."""

    issued: IssuedToken
    application: Application
    tenant: Tenant
    audience: str


def grant(site: Site, authority: Authority, form: Form, version: str) -> Granted:
    """Return the requested token, or raise EntraError with the first mistake.

    The order: tenant, required fields, application, secret or certificate, service principal,
    resource. Roles are not checked: an application without a role gets a token that grants nothing.
    """
    tenant = tenant_of(authority)
    kind = form.need("grant_type")
    if kind != GRANT:
        raise EntraError(GRANT_UNSUPPORTED, grant=kind)
    form.need("client_id")
    audience = asked_audience(form, version)
    by_certificate = "client_assertion" in form
    application = proven_application(site, authority, tenant, form)
    principal = _principal(site, application, tenant)
    if not is_known(audience, authority.bases):
        raise EntraError(
            RESOURCE_UNKNOWN,
            "resource_unknown: it is neither a resource of Azure nor this server by a name in its "
            "certificate",
            resource=audience,
            directory=tenant.domain or tenant.id,
        )
    issued = site.tokens.issue(
        principal,
        audience,
        authority.issuer,
        by_certificate=by_certificate,
        roles=_roles(site, principal, audience),
    )
    return Granted(issued, application, tenant, audience)


def proven_application(site: Site, authority: Authority, tenant: Tenant, form: Form) -> Application:
    """Return the application of a token request, after checking its secret or certificate.

    Raises EntraError.
    """
    client_id, by_certificate = form.need("client_id"), "client_assertion" in form
    proof = None if by_certificate else _secret_denial(site, client_id, form)
    application = find_application(site, client_id, tenant)
    if by_certificate:
        _check_certificate(site, authority, application, form)
    elif proof is not None:
        raise _secret_error(proof, application)
    return application


def _roles(site: Site, principal: ServicePrincipal, audience: str) -> tuple[str, ...]:
    """Return the permissions in a token for Exchange Online, or for Graph, which may also have our
    own address as its audience."""
    if audience.removesuffix("/").lower() in OUTLOOK:
        if site.exchange is None:
            return ()
        return site.exchange.organisation.consents_of(
            principal.application_id
        ).application_permissions
    if resource_name(audience) and audience.removesuffix("/").lower() not in GRAPH:
        return ()
    return permissions_of(site.directory.snapshot, principal.id, site.directory.rules.actions)


def find_application(site: Site, client_id: str, tenant: Tenant) -> Application:
    """Return an application that a tenant has. Raises EntraError."""
    application = site.directory.get(Application, client_id)
    at_home = application is not None and application.tenant_id.lower() == tenant.key
    if application is None or not (at_home or application.multitenant):
        raise EntraError(
            APPLICATION_UNKNOWN,
            "application_unknown: no application with that id is in the tenant",
            application=client_id,
            directory=tenant.domain or tenant.id,
        )
    return application


def _secret_denial(site: Site, client_id: str, form: Form) -> Denial | None:
    """Check the secret, also for an unknown application, so that the time is the same."""
    secret = form.get("client_secret")
    if secret is None:
        return Denial("credential_missing", "neither a secret nor an assertion was sent")
    return site.directory.prove_secret(client_id, secret)


def _secret_error(denial: Denial, application: Application) -> EntraError:
    kinds = {"credential_missing": CREDENTIAL_MISSING, "secret_expired": SECRET_EXPIRED}
    kind = kinds.get(denial.slug, SECRET_WRONG)
    return EntraError(kind, str(denial), application=application.id)


def _check_certificate(
    site: Site, authority: Authority, application: Application, form: Form
) -> None:
    if form.get("client_assertion_type") != TYPE:
        raise EntraError(
            CREDENTIAL_MISSING, f"assertion_type: client_assertion_type must be {TYPE}"
        )
    expected = Expected(
        application.id,
        site.directory.find(ClientCertificate, application.id),
        authority.own_names,
        site.clients_time(),
    )
    check_assertion(form["client_assertion"], expected)


def _principal(site: Site, application: Application, tenant: Tenant) -> ServicePrincipal:
    principals = site.directory.find(ServicePrincipal, principal_lookup(application.id, tenant.id))
    if not principals:
        raise EntraError(
            PRINCIPAL_MISSING,
            "service_principal_missing: the application has no service principal in that tenant",
            application=application.id,
            tenant=tenant.id,
        )
    return principals[0]


_DEFAULT: Final = "/.default"


def asked_audience(form: Form, version: str) -> str:
    """Return the identifier of the resource, as requested. Raises EntraError.

    That of ``https://communication.azure.com//.default`` ends in a slash: in Entra, too, everything
    before ``/.default`` is the resource (Microsoft Learn, scopes and permissions, trailing slash).
    """
    if not version:
        return form.need("resource")
    if "resource" in form:
        raise EntraError(RESOURCE_IN_V2)
    text = form.need("scope")
    scopes = set(text.split())
    if not scopes or not all(scope.removesuffix(_DEFAULT) not in ("", scope) for scope in scopes):
        raise EntraError(SCOPE_INVALID, scope=text)
    if len(scopes) > 1:
        raise EntraError(SCOPES_OF_SEVERAL, scope=text)
    return scopes.pop().removesuffix(_DEFAULT)


def is_known(audience: str, bases: Collection[str]) -> bool:
    """Tell whether the resource exists: one of Azure's own, or this server."""
    return bool(resource_name(audience)) or audience.removesuffix("/").lower() in bases
