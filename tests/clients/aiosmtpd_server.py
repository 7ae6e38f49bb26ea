"""aiosmtpd with one user, run as a program: STARTTLS, TLS first, and clear text.

In: its settings as JSON in the first argument. Out: one JSON object a line: first the ports, then
each message. ``node/server.mjs`` is the same with nodemailer's smtp-server.
"""

import asyncio
import base64
import json
import ssl
import sys
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


def show(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


class Handler:
    """Prints what it accepts."""

    def __init__(self, bearer: str) -> None:
        self._bearer = bearer
        """The XOAUTH2 response to accept."""

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        given: Any
        if len(args) > 1:
            given = base64.b64decode(args[1])
        else:
            given = await server.challenge_auth("")
        return AuthResult(
            success=given == self._bearer.encode(), handled=False, auth_data="XOAUTH2"
        )

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        show(
            {
                "mail_from": envelope.mail_from,
                "rcpt_to": envelope.rcpt_tos,
                "mechanism": session.auth_data,
                "tls": session.ssl is not None,
                "content": base64.b64encode(content).decode(),
            }
        )
        return "250 2.0.0 OK"


async def main(settings: dict[str, Any]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])
    known = LoginPassword(settings["username"].encode(), settings["password"].encode())
    excluded = {"PLAIN", "LOGIN", "XOAUTH2"} - set(settings["mechanisms"])
    bearer = f"user={settings['username']}\1auth=Bearer {settings['token']}\1\1"

    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        return AuthResult(success=given == known, handled=False, auth_data=mechanism)

    def connection(**tls: Any) -> SMTP:
        return SMTP(
            Handler(bearer),
            hostname="localhost",
            authenticator=authenticate,
            auth_required=True,
            auth_exclude_mechanism=excluded,
            **tls,
        )

    loop = asyncio.get_running_loop()
    starttls = partial(connection, tls_context=context, require_starttls=True)
    clear = partial(connection, auth_require_tls=False)
    servers = {
        "starttls": await loop.create_server(starttls, "127.0.0.1", 0),
        "implicit": await loop.create_server(clear, "127.0.0.1", 0, ssl=context),
        "clear": await loop.create_server(clear, "127.0.0.1", 0),
    }
    show({"ports": {name: each.sockets[0].getsockname()[1] for name, each in servers.items()}})
    await asyncio.gather(*(each.serve_forever() for each in servers.values()))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
