"""How ``--as LIBRARY`` imitates a library: the source of each behaviour, and its peculiarities.

The order of mechanisms, initial responses, the EHLO name and TLS are in the library's own file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Imitation:
    """The source of what is known about a library, and what else it does."""

    source: str
    """The file that shows it, and the versions for which it holds."""
    tested: bool = False
    """Our tests run the library itself, and compare."""
    keeps_passwords: bool = False
    """It sends no password without TLS, except to this machine."""
    wants_san: bool = False
    """It ignores the name in a certificate's subject."""
    is_strict: bool = False
    """It verifies certificates strictly by RFC 5280, with Python 3.13 and later."""
    fills_authzid: bool = False
    """It sends the user name in PLAIN's first field, too."""


# fmt: off
IMITATIONS: Final[Mapping[str, Imitation]] = MappingProxyType({
    "go-net-smtp": Imitation("net/smtp/smtp.go and auth.go of Go 1.24", tested=True,
                             keeps_passwords=True, wants_san=True),
    "python-smtplib": Imitation("Lib/smtplib.py of Python 3.11 to 3.14", tested=True),
    "aiosmtplib": Imitation("aiosmtplib/auth.py and smtp.py, 5.1", tested=True, is_strict=True),
    "django": Imitation("django/core/mail/backends/smtp.py, 5.2: smtplib below"),
    "nodemailer": Imitation("lib/smtp-connection/index.js, 7 and later", tested=True),
    "phpmailer": Imitation("src/SMTP.php (authenticate) and PHPMailer.php, 6.9 to 7.0",
                           tested=True),
    "symfony": Imitation("Transport/Smtp/EsmtpTransport.php and Auth/*.php, 7", tested=True,
                         fills_authzid=True),
    "laravel": Imitation("Illuminate/Mail/MailManager.php, 10 to 12: Symfony Mailer below",
                         fills_authzid=True),
    "javamail": Imitation("org/eclipse/angus/mail/smtp/SMTPTransport.java, 2.0 (authenticate, "
                          "PlainAuthenticator)", tested=True, fills_authzid=True),
    "spring": Imitation("JavaMailSenderImpl.java, 6: Jakarta Mail below", fills_authzid=True),
    "mailkit": Imitation("MailKit/Security/SaslMechanism.cs (AuthMechanismRank) and "
                         "Net/Smtp/SmtpClient.cs, 4"),
    "system-net-mail": Imitation("System/Net/Mail/SmtpConnection.cs and SmtpConnection.Auth.cs, "
                                 ".NET 9"),
    "powershell": Imitation("Send-MailMessage: System.Net.Mail below"),
    "ruby-net-smtp": Imitation("lib/net/smtp.rb and lib/net/smtp/auth_*.rb, 0.5", tested=True),
    "lettre": Imitation("src/transport/smtp/authentication.rs (DEFAULT_MECHANISMS) and "
                        "client/connection.rs, 0.11"),
    "go-mail": Imitation("client.go and smtp/auth_*.go of wneessen/go-mail, 0.6", wants_san=True),
    "msmtp": Imitation("src/smtp.c (smtp_auth), 1.8", tested=True, keeps_passwords=True),
    "curl": Imitation("lib/curl_sasl.c, 8", tested=True),
    "swaks": Imitation("swaks (do_smtp_auth), 20240103", tested=True),
    "postfix": Imitation("src/smtp/smtp_sasl_glue.c, 3.10: Cyrus SASL chooses"),
})
# fmt: on
_UNKNOWN: Final = Imitation("")


def imitation_of(library: str) -> Imitation:
    """Return what is known of ``library``, which may be empty."""
    return IMITATIONS.get(library, _UNKNOWN)
