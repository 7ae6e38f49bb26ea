"""A client of the emulated Exchange Online, and of the Entra in front of it."""

import json
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cached_property
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from gatepost.cli.call_relay import call_clock, call_directory
from gatepost.testing import Emulator

OUTLOOK = "https://outlook.office365.com/.default"
HTTPS = ("--https", "127.0.0.1:0", "--http", "off")
INSIDE = "ann@microsoft365.example.com"
OUTSIDE = "bob@example.net"


@dataclass
class ExchangeClient:
    """Uses one emulator; each answer of a server is a line."""

    emulator: Emulator

    @cached_property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.emulator.ca_file)

    @property
    def ready(self) -> dict[str, Any]:
        return self.emulator.ready

    @property
    def mailbox(self) -> str:
        return self.emulator.username

    @property
    def shared(self) -> str:
        return f"shared@{self.mailbox.partition('@')[2]}"

    def operate(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Run an operation such as ``break`` on the organisation."""
        return call_directory(self.emulator.data, f"exchange {operation}", fields)

    def advance(self, seconds: float) -> None:
        call_clock(self.emulator.data, "advance", {"seconds": seconds})

    def post(self, endpoint: str, **form: str) -> dict[str, Any]:
        """Return the answer of the tenant's endpoint, an error too."""
        url = f"{self.ready['authority']}/{self.ready['tenant_id']}/oauth2/v2.0/{endpoint}"
        request = Request(url, urlencode(form).encode())
        try:
            with urlopen(request, context=self.trust) as response:
                answer: dict[str, Any] = json.load(response)
        except HTTPError as error:
            answer = json.load(error)
        return answer

    def ask_for_token(self, **changes: str) -> dict[str, Any]:
        """Return the answer to the application's token request."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.ready["client_id"],
            "client_secret": self.ready["client_secret"],
            "scope": OUTLOOK,
        }
        return self.post("token", **{**form, **changes})

    def token(self) -> str:
        return str(self.ask_for_token()["access_token"])

    def by_token(self, token: str = "", username: str = "") -> str:
        """Return the reply to XOAUTH2; the token is the application's unless it is given."""
        with self._session() as session:
            return self._sign_in(session, token, username)

    def by_password(self, password: str = "") -> str:
        """Return the reply to LOGIN."""
        with self._session() as session:
            try:
                return line(*session.login(self.mailbox, password or self.emulator.password))
            except smtplib.SMTPAuthenticationError as error:
                return line(error.smtp_code, error.smtp_error)

    def _session(self) -> smtplib.SMTP:
        session = smtplib.SMTP("localhost", self.emulator.smtp.port)
        session.starttls(context=self.trust)
        session.ehlo()
        return session

    def _sign_in(self, session: smtplib.SMTP, token: str, username: str = "") -> str:
        text = f"user={username or self.mailbox}\x01auth=Bearer {token or self.token()}\x01\x01"
        try:
            return line(*session.auth("XOAUTH2", lambda _=None: text))
        except smtplib.SMTPAuthenticationError as error:
            return line(error.smtp_code, error.smtp_error)

    def send(
        self,
        sender: str = "",
        to: tuple[str, ...] = (INSIDE,),
        *,
        token: str = "",
        author: str = "",
        username: str = "",
    ) -> str:
        """Return the reply to a message, or that to the login if it is refused."""
        with self._session() as session:
            reply = self._sign_in(session, token, username)
            if not reply.startswith("235"):
                return reply
            message = EmailMessage()
            message["From"] = author or sender or self.mailbox
            message["To"] = to[0]
            message["Subject"] = "Step by step"
            message.set_content("Hello")
            session.mail(sender or self.mailbox)
            for each in to:
                session.rcpt(each)
            return line(*session.data(message.as_bytes()))


def line(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode() if isinstance(text, bytes) else text}"
