"""The reason why a client's TLS failed, for the client's administrator."""

from pathlib import Path

import pytest

from gatepost.errors import TlsError
from gatepost.net.tls import TlsLayer, client_context, server_context
from gatepost.relay.tls_reasons import explain_handshake
from tests.certificates import make_authority


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (
            b"EHLO client.example\r\n",
            "the client does not speak TLS, which this port requires from the start (",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "the client speaks HTTP ("),
    ],
)
def test_data_that_is_not_a_handshake_is_explained(
    tmp_path: Path, octets: bytes, said: str
) -> None:
    pair = make_authority(tmp_path).issue("mail.example")
    server = TlsLayer(server_context(pair.certificate, pair.key), server_side=True)
    with pytest.raises(TlsError) as caught:
        server.receive(octets)
    assert explain_handshake(str(caught.value).removeprefix("TLS failed: ")).startswith(said)


def test_an_unknown_authority_is_explained(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).issue("mail.example")
    server = TlsLayer(server_context(pair.certificate, pair.key), server_side=True)
    client = TlsLayer(client_context(), server_hostname="mail.example")
    server.receive(client.outgoing())
    with pytest.raises(TlsError):
        client.receive(server.outgoing())
    with pytest.raises(TlsError) as caught:
        server.receive(client.outgoing())
    said = explain_handshake(str(caught.value).removeprefix("TLS failed: "))
    assert said.startswith("the client does not accept our certificate: it does not know the")


def test_unknown_texts_of_openssl_are_unchanged() -> None:
    assert explain_handshake("internal error") == "internal error"
