"""Certificates of applications are added and removed like their secrets."""

from dataclasses import replace
from typing import cast

import pytest

from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.changes.applications import delete_application
from gatepost.directory.azure.changes.credentials import MOST, add_certificate, remove_certificate
from gatepost.directory.azure.entries import Application, ClientCertificate
from tests.unit.directory.azure.world import APPLICATION, NOW, OTHER, Change, entries, world

SENDER = cast("Application", entries()["application"])
CERTIFICATE = ClientCertificate("c", APPLICATION, b"der", NOW, NOW, "signs")


def test_added_and_removed() -> None:
    snapshot = world()
    changes = add_certificate(snapshot, CERTIFICATE)
    assert (changes.put, changes.delete) == ((CERTIFICATE,), ())
    snapshot.apply(changes.put)
    changes = remove_certificate(snapshot, SENDER, "C")
    assert (changes.put, changes.delete) == ((), (CERTIFICATE,))


def test_goes_with_its_application() -> None:
    snapshot = world(Change(added=(CERTIFICATE,)))
    assert CERTIFICATE in delete_application(snapshot, SENDER).delete


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [
        (replace(CERTIFICATE, application_id=OTHER), "does not exist"),
        (replace(CERTIFICATE, display_name="a\nb"), "display name"),
        (replace(CERTIFICATE, id="again"), "has this certificate already"),
    ],
)
def test_rejected(certificate: ClientCertificate, complaint: str) -> None:
    snapshot = world(Change(added=(CERTIFICATE,)))
    with pytest.raises(Rejected, match=complaint):
        add_certificate(snapshot, certificate)


def test_the_number_of_certificates_is_bounded() -> None:
    many = tuple(
        replace(CERTIFICATE, id=f"{number}", certificate=b"%d" % number) for number in range(MOST)
    )
    with pytest.raises(Rejected, match="at most 100 certificates"):
        add_certificate(world(Change(added=many)), CERTIFICATE)


@pytest.mark.parametrize("key_id", ["", "nothing"])
def test_removing_an_unknown_certificate_is_rejected(key_id: str) -> None:
    with pytest.raises(Rejected, match="No key credential"):
        remove_certificate(world(Change(added=(CERTIFICATE,))), SENDER, key_id)
    with pytest.raises(Rejected, match="No key credential"):
        remove_certificate(
            world(Change(added=(CERTIFICATE,))), replace(SENDER, id=OTHER), CERTIFICATE.id
        )
