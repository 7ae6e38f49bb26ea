"""Faults with Laravel: a program is its .env, and the code of a service provider."""

from pathlib import Path
from typing import Final

from tests.clients.remedies.php import run_script
from tests.clients.remedies.proof import Case, Order, Outcome

_SEND: Final = Path(__file__).parents[3] / "compliance" / "php" / "laravel.php"
_BOOT: Final = "--- boot\n"
"""Separates .env from the service provider's code."""


def run_laravel(order: Order) -> Outcome:
    """Send a message; the output is the dialogue and the exception."""
    settings, _, boot = order.code.partition(_BOOT)
    if boot:
        (order.home / "boot.php").write_text(f"<?php\n{boot}")
    else:
        (order.home / "boot.php").unlink(missing_ok=True)
    username, secret = order.ground.relay.username, order.ground.secret
    settings = settings.replace("USERNAME:PASSWORD", f"{username}:{secret}")
    settings = settings.replace("'USERNAME'", f"'{username}'")
    settings = settings.replace("'PASSWORD'", f"'{secret}'")
    if "MAIL_FROM_ADDRESS" not in settings:
        settings += f"\nMAIL_FROM_ADDRESS={order.sender}\n"
    (order.home / ".env").write_text(settings)
    return run_script(order, f"<?php\n$argv[1] = {str(order.home)!r};\nrequire {str(_SEND)!r};\n")


_SERVER: Final = """\
MAIL_MAILER=smtp
MAIL_HOST={host}
MAIL_PORT={port}
"""
_ACCOUNT: Final = """\
MAIL_USERNAME='USERNAME'
MAIL_PASSWORD='PASSWORD'
"""
_SMTP: Final = _SERVER + _ACCOUNT + "MAIL_SCHEME=smtp\n"
_USES: Final = (
    "use Symfony\\Component\\Mailer\\Transport\\Smtp\\Auth\\KINDAuthenticator as Chosen;\n"
)
_PINNED: Final = (
    _SMTP + _BOOT + _USES + "Illuminate\\Support\\Facades\\Mail::mailer()->getSymfonyTransport()\n"
    "    ->setAuthenticators([new Chosen()]);\n"
)


_FIXED: Final = _SMTP + _BOOT + "{fix}"
"""The fix is code of a service provider."""


LARAVEL: Final = (
    Case("unwanted_auth_attempt", "trusting", _SMTP.replace("'PASSWORD'", "'built-in'"),
         told_by="both"),
    Case("mechanism_not_offered", "acs", _PINNED.replace("KIND", "Plain")),
    Case("mechanism_advertised_but_broken", "broken", _PINNED.replace("KIND", "CramMd5"),
         _FIXED, told_by="logins"),
    Case("implicit_tls_on_starttls_port", "acs", _SMTP.replace("=smtp\n", "=smtps\n")
         .replace("MAILER=smtps", "MAILER=smtp")),
    Case("starttls_on_implicit_tls_port", "acs", _SMTP, door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _SMTP, _FIXED, trusting=False),
    Case("cert_hostname_mismatch", "acs", _SMTP, _SMTP + "{fix}"),
    Case("auth_not_performed", "acs",
         _SMTP.replace("'USERNAME'", "null").replace("'PASSWORD'", "null")),
    Case("auth_command_too_long", "token", _PINNED.replace("KIND", "XOAuth2"), _FIXED),
    Case("authzid_not_permitted", "own-name", _SMTP, _FIXED),
    Case("credential_url_encoding", "words",
         "MAIL_MAILER=smtp\nMAIL_URL='smtp://USERNAME:PASSWORD@{host}:{port}'\n"),
    Case("empty_password_sent", "acs", _SMTP.replace("'PASSWORD'", ""), _FIXED),
    Case("host_setting_malformed", "acs", _SMTP.replace("{host}", "smtp://{host}"),
         _SMTP.replace("{host}", "smtp://{host}") + "{fix}"),
    Case("helo_rejected", "names", _SMTP, _SMTP + "{fix}"),
    Case("sender_domain_not_linked", "acs", _SMTP + "MAIL_FROM_ADDRESS=me@elsewhere.example\n",
         _SMTP + "{fix}"),
)  # fmt: skip
