"""``gatepost migrate verify``: what the old provider and the new ones do with the same message."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.output import FAILED, OK, CommandFailed, print_json
from gatepost.cli.secret_file import read_secret
from gatepost.cli.store_options import config_option
from gatepost.cli.tables import print_rows

if TYPE_CHECKING:
    from gatepost.app.ways_out import OldServer, Sample, WayResult
    from gatepost.config.settings import Configuration

EXAMPLE: Final = """\b
Example:
  gatepost migrate verify --config gatepost.toml --from shop@contoso.com --to ann@contoso.com \\
    --to you@mailbox.example --old-username RESOURCE.APP.TENANT --old-password-file acs-secret
"""
_POLL: Final = 0.2
Document = dict[str, Any]


@click.command("verify", epilog=EXAMPLE)
@config_option("path", "The configuration of the new relay.")
@click.option("--from", "sender", metavar="ADDRESS", required=True, help="The sender.")
@click.option(
    "--to", metavar="ADDRESS", multiple=True, required=True, help="A recipient (repeatable)."
)
@click.option(
    "--eml",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send this message instead of a short one.",
)
@click.option("--by", default="", metavar="NAME", help="The user name that sends it, for routes.")
@click.option(
    "--old", default="smtp.azurecomm.net:587", show_default=True, metavar="HOST:PORT",
    help="The server that applications use today.",
)  # fmt: skip
@click.option("--old-username", metavar="NAME", help="Its user name; default: it is left out.")
@click.option("--old-password-file", type=click.File("rb"), help="File with its password.")
@click.option("--old-ca-file", default="", metavar="FILE", help="Authorities to trust for it.")
@click.option(
    "--mailbox",
    "mailboxes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Directory of a Gatepost that receives mail for the recipients (its --data): compare what "
    "arrives there (repeatable).",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="S",
    help="Seconds to wait for what arrives there.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(path: Path, as_json: bool, **options: Any) -> int:
    """Send one message through ACS and each new route, and show side by side what became of it.

    Each attempt is made once, without a queue, as the relay would make it: its sign-in, its
    rewriting of the sender. Shows the reply, and with --mailbox what arrived: sender, changed
    headers, signatures, authentication results, size. Exit: 0 if every way accepted the message
    (and it arrived), 1 if not.
    """
    import asyncio  # noqa: PLC0415 - not for --help

    from gatepost.config.load import load_config  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    try:
        config = load_config(path)
        sample, old = _sample(options), _old(options)
        results = asyncio.run(_send(config, sample, old))
        arrived = asyncio.run(_collect(sample, results, options)) if options["mailboxes"] else {}
    except GatepostError as error:
        raise CommandFailed.by(error) from None
    ways = [_document(each, arrived) for each in results]
    if as_json:
        print_json({"id": sample.id, "ways": ways})
    else:
        _print(ways)
    is_whole = not options["mailboxes"] or all(
        each["received"] for each in ways if each["result"] == "accepted"
    )
    return OK if is_whole and all(each["result"] == "accepted" for each in ways) else FAILED


def _sample(options: Document) -> "Sample":
    from gatepost.app.ways_out import Sample  # noqa: PLC0415
    from gatepost.client.message import with_envelope  # noqa: PLC0415
    from gatepost.errors import LocalProtocolError  # noqa: PLC0415
    from gatepost.migrate.sample_message import compose_sample  # noqa: PLC0415

    id_ = secrets.token_hex(6)
    sender, to = options["sender"], options["to"]
    raw = (
        options["eml"].read_bytes()
        if options["eml"]
        else compose_sample(sender, to, id_, datetime.now(UTC))
    )
    try:
        prepared = with_envelope(raw, sender, to)
    except LocalProtocolError as error:
        raise click.UsageError(str(error)) from error
    return Sample(id_, prepared.envelope, prepared.body.content, options["by"])


def _old(options: Document) -> "OldServer | None":
    from gatepost.app.ways_out import OldServer  # noqa: PLC0415
    from gatepost.model.secret import Secret  # noqa: PLC0415
    from gatepost.net.dial import parse_server  # noqa: PLC0415

    username, file = options["old_username"], options["old_password_file"]
    if (username is None) != (file is None):
        raise click.UsageError("--old-username and --old-password-file must be given together")
    if username is None:
        return None
    password = Secret(read_secret(file, "password"))
    return OldServer(parse_server(options["old"]), username, password, options["old_ca_file"])


async def _send(
    config: "Configuration", sample: "Sample", old: "OldServer | None"
) -> "list[WayResult]":
    from gatepost.app.ways_out import WaysOut  # noqa: PLC0415

    async with WaysOut(config, sample) as ways:
        results = [await ways.try_old(old)] if old is not None else []
        return results + [each async for each in ways.results()]


async def _collect(
    sample: "Sample", results: "list[WayResult]", options: Document
) -> dict[str, Document]:
    """Return what is known of each message that arrived, by its way."""
    import asyncio  # noqa: PLC0415

    from gatepost.app.data_directory import open_mailbox  # noqa: PLC0415
    from gatepost.migrate.sample_message import mark_of, received_facts  # noqa: PLC0415

    wanted = {sample.mark(each.way): each.way for each in results if _is_accepted(each)}
    arrived: dict[str, Document] = {}
    seen: set[tuple[Path, str]] = set()
    deadline = time.monotonic() + options["timeout"]
    while len(arrived) < len(wanted):
        for mailbox in options["mailboxes"]:
            async with open_mailbox(mailbox) as store:
                new = [each for each in await store.list() if (mailbox, each.id) not in seen]
                for each in new:
                    seen.add((mailbox, each.id))
                    content = b"".join((await store.body(each.id)).chunks())
                    if way := wanted.get(mark_of(content)):
                        facts = received_facts(sample.content, content)
                        arrived[way] = {"mail from": each.mail_from, **facts}
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_POLL)
    return arrived


def _is_accepted(result: "WayResult") -> bool:
    made = result.result
    return made is not None and all(each.kind == "delivered" for each in made.verdicts)


def _document(each: "WayResult", arrived: dict[str, Document]) -> Document:
    made = each.result
    document: Document = {"way": each.way, "recipients": list(each.recipients)}
    if made is None:
        return document | {"result": "not tried", "reply": each.problem, "received": None}
    contact, kinds = made.attempt.contact, {verdict.kind for verdict in made.verdicts}
    accepted = "accepted" if kinds == {"delivered"} else "refused" if kinds == {"failed"} else ""
    replies = [made.attempt.reply, *[verdict.reply for verdict in made.verdicts]]
    shown = next((one for one in replies if not one.is_success), replies[0])
    return document | {
        "result": accepted or "deferred",
        "reply": shown.reason or str(shown),
        "server": str(contact),
        "tls": contact.tls,
        "signed_in": " ".join(filter(None, (contact.identity, contact.mechanism))),
        "seconds": round(made.attempt.seconds, 3),
        "received": arrived.get(each.way),
    }


_ROWS: Final = ("recipients", "result", "reply", "server", "tls", "signed_in", "seconds")


def _print(ways: list[Document]) -> None:
    rows = [(key.replace("_", " "), *[_cell(each.get(key)) for each in ways]) for key in _ROWS]
    received = [each["received"] or {} for each in ways]
    names = dict.fromkeys([key for each in received for key in each])
    rows += [(name, *[_cell(each.get(name)) for each in received]) for name in names]
    print_rows(("", *[each["way"] for each in ways]), rows)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "-" if value in (None, "") else str(value)
