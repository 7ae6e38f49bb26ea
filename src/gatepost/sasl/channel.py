"""The properties of a connection for SASL, and the binding of a login to it (RFC 5056)."""

import hashlib
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class ChannelBinding:
    """Data that both ends of a TLS connection know, but that a man in the middle does not share."""

    kind: str
    """``tls-server-end-point`` (RFC 5929 4) or ``tls-exporter`` (RFC 9266)."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Channel:
    """The facts that decide which mechanisms are safe on a connection."""

    encrypted: bool = False
    verified: bool = False
    """The server's certificate was verified."""
    loopback: bool = False
    """The peer is this machine."""
    reveal_anyway: bool = False
    """The user permits to send a secret unprotected. It never applies to connections without TLS to
    other machines."""
    binding: ChannelBinding | None = None

    @property
    def is_private(self) -> bool:
        """True if only the right server can read a secret that is sent."""
        if self.reveal_anyway:
            return self.encrypted or self.loopback
        return self.encrypted and self.verified


def tls_server_end_point(certificate: bytes) -> ChannelBinding | None:
    """Return the binding to a server's certificate in DER (RFC 5929 4.1).

    The hash is that of the certificate's signature, with SHA-256 instead of MD5 and SHA-1. None if
    it is undefined: the signature has no hash (Ed25519), or is unknown.
    """
    try:
        digest = _signature_hash(certificate)
    except IndexError:  # truncated, or not a certificate
        return None
    if digest is None:
        return None
    return ChannelBinding("tls-server-end-point", hashlib.new(digest, certificate).digest())


_PKCS1: Final = bytes.fromhex("2a864886f70d0101")
_ECDSA: Final = bytes.fromhex("2a8648ce3d0403")
_NIST_HASH: Final = bytes.fromhex("6086480165030402")
_RSASSA_PSS: Final = _PKCS1 + b"\x0a"

_HASH_OF_SIGNATURE: Final = {
    _PKCS1 + b"\x04": "sha256",  # md5WithRSAEncryption
    _PKCS1 + b"\x05": "sha256",  # sha1WithRSAEncryption
    _PKCS1 + b"\x0b": "sha256",
    _PKCS1 + b"\x0c": "sha384",
    _PKCS1 + b"\x0d": "sha512",
    _PKCS1 + b"\x0e": "sha224",
    bytes.fromhex("2a8648ce3d0401"): "sha256",  # ecdsa-with-SHA1
    _ECDSA + b"\x01": "sha224",
    _ECDSA + b"\x02": "sha256",
    _ECDSA + b"\x03": "sha384",
    _ECDSA + b"\x04": "sha512",
}
_HASH_OF_PSS: Final = {
    _NIST_HASH + b"\x01": "sha256",
    _NIST_HASH + b"\x02": "sha384",
    _NIST_HASH + b"\x03": "sha512",
    _NIST_HASH + b"\x04": "sha224",
}


def _signature_hash(certificate: bytes) -> str | None:
    """Find the hash in ``SEQUENCE { tbsCertificate, signatureAlgorithm, ... }`` (RFC 5280 4.1)."""
    inside, _ = _element(certificate, 0)
    _, after_tbs = _element(certificate, inside)
    algorithm, _ = _element(certificate, after_tbs)
    start, end = _element(certificate, algorithm)
    oid = certificate[start:end]
    if oid == _RSASSA_PSS:
        return _pss_hash(certificate, end)
    return _HASH_OF_SIGNATURE.get(oid)


def _pss_hash(certificate: bytes, parameters: int) -> str | None:
    """Read hashAlgorithm, ``[0] SEQUENCE { OID }``; absent, it is SHA-1 (RFC 4055 3.1)."""
    inside, end = _element(certificate, parameters)
    if inside == end or certificate[inside] != 0xA0:
        return "sha256"
    tagged, _ = _element(certificate, inside)
    sequence, _ = _element(certificate, tagged)
    start, stop = _element(certificate, sequence)
    return _HASH_OF_PSS.get(certificate[start:stop])


def _element(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the DER element at ``at`` starts and ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size]), start + size
    return start, start + length
