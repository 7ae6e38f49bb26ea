"""Sends with azure-communication-email 1.0, in a process that has that package first in its path.

The request is JSON on standard input, the result goes to standard output.
"""

import json
import sys
from typing import Any


def main() -> None:
    from azure.communication.email import EmailClient  # type: ignore[attr-defined,unused-ignore]
    from azure.core.exceptions import HttpResponseError

    order: dict[str, Any] = json.load(sys.stdin)
    client = EmailClient.from_connection_string(order["connection_string"], retry_total=0)
    outcome: dict[str, Any]
    try:
        poller = client.begin_send(order["message"], operation_id=order.get("operation_id"))
        outcome = {"result": poller.result()}
    except HttpResponseError as error:
        headers: Any = getattr(error.response, "headers", {})
        outcome = {
            "error": {
                "kind": type(error).__name__,
                "code": error.error.code if error.error else None,
                "status": error.status_code,
                "message": error.error.message if error.error else error.message,
                "retry_after": headers.get("Retry-After"),
            }
        }
    json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    main()
