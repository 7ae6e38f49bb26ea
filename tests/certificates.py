"""A throw-away certificate authority for tests that speak TLS."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A PEM certificate and its key, as paths."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Issues certificates into ``directory``; ``ca_file`` is what a client trusts."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    ca_file: str

    def issue(
        self, *names: str, valid_until: datetime | None = None,
        valid_since: datetime | None = None, issuer_url: str = "", crl_url: str = "",
        to_the_letter: bool = True,
    ) -> Pair:  # fmt: skip
        """Return a server's certificate for host names and IP addresses.

        One that is not to RFC 5280's letter does not say which key signed it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        until = valid_until or datetime.now(UTC) + DAY
        builder = (
            _builder(names[0], self.certificate.subject, key.public_key(), until, valid_since)
            .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        )
        if to_the_letter:
            whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            builder = builder.add_extension(whose, False)
        if issuer_url:
            where = x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS,
                x509.UniformResourceIdentifier(issuer_url),
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([where]), False)
        if crl_url:
            place = [x509.UniformResourceIdentifier(crl_url)]
            points = [x509.DistributionPoint(place, None, None, None)]
            builder = builder.add_extension(x509.CRLDistributionPoints(points), False)
        signed = builder.sign(self.key, hashes.SHA256())
        stem = f"{names[0].replace(':', '_')}-{signed.serial_number:x}"
        return Pair(
            _write(self.directory / f"{stem}.pem", _pem(signed)),
            _write(self.directory / f"{stem}.key", _key_pem(key)),
        )

    @property
    def der(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def self_signed(self, name: str) -> Pair:
        """Return a certificate for ``name`` that is signed with its own key."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = (
            _builder(name, own, key.public_key(), datetime.now(UTC) + DAY)
            .add_extension(x509.SubjectAlternativeName([_name(name)]), False)
            .sign(key, hashes.SHA256())
        )
        stem = f"own-{signed.serial_number:x}"
        return Pair(
            _write(self.directory / f"{stem}.pem", _pem(signed)),
            _write(self.directory / f"{stem}.key", _key_pem(key)),
        )

    def intermediate(self) -> "Authority":
        """Return an intermediate authority signed by this one. Its certificates come without the
        chain."""
        return _authority(self.directory, "Throw-away Intermediate CA", self)


def make_authority(directory: Path) -> Authority:
    """Make an authority that no system trusts."""
    return _authority(directory, "Throw-away CA", None)


def _authority(directory: Path, title: str, issuer: Authority | None) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    signed_by = name if issuer is None else issuer.certificate.subject
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(title, signed_by, key.public_key(), datetime.now(UTC) + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1 if issuer is None else 0), True)
        .add_extension(usage, True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                (key if issuer is None else issuer.key).public_key()
            ),
            False,
        )
        .sign(key if issuer is None else issuer.key, hashes.SHA256())
    )
    ca_file = _write(directory / f"ca-{certificate.serial_number:x}.pem", _pem(certificate))
    return Authority(directory, key, certificate, ca_file)


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime,
    since: datetime | None = None,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or min(datetime.now(UTC), until) - DAY)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)
