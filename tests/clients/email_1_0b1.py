"""Sends with azure-communication-email 1.0.0b1, in a process that has that package first in its
path.

The request is JSON on standard input, the result goes to standard output.
"""

import json
import sys
from typing import Any


def message(models: Any, sender: str) -> Any:
    to = [models.EmailAddress(email="ann@example.net", display_name="Ann Ö")]
    return models.EmailMessage(
        sender=sender,
        content=models.EmailContent(subject="Grüße", plain_text="a text", html="<b>größer</b>"),
        recipients=models.EmailRecipients(
            to=to,
            cc=[models.EmailAddress(email="cc@example.net")],
            bcc=[models.EmailAddress(email="hidden@example.net")],
        ),
        importance="high",
        reply_to=[models.EmailAddress(email="answers@example.net")],
        custom_headers=[models.EmailCustomHeader(name="X-A", value="b")],
        attachments=[
            models.EmailAttachment(
                name="a.txt", attachment_type="txt", content_bytes_base64="aGVsbG8="
            )
        ],
    )


def main() -> None:
    from azure.communication import email as sdk
    from azure.core.exceptions import HttpResponseError

    models: Any = sdk
    order: dict[str, str] = json.load(sys.stdin)
    client: Any = sdk.EmailClient.from_connection_string(order["connection_string"])
    sent = client.send(message(models, order["sender"]))
    told = client.get_send_status(sent.message_id)
    outcome = {"sent": {"id": told.message_id, "status": told.status}}
    try:
        client.send(message(models, "a@elsewhere.example"))
    except HttpResponseError as error:
        outcome["refused"] = {"kind": type(error).__name__, "status": error.status_code}
    json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    main()
