"""What the doctor finds where a client asks whether the server's certificate is revoked."""

import ssl
from pathlib import Path

import pytest

from gatepost.doctor import Patience, Settings, diagnose
from gatepost.doctor.certificate_facts import read_certificate
from gatepost.doctor.revocation_sources import MOST, try_revocation_sources
from gatepost.model.evidence import Certificate, RevocationSource
from gatepost.net.dial import Endpoint, Server, resolve
from tests.certificates import Authority, make_authority
from tests.shell.http_server import HttpServer, Told
from tests.shell.scripted_server import Script, serving
from tests.unit.diagnosis.cases import GOOD

PATIENT = Patience(silence=20, greeting=20, reply=20, pause=0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize(
    ("library", "status", "found"),
    [
        ("mailkit", 200, []),
        ("mailkit", 404, ["revocation_check_failed"]),
        ("smtplib", 404, []),  # it does not ask
    ],
)
def test_a_list_that_is_not_there(
    authority: Authority, library: str, status: int, found: list[str]
) -> None:
    with HttpServer(lambda _asked: Told(status, b"")) as http:
        pair = authority.issue("127.0.0.1", crl_url=f"{http.url}/list.crl")
        script = Script(in_clear=("STARTTLS",), over_tls=("AUTH PLAIN LOGIN",), pair=pair)
        settings = Settings(library, ca_file=authority.ca_file)
        with serving(script) as server:
            seen = diagnose(server.address, settings=settings, patience=PATIENT)
    assert [each.id for each in seen.findings] == found
    assert all(each.confidence == "likely" for each in seen.findings)
    if found:
        assert any("list.crl: it answered" in line for line in seen.findings[0].proof)


def loopback(port: int) -> Endpoint:
    return resolve(Server("127.0.0.1", port))[0]


def ask(certificate: Certificate, mail_server: Endpoint) -> tuple[RevocationSource, ...]:
    return try_revocation_sources(certificate, mail_server)


def certificate(*crl_urls: str, ocsp_urls: tuple[str, ...] = ()) -> Certificate:
    return Certificate(GOOD.subject, GOOD.issuer, GOOD.names, GOOD.not_before, GOOD.not_after,
                       ocsp_urls=ocsp_urls, crl_urls=crl_urls)  # fmt: skip


def test_a_responder_answers_with_any_status() -> None:
    with HttpServer(lambda _asked: Told(400, b"")) as http:
        [source] = ask(certificate(ocsp_urls=(http.url,)), loopback(25))
    assert source == RevocationSource(http.url)


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("ldap:///CN=ca", "is not an http URL"),
        ("https://127.0.0.1/list.crl", "is not an http URL"),
        ("http://127.0.0.1/a b", "invalid characters"),
    ],
)
def test_urls_that_are_not_asked(url: str, failure: str) -> None:
    [source] = ask(certificate(url), loopback(25))
    assert failure in source.failure


def test_a_public_server_does_not_direct_us_into_our_network() -> None:
    public = Endpoint(loopback(25).family, ("8.8.8.8", 25))
    [source] = ask(certificate("http://127.0.0.1/list.crl"), public)
    assert "is a private address" in source.failure


def test_few_urls_are_asked() -> None:
    urls = tuple(f"ldap:///CN={number}" for number in range(5_000))
    assert len(ask(certificate(*urls), loopback(25))) == MOST


def test_the_urls_of_a_certificate(authority: Authority) -> None:
    pair = authority.issue("mail.example.com", crl_url="http://ca.example/list.crl")
    facts = read_certificate(ssl.PEM_cert_to_DER_cert(Path(pair.certificate).read_text()))
    assert facts is not None
    assert (facts.crl_urls, facts.ocsp_urls) == (("http://ca.example/list.crl",), ())
