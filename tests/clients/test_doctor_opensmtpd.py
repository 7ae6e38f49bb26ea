"""A real OpenSMTPD, healthy and misconfigured in each way that it allows: a listener for each
case."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compliance.jail import free_ports
from compliance.opensmtpd import CONFIG, PASSWORD, USER, OpenSmtpd, running_opensmtpd
from gatepost.doctor import Checks
from tests.clients.doctored import (
    ENVELOPE,
    SENDING,
    Asked,
    Certificates,
    check,
    make_certificates,
)

pytestmark = pytest.mark.compliance

RIGHT, WRONG = (USER, PASSWORD), (USER, "wrong")
AUDIT = Checks(audit=True, ports=())
KINDS = ("good", "expired", "misnamed", "self_signed", "without_intermediate")
USUAL = "tls-require pki good auth <users>"
MODERN = f'{USUAL} protocols "TLSv1.2:TLSv1.3"'
STRANGERS = "tls pki good auth-optional <users>"

# By case: the words of its listener, and the filter on it.
CASES: list[tuple[str, str, Asked, str]] = [
    # nothing wrong
    ("healthy", USUAL, Asked(), ""),
    ("healthy, smtplib", USUAL, Asked("smtplib"), ""),
    ("healthy, .NET", USUAL, Asked("system-net-mail"), ""),
    ("healthy, signed in", USUAL, Asked(login=RIGHT, checks=ENVELOPE), ""),
    ("healthy, sent", USUAL, Asked("go", login=RIGHT, checks=SENDING), ""),
    ("healthy, all", USUAL, Asked(login=RIGHT, checks=Checks(try_all=True, ports=())), ""),
    ("healthy, audited", f"{USUAL} protocols \"TLSv1.2:TLSv1.3\"", Asked(checks=AUDIT), ""),
    ("healthy, implicit", "smtps pki good auth <users>", Asked(tls="implicit", login=RIGHT), ""),
    ("new TLS only", f"{USUAL} protocols \"TLSv1.3\"", Asked(login=RIGHT), ""),
    # what is offered
    ("no AUTH", "tls pki good", Asked("smtplib"), "auth_not_advertised"),
    ("no AUTH needed", "tls pki good", Asked("smtplib", checks=ENVELOPE), "unwanted_auth_attempt"),
    ("AUTH over TLS only", USUAL, Asked("smtplib", "none"), "starttls_required"),
    # TLS
    ("no STARTTLS", "", Asked(tls="starttls"), "starttls_not_offered"),
    ("TLS required, client in clear", USUAL, Asked(tls="none", checks=ENVELOPE),
     "starttls_required"),
    ("implicit TLS on the port", "smtps pki good auth <users>", Asked(tls="starttls"),
     "starttls_on_implicit_tls_port"),
    ("STARTTLS on the port", USUAL, Asked(tls="implicit"), "implicit_tls_on_starttls_port"),
    ("client certificate", USUAL.replace("tls-require", "tls-require verify"), Asked(),
     "client_certificate_required"),
    ("expired", USUAL.replace("good", "expired"), Asked(login=RIGHT), "cert_expired"),
    ("another name", USUAL.replace("good", "misnamed"), Asked(), "cert_hostname_mismatch"),
    ("signed by itself", USUAL.replace("good", "self_signed"), Asked(), "cert_untrusted"),
    ("private authority", USUAL, Asked(trusted=False), "cert_untrusted"),
    ("no intermediate", USUAL.replace("good", "without_intermediate"), Asked(),
     "cert_chain_incomplete"),
    # refusals
    ("EHLO", f"{USUAL} filter no_ehlo", Asked("go"), "helo_rejected"),
    ("password", USUAL, Asked(login=WRONG), "bad_credentials"),
    ("no sign-in", USUAL, Asked(checks=ENVELOPE), "auth_not_performed"),
    ("relay without a sign-in", f"{STRANGERS} tag strangers", Asked(checks=ENVELOPE),
     "auth_not_performed"),
    ("sender", f"{USUAL} filter no_sender", Asked(login=RIGHT, checks=ENVELOPE),
     "sender_not_authorised"),
    ("senders of its own", f"{USUAL} senders <nobody>", Asked(login=RIGHT, checks=ENVELOPE),
     "sender_not_authorised"),
    ("greylisting", f"{USUAL} filter no_rcpt", Asked(login=RIGHT, checks=ENVELOPE), "greylisted"),
    ("too many connections", f"{USUAL} filter no_connect", Asked(), "rate_limited"),
    ("quota", f"{USUAL} filter no_commit", Asked(login=RIGHT, checks=SENDING),
     "daily_quota_exceeded"),
    # holes
    ("mail in clear", STRANGERS, Asked(checks=AUDIT), "mail_in_clear"),
    # as it comes: every line end is one to it, in version 7.6
    ("bare line ends", MODERN, Asked(login=RIGHT, checks=replace(SENDING, audit=True)),
     "smtp_smuggling"),
    ("open relay", "smtps pki good", Asked(checks=AUDIT), "open_relay"),
]  # fmt: skip
FILTERS = """\
filter no_ehlo phase ehlo match !helo regex "\\\\." disconnect "501 5.5.4 Invalid domain name"
filter no_sender phase mail-from match mail-from regex ".*" \
reject "553 5.7.1 Sender address rejected: not owned by user"
filter no_rcpt phase rcpt-to match rcpt-to regex ".*" \
reject "451 4.7.1 Greylisting in action, please try again later"
filter no_connect phase connect match src 127.0.0.1 \
disconnect "421 4.7.0 Too many connections from your address"
filter no_commit phase commit match src 127.0.0.1 reject "550 5.4.5 Daily sending quota exceeded"
table nobody { "nobody" = "nobody@example.org" }
"""


@dataclass(frozen=True)
class Running:
    """The server, and its port for each case."""

    server: OpenSmtpd
    certificates: Certificates
    ports: list[int]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        (Path(parent) / "tls").mkdir()
        certificates = make_certificates(Path(parent) / "tls")
        ports = list(free_ports(len(CASES)))
        home = Path(parent) / "opensmtpd"
        with running_opensmtpd(
            home, config=configuration(ports), certificates=in_jail(certificates)
        ) as server:
            yield Running(server, certificates, ports)


def in_jail(certificates: Certificates) -> dict[str, str]:
    """Return the files that the configuration names, with their sources."""
    return {
        f"{kind}.{ending}": source
        for kind in KINDS
        for ending, source in (
            ("pem", certificates.named(kind).certificate), ("key", certificates.named(kind).key),
        )
    }  # fmt: skip


def configuration(ports: list[int]) -> str:
    """Return the usual configuration with a listener for each case."""
    pki = "".join(
        f'pki {kind} cert "/tls/{kind}.pem"\npki {kind} key "/tls/{kind}.key"\n' for kind in KINDS
    )
    listeners = "".join(
        f"listen on 127.0.0.1 port {port} {case[1]} hostname opensmtpd.test\n"
        for port, case in zip(ports, CASES, strict=True)
    )
    filters = FILTERS.replace("{", "{{").replace("}", "}}")
    refused = "match !auth tag strangers from any for any reject\n"
    return CONFIG.replace("smtp max", f"{pki}{filters}{listeners}smtp max").replace(
        "{settings}", refused + "{settings}"
    )


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_the_true_cause_comes_first(running: Running, number: int) -> None:
    _, _, asked, expected = CASES[number]
    found = asked.about(running.ports[number], running.certificates.authority.ca_file)
    try:
        check(found, expected)
    except AssertionError:
        print(running.server.log()[-3000:])
        raise
