"""PHPMailer: CRAM-MD5 first and no second try; SMTPSecure must fit the port."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

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

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_command_too_long", "auth_not_advertised", "cert_untrusted",
    "empty_password_sent", "envelope_sender_missing", "initial_response_required",
    "missing_from_header", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="phpmailer",
    title="PHPMailer",
    mechanisms=("CRAM-MD5", "LOGIN", "PLAIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"XOAUTH2"}),
    hello="{node}",
    tls="auto",
    source="src/SMTP.php (authenticate) and PHPMailer.php, 6.9 to 7.0",
    is_compared=True,
    fixes={
        "login": Fix("Take LOGIN, not what AuthType names now:", _LOGIN),
        "plain": Fix("Take PLAIN, not what AuthType names now:", _PLAIN),
        "xoauth2": Fix("Sign in with an access token:", _XOAUTH2),
        "starttls": Fix("ENCRYPTION_STARTTLS ('tls') is what this port requires:", _STARTTLS),
        "implicit": Fix("ENCRYPTION_SMTPS ('ssl') is what this port requires:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:", "$mail->Host = '{{name}}';\n"
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
        "encoded_body": Fix(
            "It leaves text 8-bit by default. Encode it:",
            "$mail->Encoding = PHPMailer::ENCODING_QUOTED_PRINTABLE;\n",
        ),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix(
            "From is what setFrom() says:", "$mail->setFrom('sender@example.com');\n"
        ),
    },
    language="php",
    executed=_EXECUTED,
    tested="Debian's libphp-phpmailer",
    spared=reasons(
        "two_lines",
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        "short_lines",
        "ascii_headers",
        credentials_missing="It sends what it has, and be it empty: `empty_password_sent`.",
    ),
)
