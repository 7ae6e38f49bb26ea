"""The names in a certificate."""

import hashlib
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

from gatepost.net.certificate_names import names_in
from tests.certificates import make_authority


def test_its_digest_and_its_names(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).issue("Device.example", "192.0.2.1")
    der = PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    digest = f"sha256:{hashlib.sha256(der).hexdigest()}"
    assert names_in(der) == (digest, "device.example")


def test_a_name_is_no_digest(tmp_path: Path) -> None:
    """Else its owner could sign in as the account of another certificate."""
    pair = make_authority(tmp_path).issue("device.example", "SHA256:0123456789abcdef")
    der = PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    assert names_in(der)[1:] == ("device.example",)


def test_an_unreadable_certificate_has_only_its_digest() -> None:
    assert names_in(b"none") == (f"sha256:{hashlib.sha256(b'none').hexdigest()}",)
