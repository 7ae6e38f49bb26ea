"""``[credentials.NAME]``: identities for upstream servers. Secrets are named, never in the file."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from gatepost.client.named_secret import NamedSecret
from gatepost.config import value_syntax as values
from gatepost.config.problems import nearest
from gatepost.config.settings import (
    AccessKeyCredential,
    ApiKeyCredential,
    AwsKeyCredential,
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
    EntraCredential,
    GoogleCredential,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.config.table_reader import TableReader

_PLACES: Final = ("file", "systemd", "environment")
NOWHERE: Final = NamedSecret("environment", "")
"""Stands for a secret whose source is invalid."""


def secret(value: Any) -> NamedSecret:
    """Return where a secret is stored. Raises ValueError; its text does not show a secret from the
    file."""
    if isinstance(value, dict) and len(value) == 1:
        [(kind, name)] = value.items()
        if kind in _PLACES and isinstance(name, str) and name and "\0" not in name:
            return NamedSecret(kind, name)
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004
            "is a secret, which must not be in the configuration; "
            'write { file = "PATH" }, { systemd = "NAME" } or { environment = "VARIABLE" }'
        )
    near = [nearest(each, _PLACES) for each in value] if isinstance(value, dict) else []
    raise values.Unknown(
        'must be { file = "PATH" }, { systemd = "NAME" } or { environment = "VARIABLE" }',
        near[0] if len(near) == 1 and not set(value) & set(_PLACES) else "",
    )


def _password(table: TableReader, name: str) -> CredentialSettings:
    return PasswordCredential(
        name, table.need("username", values.text, ""), table.need("password", secret, NOWHERE)
    )


def _entra(table: TableReader, name: str) -> CredentialSettings:
    credential = EntraCredential(
        name,
        table.need("tenant", values.tenant, ""),
        table.need("client_id", values.text, ""),
        table.take("secret", secret, None),
        table.take("certificate", secret, None),
        table.take("username", values.optional_text, ""),
        table.take("authority", values.https_url, "https://login.microsoftonline.com"),
        table.take("scope", values.optional_text, ""),
    )
    problem = f"{table.name('secret')} or certificate: one of the two is required"
    if table.has("secret") and table.has("certificate"):
        table.fault(None, problem)
    elif not table.has("secret") and not table.has("certificate"):
        table.lack(("secret", "certificate"), problem)
    return credential


def _managed_identity(table: TableReader, name: str) -> CredentialSettings:
    return _azure_identity(table, name, "managed-identity")


def _workload_identity(table: TableReader, name: str) -> CredentialSettings:
    return _azure_identity(table, name, "workload-identity")


def _azure_identity(
    table: TableReader, name: str, kind: Literal["managed-identity", "workload-identity"]
) -> CredentialSettings:
    return AzureIdentityCredential(
        name,
        kind,
        table.take("client_id", values.optional_text, ""),
        table.take("tenant", values.optional_text, ""),
        table.take("username", values.optional_text, ""),
        table.take("scope", values.optional_text, ""),
    )


def _google(table: TableReader, name: str) -> CredentialSettings:
    return GoogleCredential(
        name, table.need("username", values.text, ""), table.need("key", secret, NOWHERE)
    )


def _refresh(table: TableReader, name: str) -> CredentialSettings:
    return RefreshCredential(
        name,
        table.need("username", values.text, ""),
        table.need("token_endpoint", values.https_url, ""),
        table.need("client_id", values.text, ""),
        table.need("refresh_token", secret, NOWHERE),
        table.take("client_secret", secret, None),
        table.take("scope", values.optional_text, ""),
    )


def _access_key(table: TableReader, name: str) -> CredentialSettings:
    return AccessKeyCredential(name, table.need("key", secret, NOWHERE))


def _api_key(table: TableReader, name: str) -> CredentialSettings:
    return ApiKeyCredential(name, table.need("key", secret, NOWHERE))


def _aws_key(table: TableReader, name: str) -> CredentialSettings:
    return AwsKeyCredential(
        name,
        table.need("access_key_id", values.text, ""),
        table.need("secret_access_key", secret, NOWHERE),
        table.take("session_token", secret, None),
    )


def _certificate(table: TableReader, name: str) -> CredentialSettings:
    return CertificateCredential(
        name,
        table.need("certificate", values.path, ""),
        table.take("key", values.optional_path, ""),
        table.take("username", values.optional_text, ""),
    )


_KINDS: Final[Mapping[str, Callable[[TableReader, str], CredentialSettings]]] = {
    "password": _password,
    "client-certificate": _certificate,
    "entra": _entra,
    "managed-identity": _managed_identity,
    "workload-identity": _workload_identity,
    "google-service-account": _google,
    "refresh-token": _refresh,
    "access-key": _access_key,
    "api-key": _api_key,
    "aws-access-key": _aws_key,
}


def read_credentials(root: TableReader) -> dict[str, CredentialSettings]:
    """Return every credential by name; one with a mistake as far as it can be read."""
    credentials: dict[str, CredentialSettings] = {}
    for name, table in root.named("credentials").items():
        kind = table.decide("kind", values.one_of(tuple(_KINDS)), "", required=True)
        if kind:
            credentials[name] = _KINDS[kind](table, name)
            table.finish()
        else:  # included anyway, so that no target reports it as missing
            credentials[name] = AzureIdentityCredential(name, "managed-identity")
    return credentials
