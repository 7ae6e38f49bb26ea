"""Secrets and certificates of an application.

https://learn.microsoft.com/graph/api/application-addpassword
https://learn.microsoft.com/graph/api/resources/keycredential
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.responses import Response

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.changes.credentials import (
    add_certificate,
    add_secret,
    remove_certificate,
    remove_secret,
)
from gatepost.directory.azure.client_certificates import CertificateError, read_certificate
from gatepost.directory.azure.entries import Application, ClientCertificate, ClientSecret
from gatepost.directory.azure.secrets import LIFETIME
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.secret import Secret
from gatepost.rest.graph.errors import bad_request
from gatepost.rest.graph.handled_request import GraphCall
from gatepost.rest.graph.object_documents import password_credential

MOST_CERTIFICATES: Final = 100


class PasswordCredentialBody(msgspec.Struct, rename="camel"):
    """The settings of a new secret; its value is generated here."""

    display_name: str | None = None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None


class _AddPassword(msgspec.Struct, rename="camel"):
    password_credential: PasswordCredentialBody | None = None


class _RemovePassword(msgspec.Struct, rename="camel"):
    key_id: str


class KeyCredentialBody(msgspec.Struct, rename="camel"):
    """A certificate: a new one by its ``key``, one that stays by its ``keyId``."""

    type: str = "AsymmetricX509Cert"
    usage: str = "Verify"
    key: str | None = None
    key_id: str | None = None
    display_name: str | None = None


async def add_password(call: GraphCall) -> Response:
    """``POST /applications/{id}/addPassword``: the only response with the value."""
    spec = call.read(_AddPassword).password_credential or PasswordCredentialBody()
    secret, value = make_secret(call, call.application, spec)
    await call.site.directory.change(lambda snapshot: add_secret(snapshot, secret))
    document = password_credential(secret, value.reveal())
    return call.respond("microsoft.graph.passwordCredential", document)


def make_secret(
    call: GraphCall, application: Application, spec: PasswordCredentialBody
) -> tuple[ClientSecret, Secret]:
    """Return a new secret, and its value. Its end may be in the past, for tests.

    Raises Rejected.
    """
    end, start = _in_utc(spec.end_date_time), _in_utc(spec.start_date_time)
    if start is None:
        start = min(call.now, end) if end else call.now
    lifetime = end - start if end else LIFETIME
    try:
        return call.site.directory.make_secret(
            application, lifetime, spec.display_name or "", start=start
        )
    except OverflowError:
        raise _out_of_range() from None


def _in_utc(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise _out_of_range() from None


def _out_of_range() -> Rejected:
    return bad_request("The dates of the credential are out of range.")


async def remove_password(call: GraphCall) -> Response:
    """``POST /applications/{id}/removePassword``."""
    key_id, application = call.read(_RemovePassword).key_id, call.application
    return await call.change(lambda snapshot: remove_secret(snapshot, application, key_id))


def replace_certificates(
    snapshot: Snapshot, application: Application, wanted: list[KeyCredentialBody]
) -> Changes[Application]:
    """Replace an application's certificates by the given ones. Raises Rejected."""
    current = {each.key: each for each in snapshot.find(ClientCertificate, application.id)}
    staying = {each.key_id.lower() for each in wanted if each.key_id and not each.key}
    for key_id in staying - current.keys():
        remove_certificate(snapshot, application, key_id)  # says that there is none
    uploads = [_read(application, each) for each in wanted if each.key]
    present = {each.certificate: each for each in current.values()}
    staying |= {present[each.certificate].key for each in uploads if each.certificate in present}
    new = {each.certificate: each for each in uploads if each.certificate not in present}
    for each in new.values():
        add_certificate(snapshot, each)
    if len(staying) + len(new) > MOST_CERTIFICATES:
        raise bad_request(f"An application has at most {MOST_CERTIFICATES} certificates.")
    removed = tuple(each for key, each in current.items() if key not in staying)
    return Changes((application, *new.values()), removed, application)


def _read(application: Application, spec: KeyCredentialBody) -> ClientCertificate:
    if (spec.type, spec.usage) != ("AsymmetricX509Cert", "Verify"):
        raise bad_request(
            "A key credential must have the type AsymmetricX509Cert and the usage Verify."
        )
    try:
        raw = base64.b64decode(spec.key or "", validate=True)
        return read_certificate(application, raw, spec.display_name or "")
    except (binascii.Error, CertificateError) as error:
        raise bad_request(f"The value of the key credential is invalid: {error}.") from None
