"""A real Exim, healthy and misconfigured in each way that it allows: a port for each case."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compliance.exim import CONFIG, PASSWORD, USER, Exim, running_exim
from compliance.jail import free_ports
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
OLD = "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1:%COMPAT"
NEW = "NORMAL:-VERS-ALL:+VERS-TLS1.3"
SOUND = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3"
IN_CLEAR = {"auth": "*", "tls": ""}
Set = Mapping[str, str]

# By case: what of the configuration is another on its port.
CASES: list[tuple[str, Set, Asked, str]] = [
    # nothing wrong
    ("healthy", {}, Asked(), ""),
    ("healthy, smtplib", {}, Asked("smtplib"), ""),
    ("healthy, go", {}, Asked("go"), ""),
    ("healthy, signed in", {}, Asked(login=RIGHT, checks=ENVELOPE), ""),
    ("healthy, sent", {}, Asked("go", login=RIGHT, checks=SENDING), ""),
    ("healthy, all", {}, Asked(login=RIGHT, checks=Checks(try_all=True, ports=())), ""),
    ("healthy, audited", {"ciphers": SOUND, "mail": "encrypted"}, Asked(checks=AUDIT), ""),
    ("healthy, audited for smuggling", {"ciphers": SOUND},
     Asked(login=RIGHT, checks=replace(SENDING, audit=True)), ""),
    ("healthy, implicit", {"implicit": "yes"}, Asked(tls="implicit", login=RIGHT), ""),
    ("new TLS only", {"ciphers": NEW}, Asked(login=RIGHT), ""),
    # what is offered
    ("no AUTH", {"auth": ""}, Asked("smtplib"), "auth_not_advertised"),
    ("no AUTH needed", {"auth": "", "rcpt": "accept"}, Asked("smtplib", checks=ENVELOPE),
     "unwanted_auth_attempt"),
    ("LOGIN only", {"mechanism": "LOGIN"}, Asked("go"), "mechanism_not_offered"),
    ("PLAIN only", {"mechanism": "PLAIN"}, Asked("system-net-mail"), "client_lacks_mechanism"),
    ("AUTH over TLS only", {}, Asked("smtplib", "none"), "starttls_required"),
    ("AUTH in clear, no TLS", IN_CLEAR, Asked(login=RIGHT), "auth_before_tls_refused_by_client"),
    # TLS
    ("no STARTTLS", IN_CLEAR, Asked(tls="starttls"), "starttls_not_offered"),
    ("implicit TLS on the port", {"implicit": "yes"}, Asked(tls="starttls"),
     "starttls_on_implicit_tls_port"),
    ("STARTTLS on the port", {}, Asked(tls="implicit"), "implicit_tls_on_starttls_port"),
    ("certificate missing", {"certificate": "missing"}, Asked(), "server_tls_misconfigured"),
    ("old TLS only", {"ciphers": OLD}, Asked(), "tls_version_too_old"),
    ("expired", {"certificate": "expired"}, Asked(login=RIGHT), "cert_expired"),
    ("another name", {"certificate": "misnamed"}, Asked(), "cert_hostname_mismatch"),
    ("signed by itself", {"certificate": "self_signed"}, Asked(), "cert_untrusted"),
    ("private authority", {}, Asked(trusted=False), "cert_untrusted"),
    ("no intermediate", {"certificate": "without_intermediate"}, Asked(), "cert_chain_incomplete"),
    # refusals
    ("EHLO", {}, Asked("smtplib", local_name="my_host"), "helo_rejected"),
    ("EHLO without a dot", {"helo": "full"}, Asked("go"), "helo_rejected"),
    ("password", {}, Asked(login=WRONG), "bad_credentials"),
    ("backend", {"backend": "down"}, Asked(login=RIGHT), "server_auth_backend_down"),
    ("no sign-in", {}, Asked(checks=ENVELOPE), "auth_not_performed"),
    ("sender", {"mail": "owned"}, Asked(login=RIGHT, checks=ENVELOPE), "sender_not_authorised"),
    ("greylisting", {"rcpt": "greylist"}, Asked(login=RIGHT, checks=ENVELOPE), "greylisted"),
    ("size", {"size": "100"}, Asked(login=RIGHT, checks=SENDING), "too_large"),
    # holes
    ("passwords in clear", {"auth": "*", "ciphers": SOUND}, Asked(checks=AUDIT), "auth_in_clear"),
    ("open relay", {"rcpt": "accept", "ciphers": SOUND, "mail": "encrypted"}, Asked(checks=AUDIT),
     "open_relay"),
    ("mail in clear", {"rcpt": "accept", "ciphers": SOUND}, Asked(checks=AUDIT), "mail_in_clear"),
]  # fmt: skip
ACLS = """
helo:
  deny condition = {{helo full}}
       condition = ${if match{$sender_helo_name}{\\N\\.\\N}{no}{yes}}
       message = Invalid HELO: need fully-qualified hostname
  accept

mail:
  deny condition = {{mail encrypted}}
       !encrypted = *
       message = 530 5.7.0 Must issue a STARTTLS command first
  deny condition = {{mail owned}}
       message = Sender address rejected: not owned by user $authenticated_id
  accept

check:
  accept condition = {{rcpt accept}}
  defer condition = {{rcpt greylist}}
        message = Greylisting in action, please try again later
"""


@dataclass(frozen=True)
class Running:
    """The server, and its port for each case."""

    exim: Exim
    certificates: Certificates
    ports: list[int]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        (Path(parent) / "tls").mkdir()
        certificates = make_certificates(Path(parent) / "tls")
        ports = list(free_ports(len(CASES)))
        with running_exim(Path(parent) / "exim", config=configuration(ports)) as exim:
            for kind in KINDS:
                pair = certificates.named(kind)
                for source, ending in ((pair.certificate, "pem"), (pair.key, "key")):
                    goal = exim.jail.root / "tls" / f"{kind}.{ending}"
                    shutil.copy(source, goal)
                    goal.chmod(0o644)
            yield Running(exim, certificates, ports)


def configuration(ports: list[int]) -> str:
    """Return the usual configuration, with the differences by port."""

    def on(key: str, value: str) -> str:
        """Return an expansion that is true on the ports of the cases with this setting."""
        those = [port for port, case in zip(ports, CASES, strict=True) if case[1].get(key) == value]
        tests = "".join(f"{{eq{{$received_port}}{{{port}}}}}" for port in those)
        return f"${{if or{{{tests}{{eq{{a}}{{b}}}}}}{{yes}}{{no}}}}"

    def by_port(key: str, usual: str, form: str = "{}") -> str:
        """Return an expansion that is another value on the ports of the cases that set it."""
        text = usual
        for port, case in zip(ports, CASES, strict=True):
            if key in case[1]:
                value = form.format(case[1][key])
                text = f"${{if eq{{$received_port}}{{{port}}}{{{value}}}{{{text}}}}}"
        return text

    implicit = [str(port) for port, case in zip(ports, CASES, strict=True) if "implicit" in case[1]]
    lines = {
        "daemon_smtp_ports = ": " : ".join(map(str, ports)),
        "tls_on_connect_ports = ": " : ".join(implicit),
        "tls_advertise_hosts = ": by_port("tls", "*"),
        "tls_certificate = ": by_port("certificate", "/tls/good.pem", "/tls/{}.pem"),
        "tls_privatekey = ": by_port("certificate", "/tls/good.key", "/tls/{}.key"),
        "message_size_limit = ": by_port("size", "40M"),
    }
    text = CONFIG
    for name, value in lines.items():
        start = text.index(name)
        end = text.index("\n", start)
        separator = " : " if "ports" in name else ""
        kept = text[start + len(name) : end] if separator else ""
        text = text[:start] + name + kept + separator + braced(value) + text[end:]
    start = text.index("auth_advertise_hosts = ")
    end = text.index("\n", text.index("\n", start) + 1)
    usual = "${if def:tls_in_cipher{*}{}}"
    more = (
        f"auth_advertise_hosts = {by_port('auth', usual)}\n"
        f"tls_require_ciphers = {by_port('ciphers', 'NORMAL')}\n"
        "acl_smtp_helo = helo\nacl_smtp_mail = mail"
    )
    text = text[:start] + braced(more) + text[end:]
    acls = ACLS
    for key, value in (("helo", "full"), ("mail", "encrypted"), ("mail", "owned"),
                       ("rcpt", "accept"), ("rcpt", "greylist")):  # fmt: skip
        acls = acls.replace(f"{{{{{key} {value}}}}}", on(key, value))
    text = text.replace("check:\n", braced(acls.lstrip("\n")))
    return text.replace("{authenticators}", braced(authenticators(on)))


def braced(text: str) -> str:
    """Return text that str.format leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def authenticators(on: Callable[[str, str], str]) -> str:
    """Return both, each with the ports where it is not offered."""
    down = on("backend", "down")
    condition = f"${{if bool{{{down}}}{{${{lookup{{x}}lsearch{{/nowhere}}}}}}{{RIGHT}}}}"
    return f"""
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${{if bool{{{on("mechanism", "LOGIN")}}}{{no}}{{yes}}}}
  server_condition = {condition.replace("RIGHT", good("$auth2", "$auth3"))}
  server_set_id = $auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_advertise_condition = ${{if bool{{{on("mechanism", "PLAIN")}}}{{no}}{{yes}}}}
  server_condition = {condition.replace("RIGHT", good("$auth1", "$auth2"))}
  server_set_id = $auth1
"""


def good(name: str, secret: str) -> str:
    return f"${{if and{{{{eq{{{name}}}{{{USER}}}}}{{eq{{{secret}}}{{{PASSWORD}}}}}}}{{yes}}{{no}}}}"


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_the_true_cause_comes_first(running: Running, number: int) -> None:
    _, _, asked, expected = CASES[number]
    found = asked.about(running.ports[number], running.certificates.authority.ca_file)
    try:
        check(found, expected)
    except AssertionError:
        print(running.exim.log()[-3000:])
        raise
