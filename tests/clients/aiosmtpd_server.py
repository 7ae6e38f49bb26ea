"""aiosmtpd with STARTTLS and one user, run as a program.

In: its settings as JSON in the first argument. Out: one JSON object a line: first the port, then
each message. ``node/server.mjs`` is the same with nodemailer's smtp-server.
"""

import asyncio
import base64
import json
import ssl
import sys
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


def show(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


class Handler:
    """Prints what it accepts."""

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
    excluded = {"PLAIN", "LOGIN"} - set(settings["mechanisms"])

    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        return AuthResult(success=given == known, handled=False, auth_data=mechanism)

    def connection() -> SMTP:
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context,
            require_starttls=True,
            authenticator=authenticate,
            auth_required=True,
            auth_exclude_mechanism=excluded,
        )

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    show({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
