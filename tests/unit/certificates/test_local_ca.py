"""Certificates that the strictest verifiers accept, renewed in time."""

import os
import shutil
import ssl
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from gatepost.certificates.local_ca import (
    Certificates,
    Flaw,
    ensure_certificates,
    make_flawed,
)
from gatepost.certificates.local_names import NAMES
from gatepost.errors import ConfigError

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
OPENSSL = shutil.which("openssl")
SERVED = ["localhost", "gatepost.communication.localhost", "127.0.0.1", "::1"]


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    return ensure_certificates(tmp_path, NOW)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def server_context(made: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server_file)
    return context


def client_context(made: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def handshake(made: Certificates, name: str) -> None:
    """Run a handshake in memory; raises ssl.SSLError when the client does not trust the server."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(made).wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context(made).wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


@pytest.mark.parametrize("name", SERVED)
def test_a_strict_client_trusts_the_server(made: Certificates, name: str) -> None:
    handshake(made, name)


@pytest.mark.parametrize(
    ("flaw", "says"),
    [
        ("expired", "has expired"),
        ("other-name", "[Mm]ismatch"),
        ("self-signed", "self-signed"),
        ("incomplete", "unable to get local issuer"),
    ],
)
def test_a_flawed_one_is_refused_for_its_flaw(made: Certificates, flaw: Flaw, says: str) -> None:
    path = make_flawed(made.ca_file.parent, flaw, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ssl.SSLCertVerificationError, match=says):
        handshake(replace(made, server_file=path), "localhost")


def test_a_flawed_one_wants_an_authority(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no certificate authority yet"):
        make_flawed(tmp_path, "expired", NOW)


@pytest.mark.parametrize("name", ["example.com", "communication.localhost", "127.0.0.2"])
def test_it_serves_no_other_name(made: Certificates, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Mm]ismatch|not valid for"):
        handshake(made, name)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("name", SERVED)
def test_openssl_verifies_it_strictly(made: Certificates, name: str) -> None:
    kind = "-verify_ip" if name[0] in "1:" else "-verify_hostname"
    command = [
        str(OPENSSL), "verify", "-x509_strict", "-purpose", "sslserver", "-no-CAfile",
        "-no-CApath", "-no-CAstore", "-trusted", str(made.ca_file), kind, name,
        str(made.server_file),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", SERVED)
def test_a_verifier_in_rust_takes_it(made: Certificates, name: str) -> None:
    """The one of ``cryptography``: the rules of the CA/Browser Forum."""
    subject: x509.DNSName | x509.IPAddress = (
        x509.IPAddress(ip_address(name)) if name[0] in "1:" else x509.DNSName(name)
    )
    store = Store([certificate(made.ca_file)])
    builder = PolicyBuilder().store(store).time(NOW)
    chain = builder.build_server_verifier(subject).verify(certificate(made.server_file), [])
    assert len(chain) == 2


def test_the_authority_is_constrained_to_its_names(tmp_path: Path) -> None:
    """Even with its key, a certificate for another name is refused."""
    from gatepost.certificates import local_ca

    made = ensure_certificates(tmp_path, NOW)
    authority = local_ca._parse_pair((tmp_path / "tls" / "ca.pem").read_bytes())
    forged = local_ca._make_server(authority, ("example.com",), NOW).certificate
    store = Store([certificate(made.ca_file)])
    verifier = (
        PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("example.com"))
    )
    with pytest.raises(VerificationError):
        verifier.verify(forged, [])


def test_the_certificates_have_valid_extensions_and_lifetimes(made: Certificates) -> None:
    authority, server = certificate(made.ca_file), certificate(made.server_file)
    assert server.not_valid_after_utc - server.not_valid_before_utc <= 398 * DAY
    assert authority.not_valid_after_utc - NOW == 3650 * DAY
    for each in (authority, server):
        extensions = each.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).critical
        assert extensions.get_extension_for_class(x509.KeyUsage).critical
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = server.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuer.key_identifier == identifier.digest
    assert authority.extensions.get_extension_for_class(x509.NameConstraints).critical
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_ca_certificate_is_public(made: Certificates, tmp_path: Path) -> None:
    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert modes == {"ca.pem": 0o644, "tls": 0o700, "tls/ca.pem": 0o600, "tls/server.pem": 0o600}
    assert b"PRIVATE" not in made.ca_file.read_bytes()


def renewed(directory: Path, at: datetime, names: tuple[str, ...] = NAMES) -> tuple[bool, bool]:
    """Return whether authority and server's certificate changed when ensured again."""
    before = ensure_certificates(directory, NOW)
    old = before.ca_file.read_bytes(), before.server_file.read_bytes()
    after = ensure_certificates(directory, at, names)
    return old[0] != after.ca_file.read_bytes(), old[1] != after.server_file.read_bytes()


@pytest.mark.parametrize(
    ("days", "authority", "server"),
    [
        (0, False, False),
        (366, False, False),
        (368, False, True),
        (3619, False, True),
        (3621, True, True),
        (-1, False, True),
    ],
)
def test_it_is_renewed_in_time(tmp_path: Path, days: int, authority: bool, server: bool) -> None:
    assert renewed(tmp_path, NOW + days * DAY) == (authority, server)


@pytest.mark.parametrize(
    ("names", "authority"),
    [(NAMES[:1], False), (NAMES[:3], False), ((*NAMES, "mail.test"), True)],
)
def test_other_names(tmp_path: Path, names: tuple[str, ...], authority: bool) -> None:
    assert renewed(tmp_path, NOW, names) == (authority, True)


@pytest.mark.parametrize("name", ["mail", "127.0.0.2", "172.17.0.2", "fd00::2", "192.0.2.1"])
def test_more_names_are_served(tmp_path: Path, name: str) -> None:
    made = ensure_certificates(tmp_path, NOW, (*NAMES, name))
    for each in (*SERVED, name):
        handshake(made, each)


def test_clients_of_an_authority_are_told_of_the_next_one(tmp_path: Path) -> None:
    """It permits what the one before did, so that names may come and go."""
    more = (*NAMES, "mail")
    assert not ensure_certificates(tmp_path, NOW).is_new_authority
    assert not ensure_certificates(tmp_path, NOW).is_new_authority
    assert ensure_certificates(tmp_path, NOW, more).is_new_authority
    for names in (NAMES, (*NAMES[:1], "mail"), more):
        assert not ensure_certificates(tmp_path, NOW, names).is_new_authority
    assert ensure_certificates(tmp_path, NOW, (*NAMES, "172.17.0.2")).is_new_authority
    assert not ensure_certificates(tmp_path, NOW, (*more, "172.18.0.3")).is_new_authority


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_server_certificate_is_replaced(
    made: Certificates, tmp_path: Path, content: bytes
) -> None:
    made.server_file.write_bytes(content)
    handshake(ensure_certificates(tmp_path, NOW), "localhost")


def test_a_lost_public_copy_is_put_back(made: Certificates, tmp_path: Path) -> None:
    public = made.ca_file.read_bytes()
    made.ca_file.unlink()
    ensure_certificates(tmp_path, NOW)
    assert made.ca_file.read_bytes() == public


def test_a_damaged_authority_is_never_replaced_in_silence(
    made: Certificates, tmp_path: Path
) -> None:
    path = tmp_path / "tls" / "ca.pem"
    path.write_bytes(made.ca_file.read_bytes())
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        ensure_certificates(tmp_path, NOW)
    assert caught.value.where == str(path)


def test_two_authorities_have_different_names(tmp_path: Path) -> None:
    names = []
    for stem in "ab":
        (tmp_path / stem).mkdir()
        made = ensure_certificates(tmp_path / stem, NOW)
        names.append(certificate(made.ca_file).subject)
    assert names[0] != names[1]
