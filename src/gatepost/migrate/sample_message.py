"""The message that is sent through each way out, and what arrived of it. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gatepost.mime.dates import format_date
from gatepost.mime.header_summary import MAX_HEADER, read_fields

MARK: Final = "X-Gatepost-Sample"
"""The field that tells apart what came through which way."""
_TRACES: Final = frozenset({"received", "return-path", "delivered-to", MARK.lower()})
"""Fields that every server adds, or ours."""
_SIGNER: Final = re.compile(r"(?:^|;)\s*d\s*=\s*([^;\s]{1,255})")
_ADDRESSES: Final = ("from", "sender", "reply-to", "return-path", "message-id")
_RESULTS: Final = ("authentication-results", "arc-authentication-results")


def compose_sample(sender: str, recipients: Sequence[str], id_: str, now: datetime) -> bytes:
    """Return a message as applications send it."""
    domain = sender.rpartition("@")[2]
    lines = [
        f"From: Gatepost sample <{sender}>",
        f"To: {', '.join(recipients)}",
        f"Subject: Gatepost sample {id_}",
        f"Date: {format_date(now)}",
        f"Message-ID: <{id_}@{domain}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "A message of `gatepost migrate verify`: it compares what two providers",
        "do with the same mail. It can be deleted.",
        ".A line that begins with a dot.",
    ]
    return "".join([f"{line}\r\n" for line in lines]).encode()


def mark_sample(content: bytes, mark: str) -> bytes:
    """Return the message with the mark of its way."""
    return f"{MARK}: {mark}\r\n".encode() + content


def mark_of(content: bytes) -> str:
    """Return the mark of a message that arrived; empty if it has none."""
    fields = dict(read_fields(content[:MAX_HEADER]))
    return fields.get(MARK.lower(), "")


def received_facts(sent: bytes, received: bytes) -> dict[str, str]:
    """Return what is to be compared about a message that arrived, by what it is called."""
    before, after = (read_fields(each[:MAX_HEADER]) for each in (sent, received))
    values = {name: [value for n, value in after if n == name] for name, _ in after}
    facts = {name: "; ".join(values.get(name, [])) for name in _ADDRESSES}
    signers = [
        match[1] for each in values.get("dkim-signature", []) if (match := _SIGNER.search(each))
    ]
    facts["signed by (DKIM)"] = ", ".join(signers)
    facts["authentication results"] = "; ".join(
        [each for name in _RESULTS for each in values.get(name, [])]
    )
    facts["size"] = f"{len(received)} octets ({len(received) - len(sent):+})"
    facts |= _differences(dict(before), {name: each[0] for name, each in values.items()})
    same = sent.partition(b"\r\n\r\n")[2] == received.partition(b"\r\n\r\n")[2]
    facts["text"] = "as it was sent" if same else "changed"
    return facts


def _differences(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    added = [each for each in after if each not in before and each not in _TRACES]
    missing = [each for each in before if each not in after and each not in _TRACES]
    changed = [name for name, value in before.items() if after.get(name, value) != value]
    changed = [each for each in changed if each not in _TRACES]
    names = (("added fields", added), ("changed fields", changed), ("missing fields", missing))
    return {what: ", ".join(each) for what, each in names}
