"""The file with our authority and the system's."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.certificates.local_ca import ensure_certificates, write_bundle
from gatepost.net.tls import system_authorities

OTHER = b"-----BEGIN CERTIFICATE-----\nb3RoZXI=\n-----END CERTIFICATE-----\n"


def count(path: Path) -> int:
    return path.read_bytes().count(b"-----BEGIN CERTIFICATE-----")


def test_it_has_the_system_s_authorities_and_ours(tmp_path: Path) -> None:
    ours = ensure_certificates(tmp_path, datetime.now(UTC)).ca_file
    bundle = write_bundle(tmp_path, ours)
    assert count(bundle) == 1 + len(system_authorities())
    assert bundle.read_bytes().startswith(ours.read_bytes())
    context = ssl.create_default_context(cafile=str(bundle))
    assert context.cert_store_stats()["x509_ca"] > 0


def test_it_does_not_grow_where_it_is_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ensure_certificates(tmp_path, datetime.now(UTC)).ca_file
    others = tmp_path / "others.pem"
    others.write_bytes(b"# Other\n" + OTHER)
    monkeypatch.setenv("SSL_CERT_FILE", str(others))
    bundle = write_bundle(tmp_path, ours)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    content = bundle.read_bytes()
    assert write_bundle(tmp_path, ours).read_bytes() == content
    assert content.endswith(OTHER)
    assert count(bundle) == 2


def test_without_others_it_has_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ensure_certificates(tmp_path, datetime.now(UTC)).ca_file
    (tmp_path / "nothing.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    assert write_bundle(tmp_path, ours).read_bytes() == ours.read_bytes()
