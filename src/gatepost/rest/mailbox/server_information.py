"""What the server is and can do, and Mailpit's chaos."""

from typing import Any

import msgspec
from starlette.responses import Response

from gatepost.mailbox.mailpit_documents import spell
from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError, ok

MAILPIT: str = "v1.30.5"
"""The version of Mailpit that this API follows."""


class RuntimeStats(msgspec.Struct, frozen=True, rename="pascal"):
    """Numbers since the start; sizes in octets, times in seconds."""

    uptime: int
    memory: int
    messages_deleted: int
    smtp_accepted: int = msgspec.field(name="SMTPAccepted")
    smtp_accepted_size: int = msgspec.field(name="SMTPAcceptedSize")
    smtp_rejected: int = msgspec.field(name="SMTPRejected")
    smtp_ignored: int = msgspec.field(name="SMTPIgnored")
    waiting: int
    """Requests that wait for mail now."""


class ServerDocument(msgspec.Struct, frozen=True, rename=spell):
    """Names and numbers of the server."""

    version: str
    latest_version: str
    gatepost: str
    """The version of Gatepost."""
    database: str
    database_size: int
    messages: int
    unread: int
    tags: dict[str, int]
    runtime_stats: RuntimeStats


class MessageRelay(msgspec.Struct, frozen=True, rename="pascal"):
    """Whether and how messages are released."""

    enabled: bool = False
    smtp_server: str = msgspec.field(name="SMTPServer", default="")
    return_path: str = ""
    allowed_recipients: str = ""
    blocked_recipients: str = ""
    override_from: str = ""
    preserve_message_ids: bool = msgspec.field(name="PreserveMessageIDs", default=False)
    recipient_allowlist: str = ""


class WebSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """Settings of Mailpit's pages."""

    label: str
    message_relay: MessageRelay
    spam_assassin: bool
    chaos_enabled: bool
    duplicates_ignored: bool
    hide_delete_all_button: bool


async def answer_probe(call: MailboxCall) -> Response:
    """``GET /livez`` and ``GET /readyz`` of an inbox; 503 while no mail is accepted."""
    refusal = call.site.refusal() if call.request.url.path.endswith("/readyz") else ""
    if refusal:
        raise MailboxError(503, refusal)
    return ok()


async def show_info(call: MailboxCall) -> Response:
    """``GET /api/v1/info``."""
    count, numbers = await call.inbox.count(), call.site.numbers()
    mailbox = call.site.mailbox
    return call.json(
        ServerDocument(
            version=MAILPIT,
            latest_version="disabled",
            gatepost=numbers.version,
            database=numbers.database,
            database_size=numbers.database_size,
            messages=count.messages,
            unread=count.unread,
            tags=dict(await call.inbox.tags()),
            runtime_stats=RuntimeStats(
                uptime=numbers.uptime,
                memory=numbers.memory,
                messages_deleted=mailbox.counters.deleted,
                smtp_accepted=mailbox.counters.arrived,
                smtp_accepted_size=mailbox.counters.arrived_octets,
                smtp_rejected=numbers.rejected,
                smtp_ignored=0,
                waiting=mailbox.waiting.count,
            ),
        )
    )


async def show_web_settings(call: MailboxCall) -> Response:
    """``GET /api/v1/webui``."""
    return call.json(
        WebSettings(
            label="Gatepost",
            message_relay=MessageRelay(enabled=call.site.release is not None),
            spam_assassin=False,
            chaos_enabled=call.site.chaos is not None,
            duplicates_ignored=False,
            hide_delete_all_button=False,
        )
    )


async def show_chaos(call: MailboxCall) -> Response:
    """``GET /api/v1/chaos``."""
    if call.site.chaos is None:
        raise _no_chaos()
    return call.json(call.site.chaos.show(call.lane))


async def set_chaos(call: MailboxCall) -> Response:
    """``PUT /api/v1/chaos``: omitted triggers are reset."""
    if call.site.chaos is None:
        raise _no_chaos()
    try:
        triggers: Any = call.site.chaos.set(await call.body() or b"{}", call.lane)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise MailboxError(400, str(error)) from None
    return call.json(triggers)


async def describe_api(call: MailboxCall) -> Response:
    """``GET /api/v1/swagger.json``: the OpenAPI document."""
    return call.json(call.site.describe())


def _no_chaos() -> MailboxError:
    return MailboxError(400, "chaos is not enabled on this server")
