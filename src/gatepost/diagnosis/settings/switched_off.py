"""Mail that is switched off, or that the application has no way to send."""

from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.settings import fix_spellings
from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.setting import Setting


def sending(view: View) -> Iterator[Fault]:
    """A server is set, and the switch above it is off."""
    switch = view.first("sending")
    if switch is None or switch.on is not False or not (view.has("host") or view.has("endpoint")):
        return
    text = " is off: the application uses no other setting of mail, and sends nothing"
    fix = f"{view.written(switch, 'true')}, and restart the application."
    yield view.fault(switch, "client_not_configured", "likely", text, fix)


def scheme(view: View) -> Iterator[Fault]:
    """MAILER_DSN begins with a scheme that Symfony Mailer does not know."""
    for url in view.all("url"):
        name = url.shown.partition("+")[0]
        if not _is_symfony(url) or not name or name in _BRIDGES or url.shown in _SCHEMES:
            continue
        text = (
            f" begins with {url.shown}://: Symfony Mailer answers that this scheme is not "
            "supported, unless an installed bridge adds it"
        )
        fix = f"{fix_spellings.starttls('url')}; or {fix_spellings.implicit('url')}."
        yield view.fault(url, "client_not_configured", "likely", text, fix)


def _is_symfony(url: Setting) -> bool:
    return url.key.upper().partition("[")[0].endswith("MAILER_DSN")


def mailer(view: View) -> Iterator[Fault]:
    """MAIL_MAILER names none of Laravel's mailers."""
    backend = view.first("backend")
    if (
        view.kind != "laravel"
        or backend is None
        or not backend.shown
        or backend.shown.lower() in _MAILERS
    ):
        return
    text = (
        f" is {backend.shown}: unless config/mail.php defines it, Laravel answers that this mailer "
        "is not defined"
    )
    fix = f"{view.written(backend, 'smtp')}, and run: php artisan config:clear"
    yield view.fault(backend, "client_not_configured", "likely", text, fix)


_SCHEMES: Final = frozenset({"smtp", "smtps", "sendmail", "sendmail+smtp", "native", "null"})
_BRIDGES: Final = frozenset({
    "ahasend", "azure", "brevo", "gmail", "infobip", "mailersend", "mailgun", "mailjet", "mailomat",
    "mailpace", "mailtrap", "mandrill", "microsoftgraph", "ohmysmtp", "postal", "postmark",
    "resend", "scaleway", "sendgrid", "sendinblue", "ses", "sweego",
})  # fmt: skip
"""Schemes of Symfony Mailer itself, and beginnings of those of its bridges (8.0, 2025-11)."""
_MAILERS: Final = frozenset({
    "smtp", "ses", "ses-v2", "postmark", "resend", "mailgun", "cloudflare", "sendmail", "mail",
    "log", "array", "failover", "roundrobin", "null",
})  # fmt: skip
"""Mailers of Laravel's config/mail.php and its transports, and the drivers of older versions."""
RULES: Final = (sending, scheme, mailer)
