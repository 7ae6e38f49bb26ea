"""Shows what would be sent of a message by a configuration: for ``gatepost check --message``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatepost.model.unprintable import replace_unprintable

if TYPE_CHECKING:
    from gatepost.config.settings import Configuration
    from gatepost.model.envelope import Envelope
    from gatepost.relay.dry_run import DryRun, TargetPreview


def preview(
    config: "Configuration", message: Path, sender: str | None, to: tuple[str, ...], by: str
) -> "tuple[Envelope, DryRun]":
    """Return the envelope of a message, and what becomes of it. Raises UsageError."""
    from datetime import UTC, datetime  # noqa: PLC0415 - not for --help

    from gatepost.client.message import prepare, with_envelope  # noqa: PLC0415
    from gatepost.errors import LocalProtocolError  # noqa: PLC0415
    from gatepost.model.message import Submission  # noqa: PLC0415
    from gatepost.relay.dry_run import dry_run  # noqa: PLC0415
    from gatepost.relay.routes import Routes  # noqa: PLC0415

    raw = message.read_bytes()
    try:
        prepared = with_envelope(raw, sender, to) if to else prepare(raw)
        envelope = prepared.envelope
        if sender and not to:
            recipients = [str(each.address) for each in envelope.recipients]
            envelope = with_envelope(raw, sender, recipients).envelope
    except LocalProtocolError as error:
        raise click.UsageError(str(error)) from error
    submission = Submission("dry-run", envelope, prepared.body, b"", datetime.now(UTC), by)
    events = config.events
    bounces = dict.fromkeys(events.bounce_targets, events.bounce_domain) if events else {}
    return envelope, dry_run(Routes(config.routes), submission, bounces)


def print_dry_run(envelope: "Envelope", run: "DryRun") -> None:
    """Print it for people."""
    click.echo(f"Message from <{envelope.sender or ''}>, nothing is sent:")
    for delivery in run.deliveries:
        click.echo(f"\n{delivery.next_hop}: {', '.join(delivery.recipients)}")
        for number, target in enumerate(delivery.targets):
            _print_target(target, "then, if that fails, " if number else "")
    for recipient in run.unroutable:
        click.echo(f"\nNo route accepts mail to {recipient}: the client gets a refusal.")


def _print_target(target: "TargetPreview", before: str) -> None:
    server = f" ({target.server})" if target.server else ""
    click.echo(
        f"  {before}{target.target}{server}: MAIL FROM:<{target.sender}>, {target.size} octets"
    )
    for change in target.changes:
        for sign, lines in (("-", change.before), ("+", change.after)):
            for line in lines.decode("utf-8", "backslashreplace").split("\r\n"):
                if line:
                    click.echo(f"    {sign} {replace_unprintable(line)}")
    for domain in target.broken_signatures:
        shown = replace_unprintable(domain)
        click.echo(f"    The DKIM signature of {shown} does not hold there.")
    if target.problem:
        click.echo(f"    Not possible: {target.problem}")


def dry_run_document(envelope: "Envelope", run: "DryRun") -> dict[str, Any]:
    """Return it as a JSON document."""
    return {
        "mail_from": str(envelope.sender or ""),
        "deliveries": [
            {
                "next_hop": each.next_hop,
                "recipients": list(each.recipients),
                "targets": [_target_document(target) for target in each.targets],
            }
            for each in run.deliveries
        ],
        "unroutable": list(run.unroutable),
    }


def _target_document(target: "TargetPreview") -> dict[str, Any]:
    return {
        "target": target.target,
        "server": target.server,
        "mail_from": target.sender,
        "size": target.size,
        "changes": [
            {
                "before": each.before.decode("utf-8", "backslashreplace"),
                "after": each.after.decode("utf-8", "backslashreplace"),
            }
            for each in target.changes
        ],
        "broken_signatures": list(target.broken_signatures),
        "problem": target.problem,
    }
