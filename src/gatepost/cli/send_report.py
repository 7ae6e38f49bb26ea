"""The output of ``gatepost send``: as a JSON document, or for people."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gatepost.cli.output import print_json
from gatepost.client.connection import Receipt
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import (
    AuthenticationRefused,
    GatepostError,
    NoSharedMechanism,
    RecipientsRefused,
    Refused,
)
from gatepost.model.reply import Reply
from gatepost.model.transcript import Transcript
from gatepost.model.unprintable import replace_unprintable


def print_receipt(receipt: Receipt, *, as_json: bool, verbose: bool) -> None:
    """Print that the server has accepted the message, and the refused recipients."""
    if as_json:
        print_json(_receipt_document(receipt))
        return
    how = " ".join(filter(None, (receipt.tls or "in clear", receipt.mechanism)))
    lines = [f"{receipt.server} ({how}) accepted {receipt.message_id}", f"  {receipt.reply}"]
    lines += [f"  for {address}" for address in receipt.accepted]
    lines += [f"  NOT for {address}: {reply}" for address, reply in receipt.refused.items()]
    if verbose:
        lines += ["", *_dialogue(receipt.transcript)]
    sys.stdout.write(_as_text(lines))


def print_failure(error: GatepostError, *, as_json: bool, verbose: bool) -> None:
    """Print what went wrong: where, what was offered, tried and answered."""
    if as_json:
        print_json(_error_document(error))
        return
    where = f" at {error.phase}" if error.phase else ""
    lines = [f"Not sent: failed{where}: {error}", *_details(error)]
    if finding := finding_of(error):
        lines.append(f"  finding: {finding} (gatepost doctor --explain {finding})")
    if error.transcript is not None and error.transcript.lines:
        if verbose:
            lines += ["", *_dialogue(error.transcript)]
        else:
            lines.append("  --verbose shows the dialogue; gatepost doctor finds the cause.")
    sys.stderr.write(_as_text(lines))


def _as_text(lines: Iterable[str]) -> str:
    """Return lines without control characters, because some may come from a server."""
    return "".join(
        [
            f"{replace_unprintable(each.expandtabs())}\n"
            for line in lines
            for each in line.split("\n")
        ]
    )


def _details(error: GatepostError) -> Iterator[str]:
    match error:
        case AuthenticationRefused():
            yield f"  offered: {' '.join(error.offered) or 'no AUTH'}"
            for attempt in _attempts(error):
                yield f"  tried {attempt.mechanism}: {attempt.reply}"
        case NoSharedMechanism():
            for choice in error.plan.choices:
                yield f"  {choice.mechanism}: {choice.reason}"
        case RecipientsRefused():
            for address, reply in error.by_address.items():
                yield f"  {address}: {reply}"
        case Refused() if error.command:
            yield f"  it was the reply to {error.command}"


def _attempts(error: AuthenticationRefused) -> list[AuthenticationRefused]:
    """Return the refusals that led to this one, in order."""
    attempts = [error]
    while isinstance(earlier := attempts[0].__cause__, AuthenticationRefused):
        attempts.insert(0, earlier)
    return attempts


def _dialogue(transcript: Transcript) -> Iterator[str]:
    for line in transcript.lines:
        yield f"  {line.speaker}{'*' if line.tls else ':'} {line.text}"
    if any(line.tls for line in transcript.lines):
        yield "  (* under TLS)"


def _receipt_document(receipt: Receipt) -> dict[str, Any]:
    return {
        "sent": True,
        "server": receipt.server,
        "tls": receipt.tls or None,
        "mechanism": receipt.mechanism or None,
        "message_id": receipt.message_id,
        "reply": _reply(receipt.reply),
        "accepted": list(receipt.accepted),
        "refused": _replies(receipt.refused),
        "transcript": transcript_document(receipt.transcript),
    }


def _error_document(error: GatepostError) -> dict[str, Any]:
    return {
        "sent": False,
        "error": {
            "kind": type(error).__name__,
            "phase": error.phase or None,
            "finding": finding_of(error) or None,
            "message": str(error),
            "reply": _reply(error.reply) if isinstance(error, Refused) else None,
            "command": error.command if isinstance(error, Refused) else None,
            **_error_details(error),
        },
        "transcript": transcript_document(error.transcript),
    }


def _error_details(error: GatepostError) -> dict[str, Any]:
    match error:
        case AuthenticationRefused():
            tried = [
                {"mechanism": attempt.mechanism, "reply": _reply(attempt.reply)}
                for attempt in _attempts(error)
            ]
            return {"offered": list(error.offered), "tried": tried}
        case NoSharedMechanism():
            plan = [
                {"mechanism": choice.mechanism, "taken": choice.taken, "reason": choice.reason}
                for choice in error.plan.choices
            ]
            return {"offered": list(error.offered), "usable": list(error.usable), "plan": plan}
        case RecipientsRefused():
            return {"recipients": _replies(error.by_address)}
    return {}


def _reply(reply: Reply) -> dict[str, Any]:
    status = str(reply.status) if reply.status else None
    return {"code": reply.code, "status": status, "text": reply.text}


def _replies(by_address: Mapping[str, Reply]) -> dict[str, Any]:
    return {address: _reply(reply) for address, reply in by_address.items()}


def transcript_document(transcript: Transcript | None) -> list[dict[str, Any]]:
    """Return the lines for JSON."""
    lines = transcript.lines if transcript is not None else ()
    return [{"from": line.speaker, "text": line.text, "tls": line.tls} for line in lines]
