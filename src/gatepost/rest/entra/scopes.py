"""The audience of a token: ``scope`` in version 2.0, ``resource`` in version 1."""

from collections.abc import Collection
from typing import Final

from gatepost.directory.azure.tokens import resource_name
from gatepost.rest.entra.errors import (
    RESOURCE_IN_V2,
    SCOPE_INVALID,
    SCOPES_OF_SEVERAL,
    EntraError,
)
from gatepost.rest.entra.form import Form

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
