"""TLS as a transformation of bytes: one layer for the client, sync and async, and for the relay.

With ``ssl.MemoryBIO`` it needs no socket, so that nothing can be buffered on the wrong side of
STARTTLS, a handshake may come in pieces, and our alert still reaches the peer after a failure.
"""

import re
import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gatepost.errors import LocalProtocolError, TlsError
from gatepost.net.rereadable_files import check_again, open_again

Context = ssl.SSLContext
Version = Literal["TLSv1.2", "TLSv1.3"]

RECORD: Final = 16_384
"""Octets of plaintext in one record at most (RFC 8446 5.1)."""

_PARTIAL_CHAIN: Final = 0x80000
"""X509_V_FLAG_PARTIAL_CHAIN: any authority in the store is a root."""
_DER: Final = 2
"""``_ssl.ENCODING_DER``."""
_NOT_ITS_KEY: Final = ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""The latter for a key of another type, such as RSA instead of EC: OpenSSL keeps one of each."""
_CERTIFICATE: Final = re.compile(rb"-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----")
"""RFC 7468 5.1, and other labels that OpenSSL accepts."""
_CERTIFICATES: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
_KEY: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_LOCKED: Final = re.compile(rb"-----BEGIN ENCRYPTED|^Proc-Type: *4,ENCRYPTED", re.MULTILINE)
"""RFC 7468 11, and RFC 1421 4.6.1.1 as OpenSSL writes it."""
_MINIMUM: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def client_context(
    *,
    ca_file: str | None = None,
    verify: bool = True,
    minimum: Version = "TLSv1.2",
    certificate: str | None = None,
    key: str | None = None,
) -> Context:
    """Return a context that verifies chain and host name, with ``ca_file`` or the system's CAs.

    Like most mail clients, and Python before 3.13, it does not require that certificates follow RFC
    5280 strictly, because those of many private authorities do not. Every authority in the store is
    a root. ``verify=False`` accepts any certificate: to look at a server, never to send a secret.
    ``certificate`` is a PEM file of a client certificate, ``key`` the file of its key if that is
    another one. Raises TlsError if a file cannot be used.
    """
    try:
        if ca_file is not None:
            check_again(ca_file)
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise _no_authorities(str(ca_file), error) from error
    context.verify_flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT | _PARTIAL_CHAIN
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _load(context, certificate, key)
    _harden(context, minimum)
    return context


def completing_context(ca_file: str | None, issuer: bytes) -> Context:
    """Return a verifying context with one more certificate of an authority (DER) for building
    chains.

    It is not a root: a chain must still end at a root that is trusted without it. Raises TlsError.
    """
    context = client_context(ca_file=ca_file)
    context.verify_flags &= ~_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=issuer)
    except ssl.SSLError as error:
        raise TlsError(f"no certificate: {error.reason or error}") from error
    return context


def strict_context(ca_file: str | None) -> Context:
    """Return a verifying context that follows RFC 5280 strictly, as Python does since 3.13.

    It shows which clients would refuse a certificate that others accept. Raises TlsError.
    """
    context = client_context(ca_file=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def system_authorities() -> list[bytes]:
    """Return the certificates (PEM) that OpenSSL trusts by default in this process.

    They are those of SSL_CERT_FILE, if that is set, and otherwise the system's; or certifi's, if it
    is installed and the system has none.
    """
    file: str | None = ssl.get_default_verify_paths().cafile
    if not file:
        with suppress(ImportError):
            import certifi  # noqa: PLC0415 - where another package needs it

            file = certifi.where()
    pem = b""
    with suppress(OSError):
        pem = Path(file).read_bytes() if file else b""
    return [each + b"\n" for each in _CERTIFICATES.findall(pem)]


OLD_VERSIONS: Final = ("TLSv1", "TLSv1.1")
"""Retired by RFC 8996."""
_ALONE: Final = {
    "TLSv1": "TLSv1", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3",
}  # fmt: skip
VERSIONS: Final = tuple(_ALONE)
"""What ``looking_context`` knows, the oldest first."""


def looking_context(version: str) -> Context:
    """Return a context that offers only one version, with every cipher that uses certificates.

    It verifies nothing: to see what a server accepts, never to send a secret.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old ones are looked for
        if version in OLD_VERSIONS:
            context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion[_ALONE[version]]
    return context


def server_context(
    certificate: str,
    key: str | None = None,
    *,
    newest: str = "TLSv1.3",
    authorities: str | None = None,
) -> Context:
    """Return a server context for the PEM files ``certificate`` (the chain) and ``key``.

    With ``key`` None, the key is in the file of the chain. With ``authorities`` (a PEM file of CA
    certificates), clients are asked for a certificate: the handshake fails for one that these CAs
    have not issued, but not for none. TLS 1.2 is the oldest version, ``newest`` the newest; an old
    one (``OLD_VERSIONS``) is for tests of clients, and also permits weaker keys and hashes. One
    session ticket is sent: two cost a second write, and no mail client uses both. Raises TlsError
    if the files cannot be used together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, certificate, key)
    context.num_tickets = 1
    _harden(context, "TLSv1.2")
    if authorities is not None:
        _ask_clients(context, authorities)
    if newest != "TLSv1.3":
        _age(context, newest)
    return context


def _ask_clients(context: Context, authorities: str) -> None:
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= _PARTIAL_CHAIN
    try:
        check_again(authorities)
        context.load_verify_locations(authorities)
    except OSError as error:
        raise _no_authorities(authorities, error) from error


def _no_authorities(file: str, error: OSError) -> TlsError:
    is_content = isinstance(error, ssl.SSLError)
    return TlsError(
        f"CA file {file}: {'it contains no PEM certificate' if is_content else error.strerror}"
    )


def _age(context: Context, newest: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old ones are asked for
        if newest in OLD_VERSIONS:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion[_ALONE[newest]]


def _load(context: Context, certificate: str, key: str | None) -> None:
    """Load a chain and its key; a key with a password is refused, because nobody could enter it."""
    contents = []
    for each in filter(None, (certificate, key)):
        try:
            with open_again(Path(each)) as file:
                contents.append(file.read())
        except OSError as error:
            which = "" if each is certificate else f"the key in {key}: "
            problem = f"certificate {certificate}: {which}{error.strerror or error}"
            raise TlsError(problem) from error
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        problem = _unloadable(error, key, contents[0], contents[-1])
        raise TlsError(f"certificate {certificate}: {problem}") from error


def _unloadable(error: Exception, key: str | None, chain: bytes, secret: bytes) -> str:
    """Return what is wrong with the files, because OpenSSL only names a place in its code."""
    if not isinstance(error, ssl.SSLError):
        return getattr(error, "strerror", None) or str(error)
    reason = error.reason or "PEM_LIB"
    if reason in _NOT_ITS_KEY:
        return "it does not match the key" if key is None else f"the key in {key} does not match it"
    if not _CERTIFICATE.search(chain):
        return "it contains no PEM certificate"
    if not _KEY.search(secret):
        return f"{key or 'it'} contains no PEM key"
    if _LOCKED.search(secret):
        return f"the key in {key or 'it'} is protected by a password, which is not supported"
    if reason in ("PEM_LIB", "NO_START_LINE"):
        return f"it{f' or {key}' if key else ''} is damaged"
    return str(error)


def _harden(context: Context, minimum: Version) -> None:
    context.minimum_version = _MINIMUM[minimum]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The results of a finished handshake."""

    version: str
    """``TLSv1.3`` and the like."""
    cipher: str
    chain: tuple[bytes, ...]
    """The peer's certificates in DER, its own first; as much as this Python tells."""
    verified: bool
    """The context demanded a good certificate, so this one is."""


class TlsLayer:
    """One side of one TLS connection, without its socket.

    Write what ``outgoing`` returns after every call, also after one that raised: it may be an
    alert. The ClientHello of a client is there from the start. Raises TlsError if the handshake or
    a record fails.
    """

    __slots__ = (
        "_incoming", "_object", "_outgoing", "closed", "failure", "handshaking", "outgoing",
    )  # fmt: skip

    def __init__(
        self, context: Context, *, server_side: bool = False, server_hostname: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.outgoing: Callable[[], bytes] = self._outgoing.read
        """Returns the ciphertext to write now."""
        try:
            self._object = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_side=server_side,
                server_hostname=server_hostname.rstrip(".") if server_hostname else None,
            )
        except ValueError as error:
            raise TlsError(f"no host name for TLS: {server_hostname!r}") from error
        self.handshaking = True
        self.closed = False
        """The peer has sent close_notify; without it, an EOF is a cut connection (RFC 8446 6.1)."""
        self.failure: TlsError | None = None
        """What failed; raised at once, or at the next call if there was plaintext before it."""
        if not server_side:
            self._shake()

    def receive(self, ciphertext: bytes) -> bytes:
        """Process data from the peer, and return the plaintext that it completes."""
        if self.failure is not None:
            raise self.failure
        self._incoming.write(ciphertext)
        if self.handshaking:
            self._shake()
            if self.handshaking:
                return b""
        incoming, read = self._incoming, self._object.read
        chunks = []
        try:
            # Each read empties a record. Asking is cheaper than the exception that says that there
            # is no more.
            while incoming.pending:
                if not (chunk := read(RECORD)):
                    self.closed = True
                    break
                chunks.append(chunk)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as error:
            failure = self._fail(error)
            if not chunks:
                raise failure from error
        return b"".join(chunks)  # copies nothing if it is one

    def _shake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise self._fail(error) from error
        self.handshaking = False

    def receive_eof(self) -> None:
        """Note that the peer closed TCP; raises TlsError unless it sent close_notify before."""
        if not self.closed:
            when = "during the TLS handshake" if self.handshaking else "without close_notify"
            raise TlsError(f"connection closed {when}")

    def send(self, plaintext: bytes | memoryview) -> None:
        """Encrypt ``plaintext``; only after the handshake."""
        if self.handshaking:
            raise LocalProtocolError("the TLS handshake is not done")
        try:
            written = self._object.write(plaintext) if plaintext else 0
            while written < len(plaintext):
                written += self._object.write(memoryview(plaintext)[written:])
        except ssl.SSLError as error:
            raise self._fail(error) from error

    @property
    def unsent(self) -> int:
        """Number of octets that ``outgoing`` would return."""
        return self._outgoing.pending

    @property
    def version(self) -> str:
        """``TLSv1.3`` and the like; empty before the handshake."""
        return self._object.version() or ""

    @property
    def cipher(self) -> str:
        """The cipher suite; empty before the handshake."""
        cipher = self._object.cipher()
        return cipher[0] if cipher else ""

    @property
    def presented(self) -> tuple[str, ...]:
        """The names of the owner of the peer's certificate, if it was verified: its digest
        (``sha256:`` and hexadecimal digits), and the names that ``names_in`` finds in it."""
        der = None if self.handshaking else self._object.getpeercert(binary_form=True)
        if der is None or self._object.context.verify_mode is ssl.CERT_NONE:
            return ()
        from gatepost.net.certificate_names import names_in  # noqa: PLC0415 - rare, and slow

        return names_in(der)

    def close(self) -> None:
        """Send close_notify; after it nothing can be sent, but the peer may still send data."""
        try:
            self._object.unwrap()
        except ssl.SSLWantReadError:
            pass  # the peer's close_notify is still to come
        except (ssl.SSLError, ValueError):
            pass  # there was no connection, or there is unread data before its close_notify

    @property
    def facts(self) -> TlsFacts:
        """The results of the handshake; only after it."""
        return TlsFacts(
            version=self.version,
            cipher=self.cipher,
            chain=self._chain(),
            verified=self._object.context.verify_mode is ssl.CERT_REQUIRED,
        )

    def _chain(self) -> tuple[bytes, ...]:
        """Ask for the whole chain: public since Python 3.13, inside since 3.10."""
        public = getattr(self._object, "get_unverified_chain", None)
        if public is not None:
            return tuple(public())
        inner = getattr(getattr(self._object, "_sslobj", None), "get_unverified_chain", None)
        if inner is not None:
            return tuple(one.public_bytes(_DER) for one in inner() or ())
        own = self._object.getpeercert(binary_form=True)
        return (own,) if own else ()

    def _fail(self, error: ssl.SSLError) -> TlsError:
        failure, reason = TlsError(describe_failure(error)), error.reason or ""
        if isinstance(error, ssl.SSLCertVerificationError):
            failure.because(reason, error.verify_code, error.verify_message)
        else:
            failure.because(reason)
        self.failure = failure
        return failure


def describe_failure(error: OSError) -> str:
    """Return why a handshake, or a connection under TLS, failed."""
    if not isinstance(error, ssl.SSLError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message.rstrip('.')}"
    return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities to trust, and the client certificate; paths of PEM files."""

    ca_file: str | None = None
    """Replaces the system's authorities."""
    verify: bool = True
    certificate: str | None = None
    key: str | None = None
    """Needed if the key is not in the certificate's file."""


class Contexts:
    """All contexts in use."""

    def __init__(self) -> None:
        self._made: dict[Trust, tuple[tuple[int, ...], Context]] = {}

    def get(self, trust: Trust) -> Context:
        """Return the context. Raises TlsError if a file cannot be used."""
        version = _version(trust)
        made = self._made.get(trust)
        if made is None or made[0] != version:
            context = client_context(
                ca_file=trust.ca_file,
                verify=trust.verify,
                certificate=trust.certificate,
                key=trust.key,
            )
            made = self._made[trust] = version, context
        return made[1]


def _version(trust: Trust) -> tuple[int, ...]:
    files = [each for each in (trust.ca_file, trust.certificate, trust.key) if each is not None]
    try:
        return tuple([Path(each).stat().st_mtime_ns for each in files])
    except OSError as error:
        raise TlsError(f"{error.filename}: {error.strerror}") from error
