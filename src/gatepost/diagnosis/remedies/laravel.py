"""Laravel: Symfony Mailer, set up by .env; sends the host of APP_URL in EHLO."""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, reasons
from gatepost.diagnosis.remedies.symfony import LIBRARY as SYMFONY
from gatepost.diagnosis.remedies.symfony import PLAIN_CLASS, TWO_LINES

_SERVER: Final = """\
MAIL_MAILER=smtp
MAIL_HOST={{host}}
MAIL_PORT={{port}}
"""
_ACCOUNT: Final = """\
MAIL_USERNAME='USERNAME'
MAIL_PASSWORD='PASSWORD'
"""
_STARTTLS: Final = f"""\
{_SERVER}MAIL_SCHEME=smtp # STARTTLS; before Laravel 11: MAIL_ENCRYPTION=tls
{_ACCOUNT}"""

_IMPLICIT: Final = f"""\
{_SERVER}MAIL_SCHEME=smtps # from the first byte
{_ACCOUNT}"""

_ONLY: Final = """\
use Illuminate\\Support\\Facades\\Mail;
use Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\KINDAuthenticator;

// in AppServiceProvider::boot()
Mail::mailer()->getSymfonyTransport()
    ->setAuthenticators([new KINDAuthenticator()]);
"""


def _with(authenticator: str, name: str) -> str:
    """Return the authenticator's class, and where it is installed."""
    return f"""\
use Illuminate\\Support\\Facades\\Mail;
{authenticator}
// in AppServiceProvider::boot()
Mail::mailer()->getSymfonyTransport()
    ->setAuthenticators([new {name}()]);
"""


_TRUST: Final = """\
use Illuminate\\Support\\Facades\\Mail;

// in AppServiceProvider::boot()
Mail::mailer()->getSymfonyTransport()->getStream()->setStreamOptions(
    ['ssl' => ['cafile' => '/path/to/ca.pem']],
);
"""

_CHECK: Final = """\
// in AppServiceProvider::boot()
foreach (['username', 'password'] as $key) {
    if (blank(config("mail.mailers.smtp.{$key}"))) {
        throw new RuntimeException("MAIL_{$key} is not set");
    }
}
"""

_NO_AUTH: Final = f"""\
{_SERVER}MAIL_USERNAME=null
MAIL_PASSWORD=null
"""

_URL: Final = f"""\
# instead of MAIL_URL; single quotes: $ and # count for nothing
{_SERVER}{_ACCOUNT}"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "auth_command_too_long", "authzid_not_permitted", "cert_untrusted", "credential_url_encoding",
    "empty_password_sent", "mechanism_not_offered",
}  # fmt: skip

LIBRARY: Final = replace(
    SYMFONY,
    name="laravel",
    title="Laravel",
    hello="localhost",
    source="Illuminate/Mail/MailManager.php, 10 to 12: Symfony Mailer below",
    is_compared=False,
    fixes={
        "login": Fix(
            "LOGIN is used by default if EHLO lists it, unless code sets authenticators. "
            "Set user and password:",
            _STARTTLS,
        ),
        "plain": Fix(
            "PLAIN is used by default if EHLO lists it, unless code sets authenticators. "
            "Set user and password:",
            _STARTTLS,
        ),
        "only_login": Fix("CRAM-MD5 is tried first. Name LOGIN:", _ONLY.replace("KIND", "Login")),
        "only_plain": Fix(
            "CRAM-MD5 is tried first. Name PLAIN:", _with(PLAIN_CLASS, "PlainAuthenticator")
        ),
        "xoauth2": Fix(
            "XOAUTH2 is tried last; name it, and set the access token as the password:",
            _ONLY.replace("KIND", "XOAuth2"),
        ),
        "starttls": Fix("smtp uses STARTTLS if it is offered:", _STARTTLS),
        "implicit": Fix("smtps speaks TLS from the first byte:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:", "MAIL_HOST={{name}}\n"
        ),
        "no_auth": Fix("Leave user and password out:", _NO_AUTH),
        "no_authzid": Fix(
            "The user name is sent in PLAIN's first field. Leave that empty:",
            _with(PLAIN_CLASS, "PlainAuthenticator"),
        ),
        "long_token": Fix("Keep the token off the AUTH line:", _with(TWO_LINES, "TwoLines")),
        "url": Fix("MAIL_URL has to be encoded; settings of their own have not:", _URL),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "Set only the host name, and the port separately:",
            "MAIL_HOST={{host}}\nMAIL_PORT={{port}}\n",
        ),
        "hello": Fix(
            "Laravel sends the host of APP_URL, or localhost. Give it a full name:",
            "MAIL_EHLO_DOMAIN=client.example.com\n",
        ),
        "sender": Fix(
            "From is an address that the account may use, not the login:",
            "MAIL_FROM_ADDRESS=sender@example.com\n",
        ),
    },
    language="text",
    executed=_EXECUTED,
    tested="Debian's php-illuminate-mail (Laravel 10), with Laravel 12's config/mail.php",
    spared={
        **SYMFONY.spared,
        **reasons(from_header="A message without From is refused before it connects."),
    },
)
