"""A real Postfix, healthy and misconfigured in each way that it allows: a port for each case."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compliance.jail import free_ports
from compliance.postfix import Postfix, running_postfix
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

RIGHT = ("right", "right")
WRONG = ("right", "wrong")
AUDIT = Checks(audit=True, ports=())
STRANGER = ("smtpd_relay_restrictions = permit_sasl_authenticated, reject", "mynetworks = ")
MODERN = "smtpd_tls_mandatory_protocols = >=TLSv1.2", "smtpd_tls_protocols = >=TLSv1.2"
SUBMISSION = ("smtpd_tls_security_level = encrypt", *STRANGER, *MODERN)
EVERYBODY = "smtpd_client_event_limit_exceptions = "
IN_CLEAR = ("smtpd_tls_security_level = none", "smtpd_tls_auth_only = no")
OLD = ("smtpd_tls_protocols = >=TLSv1, <=TLSv1.1", "tls_medium_cipherlist = ALL:@SECLEVEL=0")
OPEN = "smtpd_relay_restrictions = check_client_access static:OK, reject"
GREYLISTING = (
    "smtpd_recipient_restrictions = check_recipient_access "
    "static:{451 4.7.1 Greylisting in action, please try again later}"
)
BLOCKED = "static:{521 5.7.1 blocked here}"
NOBODY = "smtpd_recipient_restrictions = check_recipient_access static:{550 5.1.1 User unknown}"
NO_DOMAIN = "smtpd_sender_restrictions = check_sender_access static:{450 4.1.8 Domain not found}"
NEW = ("smtpd_tls_mandatory_protocols = >=TLSv1.3", "smtpd_tls_protocols = >=TLSv1.3")
BROKEN = "smtpd_sasl_path = broken"


KNOWN = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {home}/sasl/users.db\n"
SASL = {
    "login": f"{KNOWN}mech_list: LOGIN\n",
    "plain": f"{KNOWN}mech_list: PLAIN\n",
    "broken": "pwcheck_method: saslauthd\nsaslauthd_path: {home}/nobody\nmech_list: PLAIN\n",
}


def certificate(kind: str) -> tuple[str, ...]:
    return (f"smtpd_tls_chain_files = KEY:{kind}, CERTIFICATE:{kind}",)


CASES: list[tuple[str, tuple[str, ...], Asked, str]] = [
    # nothing wrong
    ("healthy", (), Asked(), ""),
    ("healthy, smtplib", (), Asked("smtplib"), ""),
    ("healthy, signed in", (), Asked(login=RIGHT, checks=ENVELOPE), ""),
    ("healthy, sent", SUBMISSION, Asked("go", login=RIGHT, checks=SENDING), ""),
    ("healthy, all", SUBMISSION, Asked(login=RIGHT, checks=Checks(try_all=True, ports=())), ""),
    ("healthy, audited", SUBMISSION, Asked(checks=AUDIT), ""),
    ("healthy, audited for smuggling", SUBMISSION,
     Asked(login=RIGHT, checks=replace(SENDING, audit=True)), ""),
    ("healthy, implicit", ("smtpd_tls_wrappermode = yes",), Asked(tls="implicit", login=RIGHT), ""),
    ("new TLS only", NEW, Asked(login=RIGHT), ""),
    ("one connection at a time", ("smtpd_client_connection_count_limit = 1", EVERYBODY),
     Asked(login=RIGHT, checks=ENVELOPE), ""),
    ("PLAIN only, PHPMailer", ("smtpd_sasl_path = plain",), Asked("phpmailer", login=RIGHT), ""),
    # what is offered
    ("no AUTH", ("smtpd_sasl_auth_enable = no",), Asked("smtplib"), "auth_not_advertised"),
    ("no AUTH needed", ("smtpd_sasl_auth_enable = no",), Asked("smtplib", checks=ENVELOPE),
     "unwanted_auth_attempt"),
    ("LOGIN only", ("smtpd_sasl_path = login",), Asked("go"), "mechanism_not_offered"),
    ("PLAIN only", ("smtpd_sasl_path = plain",), Asked("system-net-mail"),
     "client_lacks_mechanism"),
    ("AUTH over TLS only", (), Asked("smtplib", "none"), "starttls_required"),
    ("AUTH in clear, no TLS", IN_CLEAR, Asked(login=RIGHT), "auth_before_tls_refused_by_client"),
    # TLS
    ("no STARTTLS", IN_CLEAR, Asked(tls="starttls"), "starttls_not_offered"),
    ("TLS required, client in clear", SUBMISSION, Asked(tls="none", checks=ENVELOPE),
     "starttls_required"),
    ("implicit TLS on the port", ("smtpd_tls_wrappermode = yes",), Asked(tls="starttls"),
     "starttls_on_implicit_tls_port"),
    ("STARTTLS on the port", (), Asked(tls="implicit"), "implicit_tls_on_starttls_port"),
    ("certificate missing", ("smtpd_tls_chain_files = /nonexistent",), Asked(),
     "server_tls_misconfigured"),
    ("old TLS only", OLD, Asked(), "tls_version_too_old"),
    ("client certificate", ("smtpd_tls_req_ccert = yes", *SUBMISSION), Asked(),
     "client_certificate_required"),
    ("expired", certificate("expired"), Asked(login=RIGHT), "cert_expired"),
    ("another name", certificate("misnamed"), Asked(), "cert_hostname_mismatch"),
    ("signed by itself", certificate("self_signed"), Asked(), "cert_untrusted"),
    ("private authority", (), Asked(trusted=False), "cert_untrusted"),
    ("no intermediate", certificate("without_intermediate"), Asked(), "cert_chain_incomplete"),
    # refusals
    ("EHLO", ("smtpd_helo_restrictions = reject_non_fqdn_helo_hostname", "smtpd_delay_reject = no"),
     Asked("go"), "helo_rejected"),
    ("EHLO, told at RCPT", ("smtpd_helo_restrictions = reject_non_fqdn_helo_hostname",),
     Asked("go", login=RIGHT, checks=ENVELOPE), "helo_rejected"),
    ("password", (), Asked(login=WRONG), "bad_credentials"),
    ("backend", (BROKEN,), Asked(login=RIGHT), "server_auth_backend_down"),
    ("nobody behind the SASL socket", ("smtpd_sasl_type = dovecot", "smtpd_sasl_path = /nowhere"),
     Asked(), "server_auth_backend_down"),
    ("no mechanism left", ("smtpd_sasl_tls_security_options = noplaintext",), Asked(login=RIGHT),
     "server_auth_backend_down"),
    ("no sign-in", STRANGER, Asked(checks=ENVELOPE), "auth_not_performed"),
    ("sender", ("smtpd_sender_login_maps = static:somebody",
                "smtpd_sender_restrictions = reject_sender_login_mismatch"),
     Asked(login=RIGHT, checks=ENVELOPE), "sender_not_authorised"),
    ("address", ("smtpd_client_restrictions = reject", "smtpd_delay_reject = no"), Asked(),
     "address_blocklisted"),
    ("relaying for nobody", ("smtpd_relay_restrictions = reject_unauth_destination",
                             "mynetworks = "), Asked(login=RIGHT, checks=ENVELOPE),
     "recipient_domain_not_hosted"),
    ("milter", ("smtpd_milters = inet:127.0.0.1:1", "milter_default_action = tempfail"), Asked(),
     "mail_system_failure"),
    ("greylisting", (GREYLISTING,), Asked(login=RIGHT, checks=ENVELOPE), "greylisted"),
    ("size", ("message_size_limit = 100",), Asked(login=RIGHT, checks=SENDING), "too_large"),
    ("no relaying for who has signed in",
     (*SUBMISSION, "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination"),
     Asked(login=RIGHT, checks=ENVELOPE), "recipient_domain_not_hosted"),
    ("client", (f"smtpd_client_restrictions = check_client_access {BLOCKED}",),
     Asked(login=RIGHT, checks=ENVELOPE), "address_blocklisted"),
    ("client, told at once", (f"smtpd_client_restrictions = check_client_access {BLOCKED}",
                              "smtpd_delay_reject = no"), Asked(), "address_blocklisted"),
    ("no certificate of the client", ("smtpd_tls_req_ccert = yes", *SUBMISSION),
     Asked(login=RIGHT), "client_certificate_required"),
    ("no sign-in, put off", ("soft_bounce = yes", *STRANGER), Asked(checks=ENVELOPE),
     "auth_not_performed"),
    ("sender's domain", (NO_DOMAIN,),
     Asked(login=RIGHT, checks=ENVELOPE), "sender_domain_unknown"),
    ("sender without a domain", ("smtpd_sender_restrictions = reject_non_fqdn_sender",),
     Asked(login=RIGHT, checks=replace(ENVELOPE, mail_from="apikey")),
     "account_name_used_as_sender"),
    ("recipient", (NOBODY,),
     Asked(login=RIGHT, checks=ENVELOPE), "recipient_unknown"),
    ("a policy server that is down",
     ("smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:1",),
     Asked(login=RIGHT, checks=ENVELOPE), "mail_system_failure"),
    ("a filter that is down", ("smtpd_milters = inet:127.0.0.1:1",), Asked(login=RIGHT),
     "mail_system_failure"),
    ("a rule that is none", ("smtpd_recipient_restrictions = no_such_rule",),
     Asked(login=RIGHT, checks=ENVELOPE), "mail_system_failure"),
    ("disk space", ("queue_minfree = 100000000000000",), Asked(login=RIGHT, checks=ENVELOPE),
     "mail_system_failure"),
    # holes
    ("passwords in clear", ("smtpd_tls_auth_only = no", *STRANGER, *MODERN), Asked(checks=AUDIT),
     "auth_in_clear"),
    ("open relay", (*SUBMISSION, OPEN), Asked(checks=AUDIT), "open_relay"),
    ("weak TLS", (*SUBMISSION, "smtpd_tls_mandatory_protocols = >=TLSv1",
                  "tls_medium_cipherlist = ALL:@SECLEVEL=0"), Asked(checks=AUDIT), "weak_tls"),
]  # fmt: skip


@dataclass(frozen=True)
class Running:
    """The server, and its port for each case."""

    postfix: Postfix
    certificates: Certificates
    ports: list[int]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    # Not in tmp_path, which only its owner may enter: Postfix works as users of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        Path(parent).chmod(0o755)
        (Path(parent) / "tls").mkdir()
        certificates = make_certificates(Path(parent) / "tls")
        ports = free_ports(len(CASES))
        services = "".join(
            service(port, options, certificates)
            for port, (_, options, _, _) in zip(ports, CASES, strict=True)
        )
        home = Path(parent) / "postfix"
        with running_postfix(home, services=services) as postfix:
            for name, text in SASL.items():
                (home / "sasl" / f"{name}.conf").write_text(text.format(home=home))
            yield Running(postfix, certificates, ports)
        shutil.rmtree(home, ignore_errors=True)


def service(port: int, options: tuple[str, ...], certificates: Certificates) -> str:
    """Return the lines of master.cf for one case."""
    lines = [f"127.0.0.1:{port} inet n - n - - smtpd\n"]
    good = certificates.good
    for option in (f"smtpd_tls_chain_files = {good.key}, {good.certificate}", *options):
        for kind in ("expired", "misnamed", "self_signed", "without_intermediate"):
            pair = certificates.named(kind)
            option = option.replace(f"KEY:{kind}", pair.key)  # noqa: PLW2901
            option = option.replace(f"CERTIFICATE:{kind}", pair.certificate)  # noqa: PLW2901
        lines.append(f"  -o {{ {option} }}\n")
    return "".join(lines)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_the_true_cause_comes_first(running: Running, number: int) -> None:
    _, _, asked, expected = CASES[number]
    if asked.login:
        user, secret = running.postfix.username, running.postfix.password
        asked = replace(asked, login=(user, secret if asked.login == RIGHT else "wrong"))
    found = asked.about(running.ports[number], running.certificates.authority.ca_file)
    try:
        check(found, expected)
    except AssertionError:
        print(running.postfix.log()[-3000:])
        raise
