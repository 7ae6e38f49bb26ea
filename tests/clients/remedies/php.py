"""Faults in PHP: PHPMailer and Symfony Mailer, from Debian's packages."""

import os
import subprocess
from typing import Final

from tests.clients.remedies.proof import Case, Order, Outcome, values

_HEAD: Final = """\
<?php
error_reporting(E_ALL & ~E_DEPRECATED);
[$username, $password, $token] = [getenv('USERNAME_'), getenv('SECRET_'), getenv('SECRET_')];
[$sender, $recipient] = [getenv('SENDER_'), getenv('RECIPIENT_')];
"""


def run_php(order: Order) -> Outcome:
    """Run a program; its output is the library's debug output and the exception."""
    return run_script(order, _HEAD + order.code)


def run_script(order: Order, code: str) -> Outcome:
    """Run a complete script."""
    program = order.home / "program.php"
    program.write_text(code)
    command = ["php", "-d", f"openssl.cafile={order.ca_file}", "-d", "default_socket_timeout=1"]
    done = subprocess.run(
        [*command, program],
        env=os.environ | values(order),
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    return Outcome(done.returncode == 0, said)


_MAIL: Final = """\
require '/usr/share/php/libphp-phpmailer/autoload.php';
use PHPMailer\\PHPMailer\\PHPMailer;
$mail = new PHPMailer(true);
$mail->SMTPDebug = 2;
$mail->Timeout = 1;
"""
_SET: Final = """\
$mail->isSMTP();
$mail->Host = '{host}';
$mail->Port = {port};
$mail->SMTPAuth = true;
$mail->Username = $username;
$mail->Password = $password;
"""
_TLS: Final = _SET + "$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;\n"
_FROM: Final = """
$mail->setFrom($sender);
"""
_SEND: Final = """
$mail->addAddress($recipient);
$mail->Subject = 'hello';
$mail->Body = 'hello';
$mail->send();
"""
_TOKENS: Final = """\
class Tokens implements \\PHPMailer\\PHPMailer\\OAuthTokenProvider
{
    public function getOauth64()
    {
        $user = getenv('USERNAME_');
        $token = getenv('SECRET_');
        return base64_encode("user={$user}\\1auth=Bearer {$token}\\1\\1");
    }
}
$mail->AuthType = 'XOAUTH2';
$mail->setOAuth(new Tokens());
"""
_FIX: Final = _MAIL + "{fix}" + _FROM + _SEND
_ADDED: Final = _MAIL + _TLS + "{fix}" + _FROM + _SEND


def _broken(*lines: str, before: str = _TLS) -> str:
    return "\n".join((_MAIL, before, *lines, _FROM, _SEND))


PHPMAILER: Final = (
    Case("empty_password_sent", "acs", _broken("$mail->Password = '';"),
         "{fix}" + _MAIL + _TLS + _FROM + _SEND, told_by="record"),
    Case("host_setting_malformed", "acs", _broken("$mail->Host = 'http://{host}';"),
         _MAIL + _TLS + "$mail->Host = 'http://{host}';\n{fix}" + _FROM + _SEND),
    Case("envelope_sender_missing", "acs", _MAIL + _TLS + "$mail->From = '';\n" + _SEND,
         _MAIL + _TLS + "{fix}" + _SEND),
    Case("missing_from_header", "plain",
         _MAIL + _TLS + "$mail->From = '';\n$mail->Sender = $sender;\n" + _SEND,
         _MAIL + _TLS + "$mail->Sender = $sender;\n{fix}" + _SEND),
    Case("mechanism_advertised_but_broken", "broken", _broken(), _FIX, told_by="logins"),
    Case("starttls_required", "acs", _broken("$mail->SMTPAutoTLS = false;", before=_SET), _FIX),
    Case("implicit_tls_on_starttls_port", "acs",
         _broken("$mail->SMTPSecure = 'ssl';", "$mail->SMTPDebug = 3;"), _FIX),
    Case("starttls_on_implicit_tls_port", "acs",
         _broken("$mail->getSMTPInstance()->Timelimit = 1;"), _FIX, door="smtps",
         told_by="probe"),
    Case("cert_untrusted", "acs", _broken(), _ADDED, trusting=False),
    Case("cert_hostname_mismatch", "acs", _broken(), _ADDED),
    Case("auth_not_performed", "acs", _broken("$mail->SMTPAuth = false;"), _FIX),
    Case("auth_not_advertised", "nobody", _broken(), _ADDED),
    Case("initial_response_required", "bare-plain", _broken("$mail->AuthType = 'PLAIN';"), _ADDED),
    Case("auth_command_too_long", "token", _broken(_TOKENS),
         _MAIL + _TLS + _TOKENS + "{fix}" + _FROM + _SEND),
    Case("helo_rejected", "names", _broken("$mail->Helo = 'localhost';"), _ADDED),
    Case("account_name_used_as_sender", "acs", _broken("$mail->Sender = $username;"),
         _MAIL + _TLS + "$mail->Sender = $username;\n{fix}" + _SEND),
    Case("sender_domain_not_linked", "acs", _broken("$mail->Sender = 'me@elsewhere.example';"),
         _MAIL + _TLS + "{fix}" + _SEND),
)  # fmt: skip

_SYMFONY: Final = """\
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\\Component\\Mailer\\Transport;
"""
_EMAIL: Final = """\
$email = (new Symfony\\Component\\Mime\\Email())->from($sender)->to($recipient)
    ->subject('hello')->text('hello');
"""
_DELIVER: Final = """
try {
    $transport->send($email);
} catch (Symfony\\Component\\Mailer\\Exception\\TransportException $error) {
    echo $error->getDebug();
    throw $error;
}
"""
_DSN: Final = """\
$login = rawurlencode($username) . ':' . rawurlencode($password);
$transport = Transport::fromDsn("SCHEME://{$login}@{host}:{port}");
"""
_SYMFONY_FIX: Final = _SYMFONY + "{fix}" + _EMAIL + _DELIVER
_SMTP: Final = _DSN.replace("SCHEME", "smtp")
_ESMTP: Final = """\
$transport = new Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport(
    '{host}', {port}, false);
$transport->setUsername($username);
$transport->setPassword($password);
$transport->setAuthenticators([
    new Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\KINDAuthenticator()]);
"""


def _refused(transport: str, email: str = _EMAIL) -> str:
    return _SYMFONY + transport + email + _DELIVER


SYMFONY: Final = (
    Case("unwanted_auth_attempt", "trusting",
         _refused("$password = 'built-in';\n" + _SMTP), _SYMFONY_FIX, told_by="both"),
    Case("mechanism_advertised_but_broken", "broken",
         _refused(_ESMTP.replace("KIND", "CramMd5")), _SYMFONY_FIX, told_by="logins"),
    Case("authzid_not_permitted", "own-name", _refused(_SMTP), _SYMFONY_FIX),
    Case("empty_password_sent", "acs", _refused(
         "$login = rawurlencode($username);\n"
         "$transport = Transport::fromDsn(\"smtp://{$login}@{host}:{port}\");\n"),
         _SYMFONY + "{fix}" + _SMTP + _EMAIL + _DELIVER),
    Case("host_setting_malformed", "acs",
         _refused(_ESMTP.replace("KIND", "Login").replace("{host}", "smtp://{host}")),
         _SYMFONY_FIX),
    Case("mechanism_not_offered", "acs", _refused(_ESMTP.replace("KIND", "Plain")), _SYMFONY_FIX),
    Case("implicit_tls_on_starttls_port", "acs", _refused(_DSN.replace("SCHEME", "smtps")),
         _SYMFONY_FIX),
    Case("starttls_on_implicit_tls_port", "acs", _refused(_ESMTP.replace("KIND", "Login")),
         _SYMFONY_FIX, door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _refused(_SMTP), _refused(_SMTP + "{fix}"), trusting=False),
    Case("cert_hostname_mismatch", "acs", _refused(_SMTP),
         _refused("$login = rawurlencode($username) . ':' . rawurlencode($password);\n{fix}")),
    Case("auth_not_performed", "acs", _refused(
         "$transport = Transport::fromDsn('smtp://{host}:{port}');\n"), _SYMFONY_FIX),
    Case("auth_command_too_long", "token", _refused(_ESMTP.replace("KIND", "XOAuth2")),
         _refused(_ESMTP.replace("KIND", "XOAuth2") + "{fix}")),
    Case("credential_url_encoding", "words", _refused(
         "$transport = Transport::fromDsn(\"smtp://{$username}:{$password}@{host}:{port}\");\n"),
         _SYMFONY_FIX),
    Case("helo_rejected", "names", _refused(_SMTP), _SYMFONY_FIX),
    Case("sender_domain_not_linked", "acs",
         _refused(_SMTP, _EMAIL.replace("$sender", "'me@elsewhere.example'")),
         _refused(_SMTP, "$email = (new Symfony\\Component\\Mime\\Email())->to($recipient)\n"
                         "    ->subject('hello')->text('hello');\n{fix}")),
)  # fmt: skip
