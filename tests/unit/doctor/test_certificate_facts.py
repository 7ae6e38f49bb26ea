"""The facts of a certificate."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from gatepost.doctor.certificate_facts import read_certificate
from tests.certificates import make_authority


def test_facts_of_a_certificate(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    pair = authority.issue("mail.example.com", "127.0.0.1", "::1")
    facts = read_certificate(ssl.PEM_cert_to_DER_cert(Path(pair.certificate).read_text()))
    assert facts is not None
    assert facts.names == ("mail.example.com", "127.0.0.1", "::1")
    assert (facts.subject, facts.issuer) == ("CN=mail.example.com", "CN=Throw-away CA")
    assert facts.not_before < datetime.now(UTC) < facts.not_after
    assert not facts.self_signed


def test_an_authority_signs_itself(tmp_path: Path) -> None:
    pem = Path(make_authority(tmp_path).ca_file).read_text()
    facts = read_certificate(ssl.PEM_cert_to_DER_cert(pem))
    assert facts is not None
    assert facts.self_signed


def test_octets_that_are_no_certificate() -> None:
    assert read_certificate(b"\x30\x03abc") is None
