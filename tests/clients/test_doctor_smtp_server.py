"""nodemailer's smtp-server, healthy and misconfigured in each way that it allows."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gatepost.doctor import Checks
from tests.clients.doctored import (
    ENVELOPE,
    PASSWORD,
    SENDING,
    SIGNED_IN,
    USERNAME,
    WRONG,
    Asked,
    Certificates,
    check,
    make_certificates,
)
from tests.clients.node.packages import HERE, NODE, needs_node

pytestmark = needs_node
AUDIT = Checks(audit=True, ports=())
BOTH = Checks(try_all=True, ports=())


def refusing(hook: str, code: int, text: str, **options: Any) -> dict[str, Any]:
    return {"refuse": {hook: [code, text]}, **options}


OLD = {"minVersion": "TLSv1", "maxVersion": "TLSv1.1", "ciphers": "ALL:@SECLEVEL=0"}
CASES: list[tuple[str, dict[str, Any], Asked, str]] = [
    # nothing wrong
    ("healthy", {}, Asked(), ""),
    ("healthy, go", {}, Asked("go"), ""),
    ("healthy, .NET", {}, Asked("system-net-mail"), ""),
    ("healthy, signed in", {}, Asked(login=SIGNED_IN, checks=ENVELOPE), ""),
    ("healthy, sent", {}, Asked("smtplib", "starttls", SIGNED_IN, SENDING), ""),
    ("healthy, all", {}, Asked(login=SIGNED_IN, checks=BOTH), ""),
    ("healthy, audited", {}, Asked(checks=AUDIT), ""),
    ("healthy, implicit", {"secure": True}, Asked(tls="implicit", login=SIGNED_IN), ""),
    ("new TLS only", {"minVersion": "TLSv1.3"}, Asked(login=SIGNED_IN), ""),
    # what is offered
    ("no AUTH", {"disabledCommands": ["AUTH"]}, Asked("smtplib"), "auth_not_advertised"),
    ("no AUTH needed", {"disabledCommands": ["AUTH"]}, Asked("smtplib", checks=ENVELOPE),
     "unwanted_auth_attempt"),
    ("LOGIN only", {"authMethods": ["LOGIN"]}, Asked("go"), "mechanism_not_offered"),
    ("LOGIN only, ruby", {"authMethods": ["LOGIN"]}, Asked("ruby"), "mechanism_not_offered"),
    ("PLAIN only", {"authMethods": ["PLAIN"]}, Asked("system-net-mail"),
     "client_lacks_mechanism"),
    ("XOAUTH2 only", {"authMethods": ["XOAUTH2"]}, Asked(login=SIGNED_IN),
     "mechanism_not_offered"),
    ("CRAM-MD5 fails", {"authMethods": ["CRAM-MD5", "PLAIN"]},
     Asked("smtplib", login=SIGNED_IN, checks=BOTH), "mechanism_advertised_but_broken"),
    ("AUTH over TLS only", {}, Asked("smtplib", "none"), "starttls_required"),
    # TLS
    ("no STARTTLS", {"disabledCommands": ["STARTTLS"], "allowInsecureAuth": True},
     Asked(tls="starttls"), "starttls_not_offered"),
    ("no TLS for a password", {"disabledCommands": ["STARTTLS"], "allowInsecureAuth": True},
     Asked(login=SIGNED_IN), "auth_before_tls_refused_by_client"),
    ("implicit TLS on the port", {"secure": True}, Asked(tls="starttls"),
     "starttls_on_implicit_tls_port"),
    ("STARTTLS on the port", {}, Asked(tls="implicit"), "implicit_tls_on_starttls_port"),
    ("old TLS only", OLD, Asked(), "tls_version_too_old"),
    ("expired", {"certificate": "expired"}, Asked(login=SIGNED_IN), "cert_expired"),
    ("another name", {"certificate": "misnamed"}, Asked(), "cert_hostname_mismatch"),
    ("signed by itself", {"certificate": "self_signed"}, Asked(), "cert_untrusted"),
    ("private authority", {}, Asked(trusted=False), "cert_untrusted"),
    ("no intermediate", {"certificate": "without_intermediate"}, Asked(),
     "cert_chain_incomplete"),
    # refusals
    ("password", {}, Asked(login=WRONG), "bad_credentials"),
    ("backend", refusing("auth", 454, "Temporary authentication failure"),
     Asked(login=SIGNED_IN), "server_auth_backend_down"),
    ("no sign-in", {}, Asked(checks=ENVELOPE), "auth_not_performed"),
    ("too many connections", refusing("connect", 421, "Too many connections from your address"),
     Asked(), "rate_limited"),
    ("sender", refusing("mail", 553, "5.7.1 Sender address rejected: not owned by user"),
     Asked(login=SIGNED_IN, checks=ENVELOPE), "sender_not_authorised"),
    ("greylisting", refusing("rcpt", 451, "4.7.1 Greylisted, please try again later"),
     Asked(login=SIGNED_IN, checks=ENVELOPE), "greylisted"),
    ("recipients", refusing("rcpt", 452, "4.5.3 Too many recipients"),
     Asked(login=SIGNED_IN, checks=ENVELOPE), "too_many_recipients"),
    ("size", {"size": 100}, Asked(login=SIGNED_IN, checks=SENDING), "too_large"),
    ("unverified", refusing("data", 550, "The from address does not match a verified Sender "
                            "Identity"), Asked(login=SIGNED_IN, checks=SENDING),
     "sender_not_verified"),
    # holes
    ("passwords in clear", {"allowInsecureAuth": True}, Asked(checks=AUDIT), "auth_in_clear"),
    ("open relay", {"authOptional": True}, Asked(checks=AUDIT), "mail_in_clear"),
]  # fmt: skip


@dataclass(frozen=True)
class Servers:
    """The ports, in the order of the cases."""

    ports: list[int]
    certificates: Certificates


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    certificates = make_certificates(tmp_path_factory.mktemp("ca"))
    variants = []
    for _, options, _, _ in CASES:
        pair = certificates.named(options.get("certificate", "good"))
        variants.append({**options, "certificate": pair.certificate, "key": pair.key})
    settings = {"username": USERNAME, "password": PASSWORD, "variants": variants}
    command = [str(NODE), str(HERE / "variants.mjs"), json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield Servers(json.loads(process.stdout.readline()), certificates)
        finally:
            process.kill()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_the_true_cause_comes_first(servers: Servers, number: int) -> None:
    _, _, asked, expected = CASES[number]
    check(asked.about(servers.ports[number], servers.certificates.authority.ca_file), expected)
