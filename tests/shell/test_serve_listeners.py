"""The listeners of ``gatepost serve``: proxies, networks, Unix sockets, limits, no open relay."""

import base64
import json
import socket
import struct
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.wire.proxy_header import SIGNATURE
from tests.shell.peer import letter
from tests.shell.serve_process import BASE, RECIPIENT, SENDER, ServeProcess, relaying

LISTENERS = """
[limits]
connections_per_address = 3
messages_per_connection = 2
recipients = 7
message_size = 100_000

[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"

[[listener]]
name = "proxied"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
proxies = "127.0.0.0/8"
[[listener.network]]
from = "10.1.0.0/16"
mechanisms = "PLAIN"
[[listener.network]]
from = ["10.2.0.0/16", "2001:db8::/32"]
may_relay = true
[[listener.network]]
from = "10.3.0.0/16"
refuse = true

[[listener]]
name = "proxied-tls"
address = "127.0.0.1:0"
tls = "implicit"
certificate = "cert.pem"
key = "key.pem"
proxies = "127.0.0.1"

[[listener]]
name = "elsewhere"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
proxies = "192.0.2.1"
[[listener.network]]
from = "10.0.0.0/8"
may_relay = true

[[listener]]
name = "local"
unix = "smtp.sock"
mechanisms = ["PLAIN", "LOGIN"]

[[listener]]
name = "trusting"
unix = "open.sock"
[[listener.network]]
from = "unix"
may_relay = true
"""


def v1(address: str) -> bytes:
    family, to = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {address} {to} 4000 587\r\n".encode()


def v2(address: str) -> bytes:
    fields = socket.inet_aton(address) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 1, 2)
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(fields)) + fields


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    top = 'health = "127.0.0.1:0"\npostmaster = "ops@example.net"\n'
    with relaying(tmp_path_factory.mktemp("serve"), LISTENERS, base=top + BASE) as relay:
        yield relay


def test_a_proxy_s_header_then_starttls(relay: ServeProcess) -> None:
    with relay.signed_in("proxied", v1("10.9.0.7")) as peer:
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
    assert relay.wait_event("signed_in", peer="10.9.0.7")
    assert relay.wait_event("accepted", peer="10.9.0.7")
    assert b"([10.9.0.7])" in relay.raw()


@pytest.mark.parametrize("header", [v1("10.9.0.8"), v2("10.9.0.8")])
def test_a_proxy_s_header_comes_before_implicit_tls(relay: ServeProcess, header: bytes) -> None:
    with relay.peer("proxied-tls") as peer:
        for octet in header:  # it may come in pieces
            peer.send(bytes([octet]))
        peer.shake()
        peer.greet()
        assert peer.login("app", "wrong").startswith("535 ")
    assert relay.wait_event("auth_refused", peer="10.9.0.8")


def test_the_proxy_s_own_connection_is_its_own(relay: ServeProcess) -> None:
    for header in (b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"):
        with relay.greeted("proxied", header) as peer:
            assert peer.ask("NOOP").startswith("250 ")


@pytest.mark.parametrize(
    "said", [b"EHLO client.example\r\n", b"PROXY TCP4 x y 1 2\r\n", b"PROXY TCP4 " + b"9" * 200]
)
def test_a_proxy_without_a_header_is_cut(relay: ServeProcess, said: bytes) -> None:
    with relay.peer("proxied") as peer:
        peer.send(said)
        assert peer.is_closed()
    assert relay.wait_event("proxy_header_refused", peer="127.0.0.1")


def test_a_proxy_header_from_an_untrusted_peer_is_an_unknown_command(relay: ServeProcess) -> None:
    with relay.peer("elsewhere") as peer:
        assert peer.reply().startswith("220 ")
        assert peer.ask(v1("10.2.0.1").decode().strip()).startswith("500 ")
        peer.ask("EHLO client.example")
        peer.secure()
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 ")


def test_each_network_is_offered_its_own(relay: ServeProcess) -> None:
    for address, offered in (("10.1.0.1", "PLAIN"), ("10.9.0.1", "LOGIN")):
        with relay.greeted("proxied", v1(address)) as peer:
            peer.start_tls()
            lines = peer.ask("EHLO client.example").splitlines()
            mechanisms = next(each for each in lines if each[4:].startswith("AUTH ")).split()[1:]
            assert (mechanisms == ["PLAIN"]) == (address == "10.1.0.1")
            assert offered in mechanisms
            if address == "10.1.0.1":
                assert peer.ask("AUTH LOGIN").startswith("504 ")
                response = base64.b64encode(b"\0app\0secret").decode()
                assert peer.ask(f"AUTH PLAIN {response}").startswith("235 ")


@pytest.mark.parametrize("address", ["10.2.0.1", "2001:db8::5"])
def test_a_network_that_may_relay_need_not_sign_in(relay: ServeProcess, address: str) -> None:
    with relay.secured("proxied", v1(address)) as peer:
        assert peer.deliver("device@somewhere.example", letter("x@y.example")).startswith("250 ")


def test_a_network_that_is_refused_hears_nothing_else(relay: ServeProcess) -> None:
    with relay.peer("proxied") as peer:
        peer.send(v1("10.3.0.1"))
        assert peer.reply() == "554 5.7.1 Access denied"
        assert peer.is_closed()
    told = relay.wait_event("closed", peer="10.3.0.1")
    assert "refuse = true" in told["reason"]


@pytest.mark.parametrize("name", ["submission", "elsewhere", "proxied"])
def test_no_relaying_without_authentication(relay: ServeProcess, name: str) -> None:
    header = v1("10.9.0.1") if name == "proxied" else b""
    with relay.greeted(name, header) as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 5.7.0 Must issue a STARTTLS")
        assert peer.ask("AUTH LOGIN").startswith("538 ")
        peer.secure()
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 5.7.0 Authentication required")
        assert peer.ask(f"RCPT TO:<{RECIPIENT}>").startswith("503 ")
        assert peer.ask("DATA").startswith("503 ")


def test_a_user_sends_only_as_itself_and_only_along_routes(relay: ServeProcess) -> None:
    with relay.signed_in("submission") as peer:
        assert peer.ask("MAIL FROM:<ceo@elsewhere.example>").startswith("550 5.7.1 ")
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("250 ")
        refused = peer.ask("RCPT TO:<bob@nowhere.example>")
        assert refused == "550 5.7.1 Mail to this recipient is not relayed"
        assert peer.ask(f"RCPT TO:<{RECIPIENT}>").startswith("250 ")
        assert peer.ask("DATA").startswith("354 ")
        peer.send(letter("ceo@elsewhere.example") + b".\r\n")
        assert peer.reply().startswith("550 5.7.1 "), "the From field is held to the same"
    reason = f"no_route: no route matches mail from <{SENDER}> to bob@nowhere.example"
    assert relay.wait_event("refused", reason=reason)


def test_limits_of_the_configuration(relay: ServeProcess) -> None:
    with relay.secured("submission") as peer:
        lines = peer.ask("EHLO client.example").splitlines()
        assert "250-SIZE 100000" in lines
        assert "250-LIMITS RCPTMAX=7" in lines
    with relay.signed_in("submission") as peer:
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("421 4.7.0 Too many messages")
        assert peer.is_closed()


def test_the_limit_on_sessions_of_an_address(relay: ServeProcess) -> None:
    peers = [relay.greeted("proxied", v1("10.9.9.9")) for _ in range(3)]
    with relay.peer("proxied") as one_more:
        one_more.send(v1("10.9.9.9"))
        assert one_more.reply() == "421 4.3.2 Too many connections"
        assert one_more.is_closed()
    relay.greeted("proxied", v1("10.9.9.8")).sock.close()
    for peer in peers:
        assert peer.ask("QUIT").startswith("221 ")
        assert peer.is_closed()
        peer.sock.close()
    relay.greeted("proxied", v1("10.9.9.9")).sock.close()


@pytest.mark.parametrize("name", ["local", "trusting"])
def test_a_unix_socket(relay: ServeProcess, name: str) -> None:
    path = Path(relay.listener(name)["unix"])
    assert path.stat().st_mode & 0o777 == 0o660
    with relay.greeted(name) as peer:
        offered = peer.ask("EHLO client.example")
        assert "STARTTLS" not in offered
        assert "-PLUS" not in offered, "there is no channel to bind to"
        if name == "local":
            assert "AUTH PLAIN LOGIN" in offered
            assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 ")
            assert peer.login("app", "secret").startswith("235 ")
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
    assert relay.wait_event("accepted", peer="unix")
    assert b"from client.example (local)" in relay.raw()


def test_a_refused_login_is_answered_late_and_later(relay: ServeProcess) -> None:
    with relay.secured("proxied", v1("10.9.7.7")) as peer:
        assert peer.login("app", "wrong") == "535 5.7.8 Authentication credentials invalid"
        assert peer.login("app", "secret").startswith("235 ")


def test_mail_for_the_postmaster_goes_where_the_configuration_says(relay: ServeProcess) -> None:
    with relay.signed_in("submission") as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("250 ")
        assert peer.ask("RCPT TO:<PostMaster>").startswith("250 ")
        assert peer.ask("DATA").startswith("354 ")
        peer.send(letter(SENDER) + b".\r\n")
        assert peer.reply().startswith("250 ")
    assert relay.ask("messages", "show", "last")["rcpt_to"] == ["ops@example.net"]


def test_health(relay: ServeProcess) -> None:
    with urllib.request.urlopen(relay.ready["health"], timeout=60) as answer:
        good = {"status": "ok", "live": True, "ready": True, "delivering": True}
        assert json.load(answer) == good
