"""Sends mail with nodemailer, in one process of Node.js for all tests of a process."""

import atexit
import base64
import json
import subprocess
from functools import cache
from typing import Any

from tests.clients.node.packages import HERE, NODE


def send(transport: dict[str, Any], sender: str, recipient: str, message: bytes) -> dict[str, Any]:
    """Send a message; return a document with ``accepted`` or ``error``. ``transport`` are the
    options of nodemailer's ``createTransport``."""
    order = {
        "transport": transport,
        "envelope": {"from": sender, "to": [recipient]},
        "raw": base64.b64encode(message).decode(),
    }
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


@cache
def _process() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [str(NODE), HERE / "send.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(process.communicate)
    return process
