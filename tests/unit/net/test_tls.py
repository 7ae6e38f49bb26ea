"""The TLS layer with both ends in memory."""

import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gatepost.errors import LocalProtocolError, TlsError
from gatepost.net.tls import TlsLayer, client_context, server_context, strict_context
from tests.certificates import Authority, make_authority
from tests.rsa_keys import rsa_key

HOST = "mail.example"
HOSTNAME_MISMATCH, EXPIRED, UNKNOWN_ISSUER = 62, 10, 20


def pieces(wire: bytes, size: int) -> Iterator[bytes]:
    return (wire[start : start + size] for start in range(0, len(wire), size))


def pump(client: TlsLayer, server: TlsLayer, size: int = 65_536) -> tuple[bytes, bytes]:
    """Carry bytes to and fro until both are silent; return what each of them read."""
    read_by_client: list[bytes] = []
    read_by_server: list[bytes] = []
    while True:
        to_server, to_client = client.outgoing(), server.outgoing()
        if not to_server and not to_client:
            return b"".join(read_by_client), b"".join(read_by_server)
        read_by_server += [server.receive(piece) for piece in pieces(to_server, size)]
        read_by_client += [client.receive(piece) for piece in pieces(to_client, size)]


@pytest.fixture
def server(authority: Authority) -> TlsLayer:
    pair = authority.issue(HOST)
    return TlsLayer(server_context(pair.certificate, pair.key), server_side=True)


@pytest.fixture
def client(authority: Authority) -> TlsLayer:
    return TlsLayer(client_context(ca_file=authority.ca_file), server_hostname=HOST)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_handshake_in_pieces(client: TlsLayer, server: TlsLayer, size: int) -> None:
    before = client.handshaking, server.handshaking
    pump(client, server, size)
    assert before == (True, True)
    assert (client.handshaking, server.handshaking) == (False, False)


@pytest.mark.parametrize("size", [1, 16_384, 16_385, 300_000])
def test_plaintext_arrives_whole(client: TlsLayer, server: TlsLayer, size: int) -> None:
    pump(client, server)
    message = bytes(range(256)) * (size // 256 + 1)
    client.send(message)
    server.send(memoryview(message)[:size])
    assert pump(client, server, 5_000) == (message[:size], message)


def test_many_records_in_one_packet_are_one_answer(client: TlsLayer, server: TlsLayer) -> None:
    pump(client, server)
    for _ in range(20):
        client.send(b"NOOP\r\n")
    assert server.receive(client.outgoing()) == b"NOOP\r\n" * 20


def test_nothing_is_sent_before_the_handshake(client: TlsLayer) -> None:
    with pytest.raises(LocalProtocolError):
        client.send(b"MAIL FROM:<a@b.example>\r\n")


def test_facts(client: TlsLayer, server: TlsLayer, authority: Authority) -> None:
    pump(client, server)
    facts = client.facts
    assert (facts.version, facts.verified) == ("TLSv1.3", True)
    assert facts.cipher
    assert ssl.DER_cert_to_PEM_cert(facts.chain[0]) in Path(_newest(authority)).read_text()


def _newest(authority: Authority) -> Path:
    return max(authority.directory.glob(f"{HOST}*.pem"), key=lambda path: path.stat().st_mtime_ns)


def test_both_close(client: TlsLayer, server: TlsLayer) -> None:
    pump(client, server)
    client.send(b"QUIT\r\n")
    client.close()
    assert server.receive(client.outgoing()) == b"QUIT\r\n"
    assert server.closed
    server.receive_eof()
    server.send(b"221 bye\r\n")
    server.close()
    client.receive(server.outgoing())
    assert client.closed


def test_a_cut_is_no_close(client: TlsLayer, server: TlsLayer) -> None:
    pump(client, server)
    with pytest.raises(TlsError, match="without close_notify"):
        server.receive_eof()


def test_a_cut_in_the_handshake(client: TlsLayer) -> None:
    with pytest.raises(TlsError, match="during the TLS handshake"):
        client.receive_eof()


@pytest.mark.parametrize(
    ("issued_for", "expected_host", "code"),
    [
        ([HOST], "other.example", HOSTNAME_MISMATCH),
        ([HOST], "127.0.0.1", 64),
        (["127.0.0.1"], "127.0.0.1", None),
        (["::1"], "::1", None),
        (["*.mail.example"], "a.mail.example", None),
        ([HOST], HOST + ".", None),
    ],
)
def test_host_names(
    authority: Authority, issued_for: list[str], expected_host: str, code: int | None
) -> None:
    pair = authority.issue(*issued_for)
    server = TlsLayer(server_context(pair.certificate, pair.key), server_side=True)
    client = TlsLayer(client_context(ca_file=authority.ca_file), server_hostname=expected_host)
    if code is None:
        pump(client, server)
        assert not client.handshaking
    else:
        with pytest.raises(TlsError) as caught:
            pump(client, server)
        assert caught.value.verify_code == code


def test_an_unknown_authority_is_refused_and_told(server: TlsLayer, tmp_path: Path) -> None:
    stranger = client_context(ca_file=make_authority(tmp_path).ca_file)
    client = TlsLayer(stranger, server_hostname=HOST)
    with pytest.raises(TlsError) as caught:
        pump(client, server)
    assert caught.value.verify_code == UNKNOWN_ISSUER
    assert "local issuer" in caught.value.verify_error
    with pytest.raises(TlsError) as heard:
        server.receive(client.outgoing())
    assert "UNKNOWN_CA" in heard.value.reason


def test_an_expired_certificate(authority: Authority) -> None:
    pair = authority.issue(HOST, valid_until=datetime.now(UTC) - timedelta(hours=1))
    server = TlsLayer(server_context(pair.certificate, pair.key), server_side=True)
    client = TlsLayer(client_context(ca_file=authority.ca_file), server_hostname=HOST)
    with pytest.raises(TlsError) as caught:
        pump(client, server)
    assert caught.value.verify_code == EXPIRED


def test_unverified_takes_any_certificate_and_says_so(server: TlsLayer) -> None:
    client = TlsLayer(client_context(verify=False), server_hostname="wrong.example")
    pump(client, server)
    assert not client.facts.verified
    assert client.facts.chain


def test_plaintext_in_front_of_a_broken_record_is_kept(client: TlsLayer, server: TlsLayer) -> None:
    pump(client, server)
    server.send(b"421 going down\r\n")
    assert (
        client.receive(server.outgoing() + b"garbage that is not a record") == b"421 going down\r\n"
    )
    assert client.failure is not None
    assert client.outgoing()  # the alert
    with pytest.raises(TlsError):
        client.receive(b"")


def test_cleartext_where_tls_is_expected(client: TlsLayer) -> None:
    with pytest.raises(TlsError) as caught:
        client.receive(b"220 mail.example ESMTP\r\n")
    assert caught.value.reason == "WRONG_VERSION_NUMBER"


def test_cleartext_to_a_server_that_expects_tls(server: TlsLayer) -> None:
    with pytest.raises(TlsError):
        server.receive(b"EHLO client.example\r\n")


def test_tls_1_1_is_too_old(server: TlsLayer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = TlsLayer(context, server_hostname=HOST)
    with pytest.raises(TlsError):
        pump(client, server)


def test_files_that_are_not_there() -> None:
    with pytest.raises(TlsError, match=r"CA file /none/ca\.pem"):
        client_context(ca_file="/none/ca.pem")
    with pytest.raises(TlsError, match=r"certificate /none/cert\.pem"):
        server_context("/none/cert.pem")


@pytest.mark.parametrize("other", ["EC", "RSA"])
def test_another_s_key_is_named(tmp_path: Path, authority: Authority, other: str) -> None:
    """OpenSSL has one complaint for a key of the same kind, and another for one of another kind."""
    made = ec.generate_private_key(ec.SECP256R1()) if other == "EC" else rsa_key()
    key = tmp_path / "other.pem"
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TlsError, match=f"the key in {key} does not match it"):
        server_context(authority.issue(HOST).certificate, str(key))


def test_errors_name_the_file_at_fault(tmp_path: Path, authority: Authority) -> None:
    pair, key = authority.issue(HOST), tmp_path / "key.pem"
    own = load_pem_private_key(Path(pair.key).read_bytes(), None)

    def said(certificate: str, key: Path) -> str:
        with pytest.raises(TlsError) as caught:
            server_context(certificate, str(key))
        return str(caught.value).removeprefix(f"certificate {certificate}: ")

    assert said(pair.certificate, key) == f"the key in {key}: No such file or directory"
    key.write_text("")
    assert said(pair.certificate, key) == f"{key} contains no PEM key"
    assert said(str(key), Path(pair.key)) == "it contains no PEM certificate"
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        locked = BestAvailableEncryption(b"secret")
        key.write_bytes(own.private_bytes(Encoding.PEM, form, locked))
        assert "is protected by a password, which is not supported" in said(pair.certificate, key)
    key.write_text(Path(pair.key).read_text()[:80])
    assert said(pair.certificate, key) == f"it or {key} is damaged"


def test_fifos_are_refused(tmp_path: Path, authority: Authority) -> None:
    """One that stands where a certificate was would stop the whole relay."""
    fifo, own = str(tmp_path / "fifo"), authority.issue("localhost")
    os.mkfifo(fifo)
    for certificate, key in ((fifo, None), (own.certificate, fifo)):
        with pytest.raises(TlsError, match="it is a FIFO"):
            server_context(certificate, key)
    with pytest.raises(TlsError, match="it is a FIFO"):
        server_context(own.certificate, own.key, authorities=fifo)
    with pytest.raises(TlsError, match="it is a FIFO"):
        client_context(ca_file=fifo)


def test_a_certificate_need_not_be_made_to_the_letter(authority: Authority) -> None:
    """As with other mail clients, whatever the Python; who looks strictly says what is missing."""
    pair = authority.issue(HOST, to_the_letter=False)
    serving = server_context(pair.certificate, pair.key)
    client = TlsLayer(client_context(ca_file=authority.ca_file), server_hostname=HOST)
    pump(client, TlsLayer(serving, server_side=True))
    assert client.facts.verified
    strict = TlsLayer(strict_context(authority.ca_file), server_hostname=HOST)
    with pytest.raises(TlsError, match="Missing Authority Key Identifier"):
        pump(strict, TlsLayer(serving, server_side=True))
