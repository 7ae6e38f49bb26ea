"""A realistic inbox for pictures: what the applications of a shop send on a morning."""

import json
import smtplib
import ssl
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import quote

from gatepost.testing import Emulator
from tests.commands import PATIENCE

DOMAIN: Final = "contoso.example"
_STYLE: Final = (
    "margin:0;padding:24px;background:#f3f4f6;color:#1f2933;"
    "font:15px/22px Helvetica,Arial,sans-serif"
)
_CELL: Final = "padding:12px 0;border-bottom:1px solid #e4e7eb"


@dataclass(frozen=True)
class Mail:
    """One message; ``minutes`` after the one before."""

    minutes: int
    application: str
    sender: tuple[str, str]
    to: tuple[str, str]
    subject: str
    text: str
    html: str = ""
    pdf: str = ""
    """The name of an attachment."""


def _page(title: str, inner: str) -> str:
    return (
        f'<div style="{_STYLE}"><table role="presentation" width="100%" style="max-width:600px;'
        'margin:0 auto;background:#ffffff;border-radius:8px;border-collapse:separate">'
        '<tr><td style="padding:22px 32px;background:#0f4c81;border-radius:8px 8px 0 0;'
        'color:#ffffff;font-size:18px;font-weight:bold">Contoso Store</td></tr>'
        f'<tr><td style="padding:28px 32px"><h1 style="margin:0 0 12px;font-size:22px;'
        f'line-height:28px">{title}</h1>{inner}</td></tr><tr><td style="padding:18px 32px;'
        'color:#5b6770;font-size:12px;line-height:18px;border-top:1px solid #e4e7eb">'
        "Contoso Ltd, 1 Harbour Street, Bristol &middot; "
        '<a href="https://shop.contoso.example/help" style="color:#0f4c81">Help</a></td></tr>'
        "</table></div>"
    )


def _button(text: str, url: str) -> str:
    return (
        f'<p style="margin:20px 0"><a href="{url}" style="display:inline-block;padding:12px 22px;'
        "background:#0f4c81;border-radius:6px;color:#ffffff;text-decoration:none;"
        f'font-weight:bold">{text}</a></p>'
    )


def _receipt() -> str:
    rows = [
        ("Trail running shoes, size 42", "1", "&euro;119.00"),
        ("Merino socks, 3 pairs", "2", "&euro;38.00"),
        ("Delivery", "", "&euro;4.90"),
    ]
    lines = "".join(
        f'<tr><td style="{_CELL}">{name}</td><td style="{_CELL};color:#5b6770">{number}</td>'
        f'<td style="{_CELL};text-align:right">{price}</td></tr>'
        for name, number, price in rows
    )
    total = (
        '<tr><td style="padding:14px 0;font-weight:bold">Total</td><td></td>'
        '<td style="padding:14px 0;text-align:right;font-weight:bold">&euro;161.90</td></tr>'
    )
    return _page(
        "Thank you for your order, Ann",
        '<p style="margin:0 0 18px">We have received order <strong>CO-20417</strong>, and pack it '
        'today.</p><table role="presentation" width="100%" style="border-collapse:collapse">'
        f"{lines}{total}</table>"
        + _button("Follow your order", "https://shop.contoso.example/orders/CO-20417"),
    )


_SHOP: Final = ("Contoso Store", f"orders@{DOMAIN}")
_ACCOUNTS: Final = ("Contoso Accounts", f"no-reply@{DOMAIN}")
_BILLING: Final = ("Contoso Billing", f"billing@{DOMAIN}")
_NEWS: Final = ("Contoso News", f"news@{DOMAIN}")
_ANN: Final = ("Ann Lee", "ann@example.net")
_YAMADA: Final = ("山田 花子", "yamada@example.jp")

MAILS: Final = (
    Mail(0, "Newsletter", _NEWS, _ANN, "The winter collection is here",
         "Warm, light, and made to last: see what is new this winter.",
         _page("The winter collection is here", "<p>Warm, light, and made to last.</p>"
               + _button("See what is new", "https://shop.contoso.example/winter"))),
    Mail(9, "Accounts", _ACCOUNTS, ("Ben Okafor", "ben@example.org"), "Reset your password",
         "Hello Ben,\n\nfollow this link within one hour to choose a new password:\n"
         "https://shop.contoso.example/reset/5c1f0b\n"),
    Mail(14, "Billing", _BILLING, _ANN, "Invoice 2026-1107",
         "Dear Ann,\n\nplease find your invoice attached.\n", pdf="invoice-2026-1107.pdf"),
    Mail(6, "Accounts", _ACCOUNTS, _YAMADA, "確認コードのお知らせ",
         "山田様\n\n確認コード：４８２９１３\n\nこのコードは 10 分間有効です。\n"),
    Mail(11, "Checkout", _SHOP, ("Chloé Martin", "chloe@example.fr"),
         "Your parcel is on its way", "Hello Chloé,\n\nyour parcel arrives tomorrow:\n"
         "https://shop.contoso.example/track/CO-20388\n"),
    Mail(4, "Checkout", _SHOP, _ANN, "Your order CO-20417 is confirmed",
         "Thank you for your order CO-20417.\n\nTotal: €161.90\n", _receipt()),
    Mail(2, "Billing", _BILLING, _ANN, "We have received your payment of €161.90",
         "Dear Ann,\n\nthank you: €161.90 were paid for order CO-20417.\n"),
    Mail(3, "Accounts", _ACCOUNTS, _ANN, "Your sign-in code is 739204",
         "Hello Ann,\n\nyour sign-in code is 739204. It is valid for ten minutes.\n\n"
         "If you did not try to sign in, change your password.\n",
         _page("Your sign-in code", '<p style="margin:0 0 8px">Hello Ann, enter this code within '
               'ten minutes:</p><p style="margin:16px 0;font-size:34px;line-height:44px;'
               'letter-spacing:6px;font-weight:bold">739204</p><p style="margin:0;color:#5b6770">'
               "If you did not try to sign in, change your password.</p>")),
)  # fmt: skip


class Shop:
    """An emulator with the directory of a shop, and its mail."""

    def __init__(self, relay: Emulator) -> None:
        self.relay = relay
        self._credentials: dict[str, tuple[str, str]] = {}

    def fill(self) -> dict[str, str]:
        """Make the applications and send the mail; return the ids of messages by their subject."""
        self._make_domain()
        for each in sorted({mail.application for mail in MAILS}):
            self._make_application(each)
        for mail in MAILS:
            if mail.minutes:
                self._ask("POST", "clock/advance", {"seconds": mail.minutes * 60 + 17})
            self._send(mail)
        self.relay.wait(subject=MAILS[-1].subject)
        return {each.subject: each.id for each in self.relay.messages()}

    def _make_domain(self) -> None:
        self._ask("POST", "directory/domains", {"name": DOMAIN})
        self._ask("POST", f"directory/domains/{DOMAIN}/verify", {"by_hand": True})
        resources = self._ask("GET", "directory/resources")["resources"]
        self._service = next(each["name"] for each in resources if each["kind"] == "communication")
        self._ask("POST", f"directory/resources/{self._service}/link", {"domain": DOMAIN})
        for address in sorted({mail.sender[1] for mail in MAILS}):
            local = address.partition("@")[0]
            self._ask("POST", "directory/senders", {"name": local, "parent": DOMAIN})

    def _make_application(self, name: str) -> None:
        self._ask("POST", "directory/apps", {"name": name})
        secret = self._ask("POST", "directory/secrets", {"name": "production", "parent": name})
        role = {"app": name, "on": self._service}
        self._ask("POST", f"directory/roles/{quote('Email Sender')}/assign", role)
        username = self._ask("GET", f"directory/apps/{name}")["usernames"][0]
        self._credentials[name] = username, secret["value"]

    def _send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"] = (f"{name} <{at}>" for name, at in (mail.sender, mail.to))
        message["Subject"] = mail.subject
        message.set_content(mail.text)
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        if mail.pdf:
            pdf = b"%PDF-1.4\n" + bytes(48_000)
            message.add_attachment(pdf, "application", "pdf", filename=mail.pdf)
        with smtplib.SMTP("localhost", self.relay.smtp.port, "app.contoso.example") as client:
            client.starttls(context=ssl.create_default_context(cafile=self.relay.ca_file))
            client.login(*self._credentials[mail.application])
            client.send_message(message)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        ready = self.relay.ready
        request = urllib.request.Request(
            f"{ready['console']}/api/gatepost/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {ready['api_token']}", "content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)
