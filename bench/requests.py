"""HTTP requests as a customer's program sends them, for a connection or for a handler."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import urlencode

from bench.world import now
from gatepost.model.secret import Secret

SEND = "/emails:send?api-version=2025-09-01"
SCOPE = "https://communication.azure.com/.default"
LINE = "All work and no play makes Jack a dull boy.\r\n"


@dataclass(frozen=True, slots=True)
class Call:
    """One POST."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    def raw(self) -> bytes:
        """Return the octets of the request (RFC 9112)."""
        fields = {**self.headers, "content-length": str(len(self.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.target} HTTP/1.1\r\n{head}\r\n".encode() + self.body


def letter(sender: str) -> bytes:
    """Return a request to send 4 KB: a text, and the same in HTML."""
    content = {
        "subject": "The report of this week",
        "plainText": LINE * 40,
        "html": f"<html><body>{f'<p>{LINE}</p>' * 40}</body></html>",
    }
    recipients = {"to": [{"address": "ann@example.net", "displayName": "Ann"}]}
    return json.dumps(
        {"senderAddress": sender, "content": content, "recipients": recipients}
    ).encode()


def signed_send(host: str, sender: str, key: Secret) -> Call:
    """Return a request signed with an access key (Microsoft Learn, "Sign an HTTP request");
    valid for 5 minutes."""
    body, date = letter(sender), format_datetime(now(), usegmt=True)
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"POST\n{SEND}\n{date};{host};{content_hash}"
    signature = hmac.digest(base64.b64decode(key.reveal()), text.encode(), "sha256")
    signed = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
    headers = {
        "host": host,
        "content-type": "application/json",
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "authorization": signed + base64.b64encode(signature).decode(),
    }
    return Call(SEND, headers, body)


def bearer_send(host: str, sender: str, token: Secret) -> Call:
    """Return a request with an access token for Azure Communication Services (RFC 6750)."""
    headers = {
        "host": host,
        "content-type": "application/json",
        "authorization": f"Bearer {token.reveal()}",
    }
    return Call(SEND, headers, letter(sender))


def token_request(host: str, tenant: str, client: str, secret: Secret) -> Call:
    """Return a client credentials grant with a secret (RFC 6749 4.4.2)."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "client_secret": secret.reveal(),
        "scope": SCOPE,
    }
    headers = {"host": host, "content-type": "application/x-www-form-urlencoded"}
    return Call(f"/{tenant}/oauth2/v2.0/token", headers, urlencode(form).encode())
