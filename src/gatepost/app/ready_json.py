"""DIR/ready.json: addresses and credentials of the relay; it exists once everything accepts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from gatepost.app.provision_accounts import ProvisionedAccount
from gatepost.app.provision_azure import Provisioned
from gatepost.app.provision_exchange import ProvisionedMailbox
from gatepost.model.host_port import join_host_port
from gatepost.model.secret import Secret
from gatepost.model.unprintable import escape_unprintable
from gatepost.net.atomic_files import remove_file, write_file
from gatepost.net.listen import Listener

FILE: Final = "ready.json"

_LOOPBACK: Final[Mapping[str, str]] = MappingProxyType({"0.0.0.0": "127.0.0.1", "::": "::1"})
"""Where clients on this machine reach what listens on every address."""
_USUAL: Final[Mapping[str, str]] = MappingProxyType({"smtp": "starttls", "smtps": "implicit"})

Listeners = dict[str, Listener | None]
"""``smtp``, ``smtps``, ``https``, ``http``; None if it is off."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Files for clients, which must trust the server's certificate."""

    ca_file: Path
    """Our authority."""
    ca_bundle: Path
    """The system's authorities, too."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which libraries find it.

        REQUESTS_CA_BUNDLE: requests, for Azure's synchronous libraries and msal; SSL_CERT_FILE:
        OpenSSL, for Python's ssl, aiohttp and Go; NODE_EXTRA_CA_CERTS: Node.js, which adds it.
        """
        return {
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
            "SSL_CERT_FILE": str(self.ca_bundle),
            "NODE_EXTRA_CA_CERTS": str(self.ca_file),
        }


def https_url(listeners: Listeners) -> str | None:
    """Return the URL of the APIs, with the name in the certificate."""
    https = listeners["https"]
    return f"https://localhost:{https.port}" if https else None


def describe(
    pid: int,
    data: Path,
    listeners: Listeners,
    trusted: Trusted,
    provisioned: Provisioned | ProvisionedAccount | ProvisionedMailbox,
    tls: Mapping[str, str] = _USUAL,
) -> dict[str, Any]:
    """Return the document, on whose format scripts depend; ``tls`` is for its ports."""
    url = https_url(listeners)
    http = listeners["http"]
    return {
        "pid": pid,
        "data": str(data),
        "smtp": _smtp(listeners["smtp"], tls["smtp"]),
        "smtps": _smtp(listeners["smtps"], tls["smtps"]),
        "https": {"url": url} if url else None,
        "http": {"url": f"http://{join_host_port(_host(http), http.port)}"} if http else None,
        "ca_file": str(trusted.ca_file),
        "ca_bundle": str(trusted.ca_bundle),
        "username": provisioned.username,
        **_credentials(provisioned, url, trusted),
    }


def _credentials(
    provisioned: Provisioned | ProvisionedAccount | ProvisionedMailbox,
    url: str | None,
    trusted: Trusted,
) -> dict[str, Any]:
    match provisioned:
        case ProvisionedAccount():
            return _account(provisioned)
        case ProvisionedMailbox():
            return _mailbox(provisioned, url, trusted)
        case _:
            return _application(provisioned, url, trusted)


def _application(provisioned: Provisioned, url: str | None, trusted: Trusted) -> dict[str, Any]:
    return {
        "password": _revealed(provisioned.client_secret),
        "from": provisioned.sender,
        "access_token": None,
        "connection_string": _revealed(provisioned.connection_string(url)) if url else None,
        "tenant_id": provisioned.tenant_id,
        "client_id": provisioned.client_id,
        "client_secret": _revealed(provisioned.client_secret),
        "subscription_id": provisioned.subscription_id,
        "resource": provisioned.resource,
        "resource_id": provisioned.resource_id,
        "admin": _admin(provisioned),
        "authority": url,
        "arm_url": url,
        "env": _environment(url, trusted, provisioned) if url else {},
    }


_OF_AZURE: Final = (
    "connection_string", "tenant_id", "client_id", "client_secret", "subscription_id", "resource",
    "resource_id", "admin", "authority", "arm_url",
)  # fmt: skip


def _account(account: ProvisionedAccount) -> dict[str, Any]:
    """Return the part for a plain account, which has nothing of Azure's."""
    nothing: dict[str, Any] = dict.fromkeys(_OF_AZURE)
    return {
        "password": _revealed(account.password),
        "from": account.sender,
        "access_token": _revealed(account.token),
        **nothing,
        "env": {},
    }


_OF_ENTRA: Final = ("tenant_id", "client_id", "client_secret", "admin", "authority")
_OF_IDENTITY: Final = frozenset(
    {"AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}
)


def _mailbox(mailbox: ProvisionedMailbox, url: str | None, trusted: Trusted) -> dict[str, Any]:
    """Return the part for a mailbox, and the application that gets tokens for it."""
    application = _application(mailbox.entra, url, trusted)
    names = _OF_IDENTITY | trusted.variables.keys()
    return {
        **_account(mailbox.account),
        **{name: application[name] for name in _OF_ENTRA},
        "env": {name: value for name, value in application["env"].items() if name in names},
    }


def _environment(url: str, trusted: Trusted, provisioned: Provisioned) -> dict[str, str]:
    """Return the variables that Microsoft's libraries and their HTTP clients read.

    AZURE_*: azure-identity's EnvironmentCredential. The others, besides those of ``Trusted``, have
    the names in Microsoft's samples. A secret that is no longer valid is left out.
    """
    variables = {
        "AZURE_AUTHORITY_HOST": url,
        "AZURE_TENANT_ID": provisioned.tenant_id,
        "AZURE_CLIENT_ID": provisioned.client_id,
        "AZURE_CLIENT_SECRET": provisioned.client_secret.reveal(),
        "AZURE_SUBSCRIPTION_ID": provisioned.subscription_id,
        "COMMUNICATION_SERVICES_CONNECTION_STRING": provisioned.connection_string(url).reveal(),
        "SENDER_ADDRESS": provisioned.sender,
        **trusted.variables,
    }
    return {name: value for name, value in variables.items() if value}


def _revealed(secret: Secret) -> str | None:
    return secret.reveal() or None


def _admin(provisioned: Provisioned) -> dict[str, str | None] | None:
    admin = provisioned.admin
    if admin is None:
        return None
    return {"client_id": admin.client_id, "client_secret": _revealed(admin.client_secret)}


def _smtp(listener: Listener | None, tls: str) -> dict[str, Any] | None:
    if listener is None:
        return None
    return {"host": _host(listener), "port": listener.port, "tls": tls}


def _host(listener: Listener) -> str:
    """Return an address to connect to, for which the certificate is valid."""
    return _LOOPBACK.get(listener.host, listener.host)


def write_ready(data: Path, document: dict[str, Any]) -> None:
    """Replace the file atomically; only its owner may read it."""
    write_file(data / FILE, encode_ready(document))


def encode_ready(document: dict[str, Any]) -> bytes:
    """Return the content of the file."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
    return f"{escape_unprintable(text)}\n".encode()


def remove_ready(data: Path) -> None:
    """Remove the file, because it is no longer true."""
    remove_file(data / FILE)
