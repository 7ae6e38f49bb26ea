"""A certificate authority for loopback, and the server's certificate from it.

The strictest verifiers accept it (RFC 5280, OpenSSL's X509_STRICT, Go, rustls): it has key
identifiers, critical basic constraints and key usage, and host names only in subjectAltName. The
authority is constrained to the names that it serves, so trusting it permits nothing else. For
variables such as SSL_CERT_FILE, which replace the system's authorities, there is a file with both.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from gatepost.certificates.local_names import (
    NAMES,
    are_permitted,
    general_name,
    subtrees_for,
)
from gatepost.errors import ConfigError
from gatepost.net.atomic_files import PUBLIC, write_file
from gatepost.net.file_owners import make_private_directory
from gatepost.net.tls import system_authorities

CA_FILE: Final = "ca.pem"
"""In the data directory of ``gatepost up``: the authority that clients must trust."""
CA_LIFETIME: Final = timedelta(days=3650)
LIFETIME: Final = timedelta(days=397)
"""Apple, Mozilla and Chromium refuse a server's certificate that is valid for more than 398
days."""
RENEW_BEFORE: Final = timedelta(days=30)

Flaw = Literal["expired", "other-name", "self-signed", "incomplete"]
OTHER_NAME: Final = "other.communication.localhost"
"""A name that our authority permits, but no server has."""
_BACKDATED: Final = timedelta(hours=1)
"""For clients whose clocks are slow."""

PrivateKey = ec.EllipticCurvePrivateKey
X = TypeVar("X", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files."""

    ca_file: Path
    """The authority that clients trust; public."""
    server_file: Path
    """The server's certificate and key in one PEM file, readable only for the owner."""
    is_new_authority: bool = False
    """True if clients that trust the previous authority must be told of this one."""


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: PrivateKey

    def encode(self) -> bytes:
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return self.certificate.public_bytes(serialization.Encoding.PEM) + key


def ensure_certificates(
    directory: Path, now: datetime, names: tuple[str, ...] = NAMES
) -> Certificates:
    """Return certificates for ``names``, created or renewed if necessary.

    A server's certificate is renewed 30 days before it expires. The authority stays for ten years,
    or until it does not permit the names; the next one also permits what this one did. The caller
    holds the lock on ``directory``. Raises ConfigError if the authority cannot be read: its clients
    must then be told.
    """
    private = directory / "tls"
    make_private_directory(private)
    ca_file, server_file = directory / CA_FILE, private / "server.pem"
    before = authority = _read_authority(private / "ca.pem")
    if authority is None or not _is_usable_authority(authority, names, now):
        authority = _make_authority([*_subtrees(before), *subtrees_for(names)], now)
        write_file(private / "ca.pem", authority.encode())
    public = authority.certificate.public_bytes(serialization.Encoding.PEM)
    if not ca_file.exists() or ca_file.read_bytes() != public:
        write_file(ca_file, public, mode=PUBLIC)
    if not _is_usable_server(server_file, authority, names, now):
        write_file(server_file, _make_server(authority, names, now).encode())
    return Certificates(ca_file, server_file, before is not None and before != authority)


def make_flawed(directory: Path, flaw: Flaw, now: datetime) -> Path:
    """Return a server's certificate and key in one PEM file, with a flaw.

    It is created anew each time, by the authority of ``ensure_certificates``.
    """
    private = directory / "tls"
    authority = _read_authority(private / "ca.pem")
    if authority is None:
        raise ConfigError("there is no certificate authority yet", where=str(private / "ca.pem"))
    pair = _make_self_signed(NAMES, now)
    match flaw:
        case "expired":
            pair = _make_server(authority, NAMES, now - LIFETIME - timedelta(days=3))
        case "other-name":
            pair = _make_server(authority, (OTHER_NAME,), now)
        case "self-signed":
            pass
        case "incomplete":
            issuer = _make_authority(subtrees_for(NAMES), now)
            pair = _make_server(issuer, NAMES, now, _missing_issuer())
    path = private / f"server-{flaw}.pem"
    write_file(path, pair.encode())
    return path


def _missing_issuer() -> x509.AuthorityInformationAccess:
    """Return a URL where a public authority would publish its certificate; there is nothing."""
    place = x509.UniformResourceIdentifier("http://127.0.0.1:9/issuer.crt")
    kind = AuthorityInformationAccessOID.CA_ISSUERS
    return x509.AuthorityInformationAccess([x509.AccessDescription(kind, place)])


def read_certificates(directory: Path, why: Exception) -> Certificates:
    """Return the certificates of the process that holds the lock on ``directory``.

    Raises ConfigError with ``why`` if there are none.
    """
    certificates = Certificates(directory / CA_FILE, directory / "tls" / "server.pem")
    if not (certificates.ca_file.exists() and certificates.server_file.exists()):
        raise ConfigError(f"{why}, and has no certificates there yet") from why
    return certificates


def _read_authority(path: Path) -> _Pair | None:
    try:
        return _parse_pair(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(
            f"the certificate authority cannot be read ({error}); remove the file to get a new one",
            where=str(path),
        ) from error


def _parse_pair(pem: bytes) -> _Pair:
    key = serialization.load_pem_private_key(pem, None)
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key does not match the certificate")
    return _Pair(certificate, key)


def _is_usable_authority(authority: _Pair, names: tuple[str, ...], now: datetime) -> bool:
    return (
        are_permitted(names, _subtrees(authority))
        and authority.certificate.not_valid_after_utc - now >= RENEW_BEFORE
    )


def _subtrees(authority: _Pair | None) -> list[x509.GeneralName]:
    """Return what an authority may certify; nothing if there is none."""
    constraints = authority and _extension(authority.certificate, x509.NameConstraints)
    return list(constraints.permitted_subtrees or ()) if constraints else []


def _is_usable_server(path: Path, authority: _Pair, names: tuple[str, ...], now: datetime) -> bool:
    try:
        certificate = _parse_pair(path.read_bytes()).certificate
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one fixes it
        return False
    served = _extension(certificate, x509.SubjectAlternativeName)
    return (
        served is not None
        and set(served) == set(map(general_name, names))
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc - now >= RENEW_BEFORE
    )


def _extension(certificate: x509.Certificate, kind: type[X]) -> X | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _make_authority(subtrees: Iterable[x509.GeneralName], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Gatepost local CA {secrets.token_hex(4)}")
    permitted = list(dict.fromkeys(subtrees))
    builder = (
        _builder(subject, subject, key, now, now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_issuer_identifier(key), critical=False)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _make_server(
    authority: _Pair, names: tuple[str, ...], now: datetime, *extra: x509.ExtensionType
) -> _Pair:
    subject = authority.certificate.subject
    until = min(now + LIFETIME, authority.certificate.not_valid_after_utc)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _server_builder(_builder(_subject(names[0]), subject, key, now, until), names)
    for each in (_issuer_identifier(authority.key), *extra):
        builder = builder.add_extension(each, critical=False)
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _make_self_signed(names: tuple[str, ...], now: datetime) -> _Pair:
    key, subject = ec.generate_private_key(ec.SECP256R1()), _subject(names[0])
    builder = _server_builder(_builder(subject, subject, key, now, now + LIFETIME), names)
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _server_builder(
    builder: x509.CertificateBuilder, names: tuple[str, ...]
) -> x509.CertificateBuilder:
    served = x509.SubjectAlternativeName([general_name(name) for name in names])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(served, critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
        .add_extension(identifier, critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _issuer_identifier(key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


FILE: Final = "ca-bundle.pem"


def write_bundle(data: Path, ca_file: Path) -> Path:
    """Write the file if its content has changed, and return its path. Raises OSError."""
    path = data / FILE
    ours = ca_file.read_bytes()
    # The system's may be this file, if a relay is started where `gatepost env` was evaluated.
    others = [each for each in system_authorities() if each.strip() != ours.strip()]
    content = b"".join([ours, *others])
    if not path.exists() or path.read_bytes() != content:
        write_file(path, content, mode=PUBLIC)
    return path
