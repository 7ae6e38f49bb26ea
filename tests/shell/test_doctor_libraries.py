"""Libraries behave as the table says."""

import base64
import contextlib
import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.library import Library
from tests import fork_server
from tests.certificates import Authority, make_authority
from tests.clients.node import nodemailer, packages
from tests.event_loops import run_and_cut
from tests.shell.scripted_server import Script, serving

OFFERS = ["LOGIN PLAIN CRAM-MD5", "LOGIN PLAIN", "LOGIN", "PLAIN", "CRAM-MD5 LOGIN", "XOAUTH2"]
GO = Path(__file__).parents[2] / "compliance" / "go"
PHPMAILER = """\
<?php
require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer();
[$mail->Host, $mail->Port] = ['localhost', (int) $argv[1]];
[$mail->SMTPAuth, $mail->SMTPSecure] = [true, 'tls'];
[$mail->Username, $mail->Password] = ['me', 'secret'];
$mail->smtpConnect(['ssl' => ['cafile' => $argv[2]]]);
"""
SYMFONY = """\
<?php
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\\Component\\{Mailer\\Envelope, Mime\\Address, Mime\\RawMessage};
$transport = new Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport(
    'localhost', (int) $argv[1], false);
$transport->setUsername('me')->setPassword('secret');
$transport->getStream()->setStreamOptions(['ssl' => ['cafile' => $argv[2]]]);
$transport->send(new RawMessage('Subject: hello'),
    new Envelope(new Address('a@example.com'), [new Address('b@example.com')]));
"""
RUBY = """\
require 'net/smtp'
smtp = Net::SMTP.new('localhost', ARGV[0].to_i)
smtp.enable_starttls(OpenSSL::SSL::SSLContext.new.tap { |it| it.ca_file = ARGV[1] })
smtp.start('localhost', 'me', 'secret', nil)
"""
JAVA = """\
import jakarta.mail.Session;

public class Client {
    public static void main(String[] args) throws Exception {
        var settings = new java.util.Properties();
        settings.put("mail.smtp.auth", "true");
        settings.put("mail.smtp.starttls.enable", "true");
        settings.put("mail.smtp.ssl.trust", "*");
        var transport = Session.getInstance(settings).getTransport("smtp");
        transport.connect("localhost", Integer.parseInt(args[0]), "me", "secret");
    }
}
"""
MESSAGE = b"Subject: hello\n\nhello\n"


@dataclass(frozen=True)
class Place:
    """The server of a client, and the authority to trust."""

    port: int
    ca_file: str
    directory: Path

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


def run(*command: str | Path) -> None:
    fork_server.run(command, input=MESSAGE, capture_output=True, timeout=120, check=False)


def with_smtplib(place: Place) -> None:
    with contextlib.suppress(smtplib.SMTPException), smtplib.SMTP("localhost", place.port) as smtp:
        smtp.starttls(context=place.context)
        smtp.login("me", "secret")


def with_aiosmtplib(place: Place) -> None:
    async def sign_in() -> None:
        smtp = aiosmtplib.SMTP(hostname="localhost", port=place.port, tls_context=place.context)
        await smtp.connect()
        with contextlib.suppress(aiosmtplib.SMTPException):
            await smtp.login("me", "secret")
        await smtp.quit()

    run_and_cut(sign_in())


def with_msmtp(place: Place) -> None:
    settings = place.directory / "msmtprc"
    settings.write_text(
        f"account default\nhost localhost\nport {place.port}\ntls on\ntls_starttls on\n"
        f"tls_trust_file {place.ca_file}\nauth on\nuser me\npassword secret\nfrom a@example.com\n"
    )
    settings.chmod(0o600)
    run("msmtp", "-C", settings, "b@example.com")


def with_curl(place: Place) -> None:
    run(
        "curl", "--silent", f"smtp://localhost:{place.port}", "--ssl-reqd", "--cacert",
        place.ca_file, "--user", "me:secret", "--mail-from", "a@example.com", "--mail-rcpt",
        "b@example.com", "--upload-file", "-",
    )  # fmt: skip


def with_swaks(place: Place) -> None:
    run(
        "swaks", "--server", "localhost", "--port", str(place.port), "--tls", "--auth",
        "--auth-user", "me", "--auth-password", "secret", "--from", "a@example.com", "--to",
        "b@example.com",
    )  # fmt: skip


def with_nodemailer(place: Place) -> None:
    transport = {
        "host": "localhost", "port": place.port, "auth": {"user": "me", "pass": "secret"},
        "tls": {"ca": Path(place.ca_file).read_text()},
    }  # fmt: skip
    nodemailer.send(transport, "a@example.com", "b@example.com", MESSAGE)


def with_go(place: Place) -> None:
    order = ("-ca-file", place.ca_file, "-username", "me", "-from", "a@example.com", "-to",
             "b@example.com", "-server", f"localhost:{place.port}")  # fmt: skip
    fork_server.run(
        ["go", "run", ".", *order], input=MESSAGE, capture_output=True, timeout=120, check=False,
        cwd=GO, env=os.environ | {"SMTP_PASSWORD": "secret", "GOTOOLCHAIN": "local"},
    )  # fmt: skip


def with_script(place: Place, *interpreter: str, suffix: str, script: str) -> None:
    program = place.directory / f"client{suffix}"
    program.write_text(script)
    run(*interpreter, program, str(place.port), place.ca_file)


def with_phpmailer(place: Place) -> None:
    with_script(place, "php", suffix=".php", script=PHPMAILER)


def with_symfony(place: Place) -> None:
    with_script(place, "php", suffix=".php", script=SYMFONY)


def with_ruby(place: Place) -> None:
    with_script(place, "ruby", suffix=".rb", script=RUBY)


def with_java(place: Place) -> None:
    jars = ":".join(f"/usr/share/java/jakarta-{name}.jar" for name in ("mail", "activation"))
    program = place.directory / "Client.java"
    program.write_text(JAVA)
    run("java", "-XX:TieredStopAtLevel=1", "-cp", jars, program, str(place.port))


CLIENTS = [
    pytest.param("phpmailer", with_phpmailer, id="phpmailer", marks=pytest.mark.compliance),
    pytest.param("symfony", with_symfony, id="symfony", marks=pytest.mark.compliance),
    pytest.param("ruby-net-smtp", with_ruby, id="ruby", marks=pytest.mark.compliance),
    pytest.param("javamail", with_java, id="java", marks=pytest.mark.compliance),
    pytest.param("nodemailer", with_nodemailer, id="nodemailer", marks=packages.needs_node),
    pytest.param("go-net-smtp", with_go, id="go", marks=pytest.mark.compliance),
    pytest.param("python-smtplib", with_smtplib, id="smtplib"),
    pytest.param("aiosmtplib", with_aiosmtplib, id="aiosmtplib"),
    pytest.param("msmtp", with_msmtp, id="msmtp", marks=pytest.mark.compliance),
    pytest.param("curl", with_curl, id="curl", marks=pytest.mark.compliance),
    pytest.param("swaks", with_swaks, id="swaks", marks=pytest.mark.compliance),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize(("name", "client"), CLIENTS)
def test_libraries_behave_as_the_table_says(
    name: str, client: Callable[[Place], None], offers: str, authority: Authority, tmp_path: Path
) -> None:
    library: Library = LIBRARIES[name]
    script = Script(
        in_clear=("STARTTLS",),
        over_tls=(f"AUTH {offers}",),
        replies={f"AUTH {mechanism}": "504 5.5.4 no" for mechanism in offers.split()},
        pair=authority.issue("localhost"),
    )
    with serving(script) as server:
        client(Place(server.port, authority.ca_file, tmp_path))
        sent = [line.split() for line in server.heard if line.startswith("AUTH ")]
    sent = [words for words in sent if words[1] != "XOAUTH2"]  # Symfony: a password for a token
    choice = library.first_choice(tuple(offers.split()))
    assert [words[1] for words in sent[:1]] == ([choice] if choice else [])
    for _, mechanism, *response in sent:
        assert bool(response) is (mechanism in library.initial)
        if mechanism == "PLAIN" and response:
            acts_as = base64.b64decode(response[0]).partition(b"\0")[0]
            assert bool(acts_as) is library.fills_authzid


def test_every_imitation_has_a_source() -> None:
    assert all(each.source for each in LIBRARIES.values())
    run_here = {param.values[0] for param in CLIENTS}
    assert {name for name, each in LIBRARIES.items() if each.is_compared} == run_here
