"""Azure's identities for programs that run there: managed identity and workload identity.

Both use azure-identity, which knows the metadata services of virtual machines, App Service,
Functions, Container Apps, Arc and Kubernetes. It is loaded at its first use, and need not be
installed otherwise: ``pip install 'gatepost[entra]'``.
"""

import asyncio
import importlib.util
import logging
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gatepost.client.named_secret import NamedSecret
from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.token_requests import LONGEST_LIFETIME, bearer
from gatepost.errors import GatepostError, TimedOut, TokenError
from gatepost.model.oauth_errors import is_passing
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpResponse, explained

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken as AzureToken
    from azure.identity.aio import ManagedIdentityCredential, WorkloadIdentityCredential

POD_TOKEN: Final = "AZURE_FEDERATED_TOKEN_FILE"
"""Where Kubernetes says that the token of a pod's service account is."""
DEADLINE: Final = 30.0
"""Seconds; azure-identity itself would ask a metadata service for more than a minute."""
TRIES: Final[dict[str, Any]] = {"retry_total": 1, "retry_status": 0}
"""How often azure-identity retries: once if a connection fails. It does not retry after an answer,
because it would wait silently for as long as Retry-After says, and the status would be lost."""
_OF_POD: Final = {
    "tenant": "AZURE_TENANT_ID", "client_id": "AZURE_CLIENT_ID", "token_file": POD_TOKEN,
}  # fmt: skip
"""Where Kubernetes puts the identity of a pod (Azure Workload Identity, "Mutating admission
webhook")."""
_UPDATING: Final = frozenset({404, 410})
"""Statuses of a metadata service that will soon be available again (Learn, "How to use managed
identities for Azure resources on an Azure VM to acquire an access token", retry guidance)."""
_AADSTS: Final = re.compile(r"AADSTS(\d{4,8})\b")
NEEDS_LIBRARY: Final = "needs azure-identity: pip install 'gatepost[entra]'"
_NO_POD: Final = (
    'Kubernetes sets it in a pod with the label azure.workload.identity/use: "true" and a service '
    "account"
)
_UNREACHED: Final = "no identity service answers here, or it knows no identity for this machine"


class ManagedIdentity:
    """A TokenSource: the identity of the machine, app or function that runs this program.

    ``client_id`` selects a user-assigned one; empty: the system-assigned one.
    """

    def __init__(self, client_id: str = "") -> None:
        self._client_id = client_id

    @property
    def identity(self) -> str:
        return f"managed identity {self._client_id}".rstrip()

    async def fetch(self, scope: str) -> AccessToken:
        return await _fetch(self, scope)

    def credential(self) -> "ManagedIdentityCredential":
        """Return azure-identity's credential; the environment determines the metadata service."""
        from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - see above

        return ManagedIdentityCredential(client_id=self._client_id or None, **TRIES)


@dataclass(frozen=True, slots=True)
class Workload:
    """The identity of a pod. Empty values are taken from the environment, where Kubernetes puts
    them."""

    tenant: str = ""
    client_id: str = ""
    token_file: str = ""
    authority: str = ""
    ca_file: str = ""
    """Authorities to trust instead of the system's."""


class WorkloadIdentity:
    """A TokenSource: the application that trusts the service account of a Kubernetes pod."""

    def __init__(self, workload: Workload | None = None) -> None:
        self._workload = workload or Workload()

    @property
    def identity(self) -> str:
        who = (self._workload.client_id, self._workload.tenant, self._workload.token_file)
        return " ".join(["workload identity", *filter(None, who)])

    async def fetch(self, scope: str) -> AccessToken:
        return await _fetch(self, scope)

    def credential(self) -> "WorkloadIdentityCredential":
        """Return azure-identity's credential. Raises ValueError if the environment lacks something,
        whose text in azure-identity does not name the variables, and ConfigError if the pod's token
        cannot be read, because azure-identity would continue without it."""
        from azure.identity.aio import WorkloadIdentityCredential  # noqa: PLC0415 - see above

        workload, options = self._workload, dict[str, Any](TRIES)
        if workload.authority:
            options["authority"] = workload.authority
        if workload.ca_file:
            options["connection_verify"] = workload.ca_file
        values = {key: getattr(workload, key) or os.environ.get(_OF_POD[key]) for key in _OF_POD}
        if missing := [_OF_POD[key] for key, value in values.items() if not value]:
            raise ValueError(f"{' and '.join(missing)} not set: {_NO_POD}")
        NamedSecret("file", str(values["token_file"])).read()
        return WorkloadIdentityCredential(
            tenant_id=workload.tenant or None,
            client_id=workload.client_id or None,
            token_file_path=workload.token_file or None,
            **options,
        )


def is_installed() -> bool:
    """Tell whether azure-identity is installed. Parts of it, such as azure-core, are also in other
    libraries."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ImportError:  # there is no ``azure`` at all
        return False


def _silence() -> None:
    """Keep azure-identity from logging a provider's texts, which may quote secrets."""
    for name in ("azure", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


async def _fetch(source: ManagedIdentity | WorkloadIdentity, scope: str) -> AccessToken:
    """Request a token once, without another cache. Raises TokenError and ConfigError."""
    _silence()
    if not is_installed():
        raise TokenError(f"{source.identity} {NEEDS_LIBRARY}", is_transient=False)
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - see above

    try:
        made = source.credential()
    except ValueError as error:  # the environment lacks something
        raise TokenError(f"{source.identity}: {error}", is_transient=False) from None
    try:
        async with asyncio.timeout(DEADLINE), made as credential:
            return _read(await credential.get_token(scope))
    except TimeoutError:
        text = f"{source.identity}: no answer within {DEADLINE:g} s"
        raise TokenError(text, is_transient=True) from None
    except AzureError as error:
        raise _explained(source, error) from None
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        text = f"{source.identity}: {file}{error.strerror or type(error).__name__}"
        raise TokenError(text, is_transient=False) from None
    except Exception:  # noqa: BLE001 - azure-identity takes whatever is JSON for an answer
        raise _no_token(source.identity) from None


def _read(token: "AzureToken") -> AccessToken:
    lifetime = min(max(token.expires_on - time.time(), 0.0), LONGEST_LIFETIME)
    return AccessToken(Secret(bearer(token.token)), lifetime)


def _explained(source: ManagedIdentity | WorkloadIdentity, error: Exception) -> TokenError:
    """Return our error. Azure's text is not repeated, because it may quote what was sent."""
    identity, response = source.identity, getattr(error, "response", None)
    status = int(getattr(response, "status_code", None) or 0)
    network = None if status else _network_error(error)
    if network is not None:
        failure = TokenError(f"{identity}: no token: {network}", is_transient=True)
        failure.slug = network.slug
        return failure
    if type(error).__name__ == "CredentialUnavailableError":
        return TokenError(f"{identity}: no token: {_UNREACHED}", is_transient=True)
    if response is None or status == 200:
        return _no_token(identity)
    match = _AADSTS.search(str(error))
    number = int(match[1]) if match else 0
    is_updating = isinstance(source, ManagedIdentity) and status in _UPDATING
    passing = is_updating or is_passing(status, "", number)
    code = f"AADSTS{number}" if number else f"HTTP {status}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    wait = HttpResponse(status, headers).retry_after(datetime.now(UTC))
    return TokenError(
        f"{identity}: no token: {code}", is_transient=passing, number=number, retry_after=wait
    )


def _network_error(error: BaseException) -> GatepostError | None:
    """Return the reason why there was no answer; None if there was one."""
    from aiohttp import ClientError  # noqa: PLC0415 - azure-identity has loaded it

    cause = error.__cause__
    if cause is None:
        return None
    host = str(getattr(cause, "host", "") or "the identity service")
    if isinstance(cause, TimeoutError):
        return TimedOut(f"{host} did not answer in time")
    if isinstance(cause, ClientError | OSError):
        return explained(host, cause)
    return _network_error(cause)


def _no_token(identity: str) -> TokenError:
    text = f"{identity}: the answer of the identity service contains no access token"
    return TokenError(text, is_transient=True)
