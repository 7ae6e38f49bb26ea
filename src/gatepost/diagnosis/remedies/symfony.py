"""Symfony Mailer: a DSN; CRAM-MD5, LOGIN, PLAIN as listed, with the user as authzid."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_STARTTLS: Final = """\
$dsn = sprintf(
    'smtp://%s:%s@{{host}}:{{port}}?require_tls=true',
    rawurlencode($username),
    rawurlencode($password),
);
$transport = Transport::fromDsn($dsn);
"""

_IMPLICIT: Final = """\
$dsn = sprintf(
    'smtps://%s:%s@{{host}}:{{port}}',
    rawurlencode($username),
    rawurlencode($password),
);
$transport = Transport::fromDsn($dsn);
"""

_ONLY: Final = """\
use Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\KINDAuthenticator;
use Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport;

// false: not implicit TLS, but STARTTLS
$transport = new EsmtpTransport('{{host}}', {{port}}, false);
$transport->setAuthenticators([new KINDAuthenticator()]);
$transport->setUsername($username);
$transport->setPassword($password);
"""

PLAIN_CLASS: Final = """\
use Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\AuthenticatorInterface;
use Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport;

class PlainAuthenticator implements AuthenticatorInterface
{
    public function getAuthKeyword(): string
    {
        return 'PLAIN';
    }

    public function authenticate(EsmtpTransport $client): void
    {
        $user = $client->getUsername();
        $pass = $client->getPassword();
        $response = base64_encode("\\0{$user}\\0{$pass}"); // no authzid
        $client->executeCommand("AUTH PLAIN {$response}\\r\\n", [235]);
    }
}
"""

_PLAIN: Final = f"""\
{PLAIN_CLASS}
// false: not implicit TLS, but STARTTLS
$transport = new EsmtpTransport('{{{{host}}}}', {{{{port}}}}, false);
$transport->setAuthenticators([new PlainAuthenticator()]);
$transport->setUsername($username);
$transport->setPassword($password);
"""

TWO_LINES: Final = """\
use Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\AuthenticatorInterface;
use Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport;

class TwoLines implements AuthenticatorInterface
{
    public function getAuthKeyword(): string
    {
        return 'XOAUTH2';
    }

    public function authenticate(EsmtpTransport $client): void
    {
        $user = $client->getUsername();
        $token = $client->getPassword();
        $text = "user={$user}\\1auth=Bearer {$token}\\1\\1";
        $client->executeCommand("AUTH XOAUTH2\\r\\n", [334]);
        $client->executeCommand(base64_encode($text) . "\\r\\n", [235]);
    }
}
"""

_LONG_TOKEN: Final = f"""\
{TWO_LINES}
$transport->setAuthenticators([new TwoLines()]);
"""

_TRUST: Final = """\
$stream = $transport->getStream();
$stream->setStreamOptions(['ssl' => ['cafile' => '/path/to/ca.pem']]);
"""

_HELLO: Final = """\
$dsn = sprintf(
    'smtp://%s:%s@{{host}}:{{port}}?local_domain=client.example.com',
    rawurlencode($username),
    rawurlencode($password),
);
$transport = Transport::fromDsn($dsn);
"""

_CHECK: Final = """\
$username = getenv('SMTP_USERNAME');
$password = getenv('SMTP_PASSWORD');
if (!$username || !$password) {
    throw new RuntimeException('SMTP_USERNAME or SMTP_PASSWORD is not set');
}
"""

_SENDER: Final = """\
$email->from('sender@example.com'); // an address the account may use
// in its configuration: framework.mailer.envelope.sender
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "auth_command_too_long", "authzid_not_permitted", "cert_untrusted", "credential_url_encoding",
    "empty_password_sent", "mechanism_not_offered",
}  # fmt: skip

LIBRARY: Final = Library(
    name="symfony",
    title="Symfony Mailer",
    mechanisms=("CRAM-MD5", "LOGIN", "PLAIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{literal}",
    tls="auto",
    source="Transport/Smtp/EsmtpTransport.php and Auth/*.php, 7",
    fills_authzid=True,
    is_compared=True,
    fixes={
        "login": Fix(
            "Symfony uses LOGIN by default if EHLO lists it, which is after STARTTLS; to insist:",
            _ONLY.replace("KIND", "Login"),
        ),
        "plain": Fix(
            "Symfony uses PLAIN by default if EHLO lists it, and names the user twice; "
            "to insist, without that:",
            _PLAIN,
        ),
        "xoauth2": Fix(
            "XOAUTH2 is tried last; name it, and give the access token as the password:",
            _ONLY.replace("KIND", "XOAuth2").replace("$password", "$token"),
        ),
        "starttls": Fix(
            "smtp:// uses STARTTLS if it is offered; require_tls (7.3 and later) insists:",
            _STARTTLS,
        ),
        "implicit": Fix("smtps:// speaks TLS from the first byte:", _IMPLICIT),
        "trust": Fix(
            "Trust the authority that signed the certificate (or set openssl.cafile in php.ini):",
            _TRUST,
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            "$transport = Transport::fromDsn(\n"
            '    "smtp://{$login}@{{name}}:{{port}}",\n'
            "); // $login: both parts percent-encoded\n",
        ),
        "no_auth": Fix(
            "Leave user and password out of the DSN:",
            "$transport = Transport::fromDsn('smtp://{{host}}:{{port}}');\n",
        ),
        "no_authzid": Fix(
            "Symfony puts the user name into PLAIN's first field. Leave that empty:", _PLAIN
        ),
        "long_token": Fix("Keep the token off the AUTH line:", _LONG_TOKEN),
        "url": Fix("Encode both parts of the DSN; in YAML double each % of it:", _STARTTLS),
        "check": Fix("Fail before anything is sent:", _CHECK),
        "host": Fix("The DSN contains only the host name and the port:", _STARTTLS),
        "hello": Fix("Symfony sends [127.0.0.1]. Give it a full name:", _HELLO),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
    },
    language="php",
    executed=_EXECUTED,
    tested="Debian's php-symfony-mailer, 6.4",
    spared=reasons(
        "one_line",
        "two_lines",
        "utf8",
        "line_ends",
        "short_lines",
        "ascii_headers",
        "credentials_missing",
        "auth_not_advertised",
        "account_name_used_as_sender",
        "envelope_sender_missing",
        from_header="It refuses an Email without From or Sender before it connects.",
    ),
)
