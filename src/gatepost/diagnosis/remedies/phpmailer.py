"""PHPMailer: CRAM-MD5 first and no second try; SMTPSecure must fit the port."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import (
    ENCODES_HEADERS,
    ENCODES_LINES,
    LOGIN_IN_TWO,
    NO_AUTHZID,
    OWN_SETTINGS,
    SENDS_UTF8,
    WRITES_CRLF,
    Fix,
    Library,
)

_ACCOUNT: Final = """\
$mail->isSMTP();
$mail->Host = '{{host}}';
$mail->Port = {{port}};
$mail->SMTPAuth = true;
$mail->Username = $username;
$mail->Password = $password;
"""
_LOGIN: Final = f"""\
{_ACCOUNT}$mail->AuthType = 'LOGIN';
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
"""

_PLAIN: Final = f"""\
{_ACCOUNT}$mail->AuthType = 'PLAIN';
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
"""

_STARTTLS: Final = f"""\
{_ACCOUNT}$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS; // 'tls'
"""

_IMPLICIT: Final = f"""\
{_ACCOUNT}$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS; // 'ssl'
"""

_XOAUTH2: Final = """\
$mail->AuthType = 'XOAUTH2';
$mail->setOAuth($tokens); // an OAuthTokenProvider; its getOauth64() returns
// base64_encode("user={$username}\\001auth=Bearer {$token}\\001\\001")
"""

_TRUST: Final = """\
$mail->SMTPOptions = ['ssl' => ['cafile' => '/path/to/ca.pem']];
"""

_ONE_LINE: Final = """\
use PHPMailer\\PHPMailer\\SMTP;

class OneLine extends SMTP
{
    public function authenticate(
        $username, $password, $authtype = null, $OAuth = null
    ) {
        $response = base64_encode("\\0{$username}\\0{$password}");
        return $this->sendCommand('AUTH', "AUTH PLAIN {$response}", 235);
    }
}

$mail->setSMTPInstance(new OneLine());
"""

_LONG_TOKEN: Final = """\
use PHPMailer\\PHPMailer\\SMTP;

class TwoLines extends SMTP
{
    public function authenticate(
        $username, $password, $authtype = null, $OAuth = null
    ) {
        return $this->sendCommand('AUTH', 'AUTH XOAUTH2', 334)
            && $this->sendCommand('Token', $OAuth->getOauth64(), 235);
    }
}

$mail->setSMTPInstance(new TwoLines());
"""

_CHECK: Final = """\
$username = getenv('SMTP_USERNAME');
$password = getenv('SMTP_PASSWORD');
if (!$username || !$password) {
    throw new RuntimeException('SMTP_USERNAME or SMTP_PASSWORD is not set');
}
"""

_SENDER: Final = """\
$mail->setFrom('sender@example.com'); // an address the account may use
$mail->Sender = 'sender@example.com'; // the envelope, if it was set apart
"""

_HOST: Final = """\
$mail->Host = '{{host}}';
$mail->Port = {{port}};
"""

LIBRARY: Final = Library(
    name="phpmailer",
    title="PHPMailer",
    mechanisms=("CRAM-MD5", "LOGIN", "PLAIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"XOAUTH2"}),
    hello="{node}",
    tls="auto",
    fixes=MappingProxyType(
        {
            "login": Fix("Take LOGIN, not what AuthType names now:", _LOGIN),
            "plain": Fix("Take PLAIN, not what AuthType names now:", _PLAIN),
            "xoauth2": Fix("Sign in with an access token:", _XOAUTH2),
            "starttls": Fix("ENCRYPTION_STARTTLS ('tls') is what this port requires:", _STARTTLS),
            "implicit": Fix("ENCRYPTION_SMTPS ('ssl') is what this port requires:", _IMPLICIT),
            "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
            "name": Fix(
                "Connect by the name that the certificate is good for:",
                "$mail->Host = '{{name}}';\n",
            ),
            "no_auth": Fix("Switch authentication off:", "$mail->SMTPAuth = false;\n"),
            "one_line": Fix(
                "PHPMailer waits for a prompt. Send PLAIN's response with the command:", _ONE_LINE
            ),
            "long_token": Fix("Keep the token off the AUTH line:", _LONG_TOKEN),
            "check": Fix("Fail before anything is sent:", _CHECK),
            "host": Fix("Set only the host name, and the port separately:", _HOST),
            "hello": Fix(
                "PHPMailer sends the machine's name. Set a full one:",
                "$mail->Helo = 'client.example.com'; // this machine's full name\n",
            ),
            "sender": Fix("From and envelope are an address, not the login:", _SENDER),
            "from_header": Fix(
                "From is what setFrom() says:", "$mail->setFrom('sender@example.com');\n"
            ),
        }
    ),
    language="php",
    cannot=MappingProxyType(
        {
            "credentials_missing": "It sends what it has, and be it empty: `empty_password_sent`.",
        }
    ),
    executed=frozenset(
        {
            "auth_not_performed",
            "mechanism_advertised_but_broken",
            "starttls_required",
            "implicit_tls_on_starttls_port",
            "starttls_on_implicit_tls_port",
            "cert_untrusted",
            "cert_hostname_mismatch",
            "helo_rejected",
            "auth_not_advertised",
            "unwanted_auth_attempt",
            "initial_response_required",
            "auth_command_too_long",
            "empty_password_sent",
            "host_setting_malformed",
            "account_name_used_as_sender",
            "envelope_sender_missing",
            "sender_not_authorised",
            "sender_domain_not_linked",
            "missing_from_header",
        }
    ),
    tested="Debian's libphp-phpmailer",
    spared=MappingProxyType(
        {
            "two_lines": LOGIN_IN_TWO,
            "no_authzid": NO_AUTHZID,
            "url": OWN_SETTINGS,
            "utf8": SENDS_UTF8,
            "line_ends": WRITES_CRLF,
            "short_lines": ENCODES_LINES,
            "ascii_headers": ENCODES_HEADERS,
        }
    ),
)
