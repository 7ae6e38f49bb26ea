"""Mail libraries against the faulty servers of profiles: they fail as the findings say."""

import base64
import json
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage

import aiosmtplib
import pytest

from tests.clients.node.packages import HERE, NODE, needs_node
from tests.event_loops import run_and_cut
from tests.shell.profile_server import Host, ProfileServer
from tests.shell.test_profiles import HEALTHY, letter, profile_of

OK = "ok"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("profiles"))
    yield host
    host.close()


def by_smtplib(served: ProfileServer, message: EmailMessage) -> None:
    context = ssl.create_default_context(cafile=served.ca_file)
    with smtplib.SMTP("127.0.0.1", served.port, "client.example.com", timeout=30) as client:
        client.starttls(context=context)
        client.login(served.given.username, served.given.password.reveal())
        client.send_message(message)


def by_aiosmtplib(served: ProfileServer, message: EmailMessage) -> None:
    sending = aiosmtplib.send(
        message, hostname="127.0.0.1", port=served.port, start_tls=True, timeout=30,
        username=served.given.username, password=served.given.password.reveal(),
        tls_context=ssl.create_default_context(cafile=served.ca_file),
        local_hostname="client.example.com",
    )  # fmt: skip
    run_and_cut(sending)


def outcome(send: Callable[[ProfileServer, EmailMessage], None], served: ProfileServer) -> str:
    try:
        send(served, letter(served.given.sender))
    except (smtplib.SMTPException, aiosmtplib.SMTPException, OSError) as error:
        return f"{type(error).__name__} {error}"
    return OK


# fmt: off
PYTHON = [
    # profile               smtplib                             aiosmtplib
    ("broken-cram-md5",     OK,                                 OK),  # both go on to PLAIN
    ("broken-digest-md5",   OK,                                 OK),
    ("login-no-initial",    "501",                              "501"),
    ("plain-needs-initial", OK,                                 OK),
    ("auth-line-512",       "500",                              "500"),
    ("login-prompt-nul",    OK,                                 OK),
    ("odd-lines",           "No suitable authentication method", OK),  # names have no case
    ("auth-old-syntax",     OK,                                 OK),
    ("no-auth",             "AUTH extension not supported",     "AUTH extension is not supported"),
    ("exchange-ntlm",       "No suitable authentication",       "No suitable authentication"),
    ("ehlo-502",            "STARTTLS extension not supported", "STARTTLS extension not supported"),
    ("ehlo-masked",         "STARTTLS extension not supported", "STARTTLS extension not supported"),
    ("starttls-454",        "454",                              "454"),
    ("cert-expired",        "certificate has expired",          "certificate has expired"),
    ("cert-other-name",     "IP address mismatch",              "IP address mismatch"),
    ("cert-self-signed",    "self-signed certificate",          "self-signed certificate"),
    ("cert-incomplete",     "unable to get local issuer",       "unable to get local issuer"),
    ("tls-1.1",             "protocol version",                 "protocol version"),
    ("bare-lf-replies",     OK,                                 OK),
    ("banner-multiline",    OK,                                 OK),
    ("slow-banner",         OK,                                 OK),
    ("no-enhanced-codes",   OK,                                 OK),
    ("auth-drop",           "unexpectedly closed",              "EOF"),
    ("auth-backend-down",   "454",                              "454"),
    ("greylisting",         "450",                              "450"),
    ("ses-sandbox",         "554",                              "554"),
    ("strato-username",     "MSG0049",                          "MSG0049"),
    ("microsoft365-tenant", "5.7.139",                          "5.7.139"),
]
# fmt: on


@pytest.mark.parametrize(("name", "smtplib_", "aiosmtplib_"), PYTHON)
def test_python_libraries(host: Host, name: str, smtplib_: str, aiosmtplib_: str) -> None:
    for send, expected in ((by_smtplib, smtplib_), (by_aiosmtplib, aiosmtplib_)):
        with host.serve(profile_of(name)) as served:
            assert expected in outcome(send, served)


def test_greylisting_accepts_a_second_attempt(host: Host) -> None:
    with host.serve(profile_of("greylisting")) as served:
        outcomes = [outcome(by_smtplib, served) for _ in range(2)]
        assert "450" in outcomes[0]
        assert (outcomes[1], served.count()) == (OK, 1)


def test_mail_after_login_and_ehlo_is_refused_if_ehlo_resets_the_login(host: Host) -> None:
    """Frappe and an old MailKit say EHLO between AUTH and MAIL."""
    with host.serve(profile_of("brevo")) as served:
        context = ssl.create_default_context(cafile=served.ca_file)
        with smtplib.SMTP("127.0.0.1", served.port, timeout=30) as client:
            client.starttls(context=context)
            client.login(served.given.username, served.given.password.reveal())
            client.ehlo()
            code, text = client.mail(served.given.sender)
            assert (code, text) == (502, b"5.7.0 Please authenticate first")


PROVIDERS = [name for name in HEALTHY if profile_of(name).kind != "quirk" and name != "outlook"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_smtplib_sends_through_every_provider(host: Host, name: str) -> None:
    with host.serve(profile_of(name)) as served:
        assert (outcome(by_smtplib, served), served.count()) == (OK, 1)


# fmt: off
NODEMAILER = [
    ("gmail", ""), ("microsoft365", ""), ("ses", ""), ("sendgrid", ""), ("mailjet", ""),
    ("broken-cram-md5", ""), ("login-prompt-nul", ""), ("odd-lines", ""),
    ("auth-old-syntax", ""),
    ("exchange-ntlm", "504"),
    ("auth-line-512", "500"),
    ("cert-expired", "certificate has expired"),
    ("starttls-454", "454"),
    ("no-auth", "554"),  # it goes on without signing in
]
# fmt: on
_ALL = """\
import { createTransport } from 'nodemailer';
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const orders = JSON.parse(Buffer.concat(chunks).toString());
const done = orders.map(async ({ transport, envelope, raw }) => {
    try {
        await createTransport(transport).sendMail({ envelope, raw: Buffer.from(raw, 'base64') });
        return '';
    } catch (error) {
        return error.message;
    }
});
console.log(JSON.stringify(await Promise.all(done)));
"""


@needs_node
def test_nodemailer(host: Host) -> None:
    """All in one process, because starting Node.js takes longer than all of them."""
    with ExitStack() as stack:
        orders = []
        for name, _ in NODEMAILER:
            served = stack.enter_context(host.serve(profile_of(name)))
            with open(served.ca_file, encoding="utf-8") as file:  # noqa: PTH123 - a path as text
                authority = file.read()
            orders.append(
                {
                    "transport": {
                        "host": "127.0.0.1",
                        "port": served.port,
                        "requireTLS": True,
                        "name": "client.example.com",
                        "tls": {"ca": authority},
                        "auth": {
                            "user": served.given.username,
                            "pass": served.given.password.reveal(),
                        },
                    },
                    "envelope": {"from": served.given.sender, "to": ["bob@example.net"]},
                    "raw": base64.b64encode(letter(served.given.sender).as_bytes()).decode(),
                }
            )
        run = subprocess.run(
            [str(NODE), "--input-type=module", "-e", _ALL],
            input=json.dumps(orders).encode(), stdout=subprocess.PIPE, check=True, timeout=60,
            cwd=HERE,
        )  # fmt: skip
    said = json.loads(run.stdout)
    for (name, expected), error in zip(NODEMAILER, said, strict=True):
        assert bool(error) == bool(expected), (name, error)
        assert expected in error, name
