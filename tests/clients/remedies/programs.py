"""Run Python programs, each the body of a function that may await; not imported by any test.

In: a JSON object a line, with ``code`` and the names that the program may use. Out: the same, with
``ok`` and the program's output: smtplib's debug output and the traceback.
"""

import asyncio
import io
import json
import os
import smtplib
import sys
import textwrap
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from email.message import EmailMessage
from typing import Any

SHARED = ("aiosmtplib", "context", "message", "password", "smtp", "url", "username")


def known(order: dict[str, Any]) -> dict[str, Any]:
    message = EmailMessage()
    message["From"] = order["sender"]
    message["To"] = order["recipient"]
    message["Subject"] = order["subject"]
    message.set_content("hello\n")
    secret = order["password"]
    return {
        **order, "token": secret, "get_token": lambda: secret, "text": "hello\n",
        "message": message, "raw": bytes(message),
    }  # fmt: skip


def with_django(names: dict[str, Any]) -> None:
    """Send a message as Django would with these settings; they may name another backend."""
    from django.conf import settings
    from django.core import mail
    from django.core.mail.backends.smtp import EmailBackend
    from django.test.utils import override_settings

    if not settings.configured:
        settings.configure()
    given = {name: value for name, value in names.items() if name.isupper()}
    kinds = [each for each in names.values() if isinstance(each, type)]
    backends = [each for each in kinds if issubclass(each, EmailBackend)]
    sender = given.setdefault("DEFAULT_FROM_EMAIL", names["sender"])
    with override_settings(**given):
        # the last one: what is imported stands before what is defined
        backend = backends[-1]() if backends else EmailBackend()
        message = mail.EmailMessage(
            names["subject"], "hello\n", sender, [names["recipient"]], connection=backend
        )
        message.send()


def run(order: dict[str, Any]) -> dict[str, Any]:
    for name in ("SMTP_", "EMAIL_HOST_"):
        os.environ[f"{name}PASSWORD"] = order["password"]
    os.environ["SMTP_USERNAME"] = os.environ["EMAIL_HOST_USER"] = order["username"]
    if order["library"] == "django":
        return ran(order, with_django)
    declared = f"    global {', '.join(SHARED)}\n"
    body = textwrap.indent(order["code"], "    ")
    source = f"async def program():\n{declared}{body}\n"
    return ran({**order, "code": source}, lambda names: asyncio.run(names["program"]()))


def ran(order: dict[str, Any], act: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    names = known(order)
    said, ok = io.StringIO(), True
    with redirect_stderr(said), redirect_stdout(said):
        try:
            exec(order["code"], names)
            act(names)
        except Exception:  # noqa: BLE001 - a program may end with any
            ok = False
            traceback.print_exc()
    return {"ok": ok, "output": said.getvalue()}


def main() -> None:
    smtplib.SMTP.debuglevel = 1
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
